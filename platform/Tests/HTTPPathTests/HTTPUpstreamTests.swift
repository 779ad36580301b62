import AsyncHTTPClient
import Basics
import HTTPPath
import HTTPTypes
import Hummingbird
import NIOCore
import Resilience
import ServiceKit
import Telemetry
import TestKit
import Testing
import Tracing

@Suite("HTTPUpstream")
struct HTTPUpstreamTests {
    /// Tells what it was sent.
    private static let mirror = ServiceDefinition(name: "mirror", port: 8098) { boot in
        let routes = Routes(
            access: Routes.standardAccess.merging(["POST /mirror": .anyone, "GET /status/{code}": .anyone, "GET /large": .anyone]) { $1 })
        routes.on("POST /mirror") { request, context in
            let body = try await request.bytes(context)
            return .json(
                bytes: JSONWriter.object { json in
                    for field in request.headers { json.field(field.name.canonicalName, field.value) }
                    json.field("uri", request.uri.string)
                    json.field("body", String(buffer: body))
                }, headers: [.init("X-Own")!: "1", .connection: "keep-alive"])
        }
        routes.on("GET /status/{code}") { _, context in
            throw Problem(Int(try context.path("code")) ?? 500, "as_asked", "As asked.")
        }
        routes.on("GET /large") { _, _ in .json(String(repeating: "x", count: 100_000)) }
        let keys = LocalKeys(folder: try boot.settings(ServiceSettings.keysDirectory))
        return try ServiceParts(
            routes: routes, boot: boot, openAPI: Array("{}".utf8),
            authorizer: try await Authorizer(jwks: keys.jwks(.users), issuer: "i", audience: "mirror", roles: []))
    }

    private func withClient<T>(_ body: (HTTPClient) async throws -> T) async throws -> T {
        let client = HTTPClient.forServices(connectTimeout: .seconds(60))
        let outcome: Result<T, any Error>
        do { outcome = .success(try await body(client)) } catch { outcome = .failure(error) }
        try await client.shutdown()
        return try outcome.get()
    }

    private func withMirror<T: Sendable>(maxBodyBytes: Int = 4 << 20, _ body: (HTTPUpstream) async throws -> T) async throws -> T {
        try await withService(Self.mirror) { service in
            try await withClient { client in
                try await body(
                    HTTPUpstream(name: "mirror", baseURL: service.baseURL + "/", client: client, timeout: .seconds(120), maxBodyBytes: maxBodyBytes))
            }
        }
    }

    /// The error of a call to a peer that behaves like this.
    private func failure(_ behaviour: RawBehaviour, timeout: Duration = .seconds(60)) async throws -> UpstreamError? {
        try await withRawServer(behaviour) { port in
            try await withClient { client in
                let upstream = HTTPUpstream(name: "raw", baseURL: "http://127.0.0.1:\(port)", client: client, timeout: timeout)
                do throws(UpstreamError) {
                    _ = try await upstream.send(UpstreamRequest(.get, "/"))
                    return nil
                } catch {
                    return error
                }
            }
        }
    }

