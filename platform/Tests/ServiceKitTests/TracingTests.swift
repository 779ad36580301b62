import HTTPTypes
import ServiceKit
import Telemetry
import TestKit
import Testing

@Suite("Traces of requests")
struct TracingTests {
    private let spans = RecordedSpans()

    /// The server spans, once there are so many: they end a moment after the answer.
    private func ended(_ count: Int) async -> [SpanRecord] {
        while spans.all.count < count { await Task.yield() }
        return spans.all
    }

    @Test("a request is a server span by the name of its route, and continues the caller's trace")
    func server() async throws {
        try await withService(ProbeService().definition, spans: spans) { service in
            let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
            _ = try await service.client.get("/api/v1/things/7?token=x&page=2", headers: [.traceparent: parent, .userAgent: "tests"])
            let span = try #require(await ended(1).first)
            #expect(span.name == "GET /api/v1/things/{id}")
            #expect(span.context.traceID.description == "4bf92f3577b34da6a3ce929d0e0e4736")
            #expect(span.parentID?.description == "00f067aa0ba902b7")
            #expect(span.hasRemoteParent)
            #expect(span[.httpRoute] == "/api/v1/things/{id}")
            #expect(span[.urlPath] == "/api/v1/things/7")
            #expect(span[.urlQuery] == "token=[redacted]&page=2")
            #expect(span[.httpStatus] == 401)
            #expect(span[.userAgent] == "tests")
            #expect(span.status == .unset, "a caller's mistake is none of the server's")
        }
    }

    @Test("a 5xx marks the span as failed, and says nothing of what the error holds")
    func failures() async throws {
        try await withService(ProbeService().definition, spans: spans) { service in
            _ = try await service.client.get("/api/v1/secretive")
            let span = try #require(await ended(1).first)
            #expect(span.status == .error("an error nobody expected"))
            #expect(span[.httpStatus] == 500)
            #expect(span.attributes.allSatisfy { !"\($0.value)".contains("hunter2") })
        }
    }

    @Test("paths that are not there are one span name, and so are methods that nobody knows")
    func unknown() async throws {
        try await withService(ProbeService().definition, spans: spans) { service in
            _ = try await service.client.get("/nowhere/1")
            _ = try await service.client.get("/nowhere/2")
            let ended = await ended(2)
            #expect(ended.map(\.name) == ["GET", "GET"])
            #expect(ended.allSatisfy { $0[.httpRoute] == nil && $0[.httpStatus] == 404 })
        }
    }

    @Test("health checks and scrapes begin no trace, and belong to one that they are asked in")
    func quiet() async throws {
        try await withService(ProbeService().definition, spans: spans) { service in
            for path in ["/health/live", "/health/ready", "/health", "/metrics"] { _ = try await service.client.get(path) }
            _ = try await service.client.get(
                "/health/live", headers: [.traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"])
            #expect(await ended(1).map(\.name) == ["GET /health/live"])
        }
    }

    @Test("/metrics is Prometheus' text, and OpenMetrics for whoever asks for it")
    func formats() async throws {
        try await withService(ProbeService().definition, spans: spans) { service in
            for (accept, type) in [
                (nil, "text/plain; version=0.0.4; charset=utf-8"), ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
                ("application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.5", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
            ] {
                var headers = HTTPFields()
                headers[.accept] = accept
                let answer = try await service.client.get("/metrics", headers: headers)
                #expect(answer.headers[.contentType] == type)
            }
        }
    }
}
