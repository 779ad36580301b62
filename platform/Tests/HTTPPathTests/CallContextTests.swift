import HTTPTypes
import Telemetry
import TestKit
import Testing
import Tracing

@testable import HTTPPath

@Suite("CallContext")
struct CallContextTests {
    private static let trace = TraceID(high: 1, low: 2)

    private func context(_ headers: HTTPFields) -> CallContext { CallContext(continuing: headers, traceID: Self.trace) }

    @Test("a caller's correlation id is kept; without one it is the id of the trace")
    func correlation() {
        #expect(context([.correlationID: "order:7_x.y-z"]).correlationID == "order:7_x.y-z")
        #expect(context([:]).correlationID == Self.trace.description)
    }

    @Test("a request id counts as a correlation id; X-Correlation-ID wins")
    func requestID() {
        #expect(context([.requestID: "r-1"]).correlationID == "r-1")
        #expect(context([.requestID: "r-1", .correlationID: "c-1"]).correlationID == "c-1")
    }

    @Test("a correlation id that could do harm in a log is replaced", arguments: ["", "a b", "a\"b", "é", "{x}", String(repeating: "x", count: 129)])
    func harmful(_ id: String) {
        #expect(context([.correlationID: id]).correlationID == Self.trace.description)
    }

    @Test("what is put into a call's headers is read back as the same")
    func inject() {
        var first = context([:])
        first.subject = "ann"
        var headers = HTTPFields()
        first.inject(into: &headers)
        #expect(context(headers).correlationID == first.correlationID)
        #expect(headers[.onBehalfOf] == "ann")
    }
}

@Suite("Upstream calls in a trace")
struct UpstreamCallTests {
    private let spans = RecordedSpans()
    private let peer = UpstreamCall.Peer(name: "inventory", baseURL: "http://[::1]:8001")

    private func inTrace(_ body: () throws -> Void) rethrows {
        let root = TelemetryTracer(sink: spans.of("test"), seed: 1).begin("root")
        try InstrumentationContext.$current.withValue(root.context, operation: body)
    }

    @Test("a call is a client span whose id is the one that the callee is told")
    func span() throws {
        var told: SpanContext?
        inTrace {
            let call = UpstreamCall(peer, UpstreamRequest(.get, "/api/v1/things/7?q=cup&token=t", template: "/api/v1/things/{id}"))
            var headers = HTTPFields()
            call.inject(into: &headers)
            told = Propagation().extract(headers).context
            call.end(status: 200)
        }
        let span = try #require(spans.all.first)
        #expect(span.name == "GET /api/v1/things/{id}")
        #expect(span.kind == .client)
        #expect(span.context.spanID == told?.spanID)
        #expect(span.context.traceID == told?.traceID)
        #expect(span.status == .unset)
        #expect(span[.serverAddress] == "[::1]")
        #expect(span[.serverPort] == 8001)
        #expect(span[.httpStatus] == 200)
        #expect(span[.urlFull] == "http://[::1]:8001/api/v1/things/7?q=cup&token=[redacted]")
    }

    @Test("an answer of 400 or more marks the client's span as failed; that a caller gave up does not")
    func failures() throws {
        inTrace {
            UpstreamCall(peer, UpstreamRequest(.get, "/a")).end(status: 404)
            for (path, error) in [
                ("/b", UpstreamError(.timeout, upstream: "inventory", detail: "no answer")),
                ("/c", UpstreamError(.cancelled, upstream: "inventory", detail: "left")),
            ] { UpstreamCall(peer, UpstreamRequest(.get, path)).end(status: nil, error: error) }
        }
        #expect(spans.all.map { $0[.errorType] } == ["404", "timeout", "cancelled"])
        #expect(spans.all.map(\.status) == [.error("inventory answered 404"), .error("inventory timeout: no answer"), .unset])
        #expect(spans.all.allSatisfy { $0.name == "GET inventory" })
    }

    @Test("a call ends once, at the latest when nobody reads it any more")
    func once() {
        inTrace {
            let call = UpstreamCall(peer, UpstreamRequest(.get, "/a"))
            call.end(status: 200)
            call.end(status: 500)
            _ = UpstreamCall(peer, UpstreamRequest(.get, "/b"))
        }
        #expect(spans.all.map { $0[.httpStatus] } == [200, nil])
        #expect(spans.all.map { $0[.errorType] } == [nil, "cancelled"])
    }

    @Test("outside of a trace nothing is recorded and nothing is told")
    func outside() {
        let call = UpstreamCall(peer, UpstreamRequest(.get, "/a"))
        var headers = HTTPFields()
        call.inject(into: &headers)
        call.end(status: 200)
        #expect(headers.isEmpty)
        #expect(spans.all.isEmpty)
    }
}

@Suite("Percent-encoding")
struct PercentEncodingTests {
    @Test(
        "all but the unreserved characters are encoded, byte by byte",
        arguments: [
            ("aZ09-._~", "aZ09-._~"), ("a b/c?d#e%&+=", "a%20b%2Fc%3Fd%23e%25%26%2B%3D"), ("é\u{0}\n", "%C3%A9%00%0A"), ("", ""), ("..", ".."),
        ])
    func encoding(_ text: String, _ encoded: String) {
        #expect(text.percentEncoded == encoded)
    }
}