    @Test("method, path, body, headers, context and what is left of the deadline arrive")
    func arrives() async throws {
        try await withMirror { upstream in
            let context = CallContext(correlationID: "c-1", subject: "ann")
            let spans = RecordedSpans()
            let root = TelemetryTracer(sink: spans.of("test")).begin("root", carried: SpanContext.Carried(baggage: "k=v"))
            var request = UpstreamRequest(.post, "/mirror", headers: [.idempotencyKey: "k"], body: ByteBuffer(string: #"{"a":1}"#))
            request.resendCount = 2
            let sent = request
            let response = try await InstrumentationContext.$current.withValue(root.context) {
                try await CallContext.$current.withValue(context) {
                    try await Deadline.with(.after(.seconds(60))) {
                        try await upstream.send(sent)
                    }
                }
            }
            let span = try #require(spans.all.first)
            let json = try JSON.parse(response.body.readableBytesView)
            #expect(json["uri"] == "/mirror")
            #expect(json["body"] == #"{"a":1}"#)
            #expect(json["content-type"] == "application/json")
            #expect(json["idempotency-key"] == "k")
            #expect(json["x-correlation-id"] == "c-1")
            #expect(json["traceparent"]?.string == span.context.traceparent)
            #expect(span.parentID == root.identity.spanID)
            #expect(span[.httpStatus] == .int(Int64(response.status)))
            #expect(span[AttributeKey("http.request.resend_count")] == .int(2))
            #expect(json["x-datadog-trace-id"]?.string == "\(root.identity.traceID.low)")
            #expect(json["baggage"] == "k=v")
            #expect(json["x-on-behalf-of"] == "ann")
            let left = try #require(json["x-request-timeout-ms"]?.string.flatMap { Int($0) })
            #expect((1...60_000).contains(left))
            #expect(response.headers[HTTPField.Name("X-Own")!] == "1")
        }
    }

    @Test("without a deadline, the upstream's own time-out travels")
    func ownTimeout() async throws {
        try await withMirror { upstream in
            let json = try JSON.parse(
                try await upstream.send(UpstreamRequest(.post, "/mirror", body: ByteBuffer(string: "{}"))).body.readableBytesView)
            let left = try #require(json["x-request-timeout-ms"]?.string.flatMap { Int($0) })
            #expect((60_001...120_000).contains(left))
        }
    }

    @Test("each call asks for its token, and headers that concern one connection end here")
    func authorization() async throws {
        try await withService(Self.mirror) { service in
            try await withClient { client in
                let upstream = HTTPUpstream(
                    name: "mirror", baseURL: service.baseURL, client: client, timeout: .seconds(60), authorization: { "Basic eDp5" })
                let response = try await upstream.send(UpstreamRequest(.get, "/health/live"))
                // The callee takes bearer tokens only: the header did arrive.
                #expect(response.status == 401)
                #expect(response.headers[.connection] == nil)
                #expect(response.headers[.transferEncoding] == nil)
            }
        }
    }

    @Test("an answer with an error status is an answer", arguments: [400, 404, 409, 500, 503])
    func errorStatus(_ status: Int) async throws {
        try await withMirror { upstream in
            let response = try await upstream.send(UpstreamRequest(.get, "/status/\(status)"))
            #expect(response.status == status)
            let problem = #expect(throws: Problem.self) { try response.value { _ in } }
            #expect(problem?.code == "as_asked")
        }
    }

    @Test("a dead port is unreachable, and certainly nothing was executed")
    func deadPort() async throws {
        try await withDeadPort { port in
            try await withClient { client in
                let upstream = HTTPUpstream(name: "dead", baseURL: "http://127.0.0.1:\(port)", client: client, timeout: .seconds(60))
                let error = await #expect(throws: UpstreamError.self) { try await upstream.send(UpstreamRequest(.get, "/")) }
                #expect(error?.code == .unreachable)
                #expect(error?.mayHaveExecuted == false)
                #expect(error?.upstream == "dead")
            }
        }
    }

    @Test("a connection that closes before or in the middle of the answer is interrupted, and the call may have been executed")
    func interrupted() async throws {
        for behaviour in [
            RawBehaviour.closeAtOnce, .answerThenClose("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), .answerThenClose("HTTP/1.1 200"),
        ] {
            let error = try await failure(behaviour)
            #expect(error?.code == .interrupted)
            #expect(error?.mayHaveExecuted == true)
        }
    }

    @Test("what is no HTTP is an answer that cannot be used")
    func garbage() async throws {
        let error = try await failure(.answerThenClose("SSH-2.0-OpenSSH_9.2\r\n\r\n"))
        #expect(error?.code == .interrupted || error?.code == .badAnswer)
        #expect(error?.mayHaveExecuted == true)
    }

    @Test("a peer that never answers, or stalls within the answer, is timed out")
    func stalled() async throws {
        for text in ["", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"] {
            let error = try await failure(.answerThenStall(text), timeout: .milliseconds(100))
            #expect(error?.code == .timeout)
            #expect(error?.mayHaveExecuted == true)
        }
    }

    @Test("the nearer of deadline and time-out ends the call")
    func deadline() async throws {
        try await Deadline.with(.after(.milliseconds(100))) {
            let start = ContinuousClock.now
            let error = try await failure(.answerThenStall(""), timeout: .seconds(60))
            #expect(error?.code == .timeout)
            #expect(ContinuousClock.now - start < .seconds(30))
        }
        await Deadline.with(.after(.seconds(-1))) {
            let error = try? await failure(.answerThenStall(""))
            #expect(error?.code == .timeout)
        }
    }

    @Test("an answer over the bound is refused")
    func tooLarge() async throws {
        try await withMirror(maxBodyBytes: 10_000) { upstream in
            let error = await #expect(throws: UpstreamError.self) { try await upstream.send(UpstreamRequest(.get, "/large")) }
            #expect(error?.code == .answerTooLarge)
        }
    }

    @Test("a caller that gives up cancels the call")
    func cancelled() async throws {
        try await withRawServer(.answerThenStall("")) { port in
            try await withClient { client in
                let upstream = HTTPUpstream(name: "raw", baseURL: "http://127.0.0.1:\(port)", client: client, timeout: .seconds(60))
                let task = Task { try await upstream.send(UpstreamRequest(.get, "/")) }
                task.cancel()
                let error = await #expect(throws: UpstreamError.self) { try await task.value }
                #expect(error?.code == .cancelled)
            }
        }
    }

    @Test("a body is streamed both ways")
    func stream() async throws {
        try await withMirror { upstream in
            let (parts, continuation) = AsyncThrowingStream<ByteBuffer, any Error>.makeStream()
            for part in ["one ", "two ", "three"] { continuation.yield(ByteBuffer(string: part)) }
            continuation.finish()
            let answer = try await upstream.stream(UpstreamRequest(.post, "/mirror"), body: parts)
            var body = ByteBuffer()
            for try await part in answer.body { body.writeImmutableBuffer(part) }
            #expect(answer.status == 200)
            #expect(try JSON.parse(body.readableBytesView)["body"] == "one two three")
        }
    }

    @Test("a call is safe to repeat by its method or its key")
    func idempotent() {
        for method in [HTTPRequest.Method.get, .head, .put, .delete, .options] { #expect(UpstreamRequest(method, "/").isIdempotent) }
        #expect(!UpstreamRequest(.post, "/").isIdempotent)
        #expect(!UpstreamRequest(.patch, "/").isIdempotent)
        #expect(UpstreamRequest(.post, "/", headers: [.idempotencyKey: "k"]).isIdempotent)
    }
}
