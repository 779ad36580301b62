import HTTPPath
import HTTPTypes
import Logging
import ServiceKit
import TestKit
import Testing

@Suite("Pipeline")
struct PipelineTests {
    @Test("a correlation id is taken from the caller, or made, and always returned, on errors too")
    func correlation() async throws {
        try await withService(ProbeService().definition) { service in
            for path in ["/api/v1/who", "/nowhere", "/api/v1/secretive", "/api/v1/things/7"] {
                let taken = try await service.client.get(path, headers: [.correlationID: "order-7"])
                #expect(taken.headers[.correlationID] == "order-7")
                let made = try await service.client.get(path)
                #expect(made.headers[.correlationID]?.count == 32)
            }
            let inside = try await service.client.get("/api/v1/who", headers: [.requestID: "r-1"])
            #expect(inside.json["correlationId"] == "r-1")
            let harmful = try await service.client.get("/api/v1/who", headers: [.correlationID: "a{b}"])
            #expect(harmful.headers[.correlationID] != "a{b}")
        }
    }

    @Test("a trace is continued, and an error names it")
    func trace() async throws {
        try await withService(ProbeService().definition) { service in
            let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
            let inside = try await service.client.get("/api/v1/who", headers: [.traceparent: parent])
            #expect(inside.json["traceId"] == "4bf92f3577b34da6a3ce929d0e0e4736")
            let error = try await service.client.get("/nowhere", headers: [.traceparent: parent])
            #expect(error.json["traceId"] == "4bf92f3577b34da6a3ce929d0e0e4736")
        }
    }

    @Test("an unknown path is 404, a known one with another method 405 with what it allows")
    func unknownRoutes() async throws {
        try await withService(ProbeService().definition) { service in
            for path in ["/", "/api", "/api/v1/nowhere", "/api/v1/things/7/8", "/API/V1/WHO"] {
                expectProblem(try await service.client.get(path), 404, "route_not_found")
            }
            let other = try await service.client.delete("/api/v1/things/7")
            expectProblem(other, 405, "method_not_allowed")
            #expect(other.header("Allow") == "GET, PUT")
            let strange = try await service.client.send("REPORT", "/api/v1/who")
            expectProblem(strange, 405, "method_not_allowed")
            #expect(strange.header("Allow") == "GET")
        }
    }

    @Test("HEAD is answered as GET is, and never with a body")
    func head() async throws {
        try await withService(ProbeService().definition) { service in
            let get = try await service.client.get("/version")
            let head = try await service.client.send("HEAD", "/version")
            #expect(head.status == 200)
            #expect(head.body.isEmpty)
            #expect(head.header("Content-Length") == get.header("Content-Length"))
            let missing = try await service.client.send("HEAD", "/nowhere")
            #expect(missing.status == 404)
            #expect(missing.body.isEmpty)
        }
    }

    @Test("a body is JSON by its type, of bounded length, well formed, and then what was asked for")
    func body() async throws {
        try await withService(ProbeService().definition, settings: ["HTTP_MAX_BODY_BYTES": "2048"]) { service in
            let client = service.client
            #expect(try await client.post("/api/v1/things", json: ["name": "x"]).status == 201)
            #expect(
                try await client.send(
                    "POST", "/api/v1/things", body: Array(#"{"name":"x"}"#.utf8), contentType: "Application/JSON; Charset=\"UTF-8\""
                ).status == 201)
            for type in [
                "text/plain", "application/json; charset=latin1", "application/json; x=y; charset=latin1",
                "application/json;charset=utf-8;charset=utf-16",
                "application/jsonx", "", "application/json, text/plain",
            ] {
                expectProblem(
                    try await client.send("POST", "/api/v1/things", body: Array("{}".utf8), contentType: type), 415, "unsupported_media_type",
                    pointer: "Content-Type")
            }
            let long = Array(#"{"name":"\#(String(repeating: "x", count: 2048))"}"#.utf8)
            expectProblem(try await client.send("POST", "/api/v1/things", body: long, contentType: "application/json"), 413, "body_too_large")
            expectProblem(
                try await client.send("POST", "/api/v1/things", body: long, contentType: "application/json", chunked: true), 413, "body_too_large")
            expectProblem(try await client.post("/api/v1/things", json: "{"), 400, "malformed_json", pointer: "")
            expectProblem(try await client.post("/api/v1/things", json: ["name": 7]), 422, "invalid_body", pointer: "/name")
        }
    }

    @Test("a body of many megabytes is refused, not read")
    func hugeBody() async throws {
        try await withService(ProbeService().definition) { service in
            let huge = Array(repeating: UInt8(ascii: " "), count: 30 << 20)
            expectProblem(try await service.client.send("POST", "/api/v1/things", body: huge, contentType: "application/json"), 413, "body_too_large")
            expectProblem(
                try await service.client.send("POST", "/api/v1/things", body: huge, contentType: "application/json", chunked: true), 413,
                "body_too_large")
        }
    }

    @Test("the caller's remaining time bounds the work, and the work is given up with 504")
    func deadline() async throws {
        try await withService(ProbeService().definition) { service in
            for path in ["/api/v1/gate", "/api/v1/gate/stream"] {
                let exchange = try await service.client.get(path, headers: [.requestTimeout: "30"])
                expectProblem(exchange, 504, "deadline_exceeded")
            }
            let left = try await service.client.get("/api/v1/who", headers: [.requestTimeout: "200000"]).json["remainingMs"]?.integer ?? 0
            #expect((1...200_000).contains(left))
        }
    }

    @Test("no caller gets more time than the service grants")
    func grantedTime() async throws {
        try await withService(ProbeService().definition, settings: ["HTTP_REQUEST_TIMEOUT_SECONDS": "100"]) { service in
            for headers in [HTTPFields(), [.requestTimeout: "3600000"], [.requestTimeout: "9223372036854775807"]] {
                let left = try await service.client.get("/api/v1/who", headers: headers).json["remainingMs"]?.integer ?? 0
                #expect((1...100_000).contains(left))
            }
        }
        try await withService(ProbeService().definition, settings: ["HTTP_REQUEST_TIMEOUT_SECONDS": "0.03"]) { service in
            expectProblem(try await service.client.get("/api/v1/gate"), 504, "deadline_exceeded")
        }
    }

    @Test("over the bound on requests in flight the answer is 503 with Retry-After; health is exempt; the place is free afterwards")
    func inFlight() async throws {
        let probe = ProbeService()
        try await withService(probe.definition, settings: ["HTTP_MAX_IN_FLIGHT": "1"]) { service in
            async let held = service.client.get("/api/v1/gate")
            await probe.gate.arrivals(1)
            let refused = try await service.client.get("/api/v1/who")
            expectProblem(refused, 503, "overloaded")
            #expect(refused.header("Retry-After") == "1")
            #expect(try await service.client.get("/health/live").status == 200)
            #expect(try await service.client.get("/health/ready").status == 200)
            probe.gate.open()
            #expect(try await held.status == 204)
            #expect(try await service.client.get("/api/v1/who").status == 200)
        }
    }

    @Test("an error nobody expected is 500, tells the caller nothing, and is logged by its type under the trace")
    func unexpected() async throws {
        try await withService(ProbeService().definition) { service in
            let exchange = try await service.client.get("/api/v1/secretive", headers: [.correlationID: "c-500"])
            expectProblem(exchange, 500, "internal_error")
            #expect(!exchange.text.contains("hunter2"))
            let record = service.logs.records.first { $0.metadata["correlation_id"] == "c-500" }
            #expect(record?.level == .error)
            #expect(record?.metadata["error"]?.contains("Secretive") == true)
            #expect(record?.metadata["trace_id"] == exchange.json["traceId"]?.string)
            #expect(!service.logs.records.contains { "\($0)".contains("hunter2") })
        }
    }

    @Test(
        "errors of the platform have their own answers",
        arguments: [
            ("cancelled", 503, "unavailable"), ("deadline", 504, "deadline_exceeded"), ("http", 418, "http_418"), ("other", 500, "internal_error"),
        ])
    func mapped(_ what: String, _ status: Int, _ code: String) async throws {
        try await withService(ProbeService().definition) { service in
            let exchange = try await service.client.get("/api/v1/uncaught/\(what)")
            expectProblem(exchange, status, code)
            #expect(!exchange.text.contains("hunter2"))
        }
    }

    @Test("every request is logged once, by its route and not by its path, and without its token")
    func logged() async throws {
        try await withService(ProbeService().definition) { service in
            let exchange = try await service.client.get(
                "/api/v1/things/secret-7?key=hunter2", as: .person("ann", role: "member"), headers: [.correlationID: "c-log"])
            #expect(exchange.status == 200)
            let records = service.logs.records.filter { $0.metadata["correlation_id"] == "c-log" }
            #expect(records.count == 1)
            #expect(records.first?.level == .info)
            #expect(records.first?.metadata["http.route"] == "/api/v1/things/{id}")
            #expect(records.first?.metadata["http.status"] == "200")
            let token = exchange.requestHeaders.first { $0.0 == "Authorization" }?.1.dropFirst("Bearer ".count) ?? "none"
            for record in service.logs.records {
                #expect(!"\(record)".contains("hunter2") && !"\(record)".contains("secret-7") && !"\(record)".contains(token))
            }
        }
    }

    @Test("answers are not sniffed, and not cached unless they say so")
    func headers() async throws {
        try await withService(ProbeService().definition) { service in
            for path in ["/api/v1/who", "/nowhere"] {
                let exchange = try await service.client.get(path)
                #expect(exchange.header("X-Content-Type-Options") == "nosniff")
                #expect(exchange.header("Cache-Control") == "no-store")
            }
            #expect(try await service.client.get("/docs").header("Cache-Control") == "no-cache")
        }
    }

    @Test("headers over the bound, and what is no HTTP, are refused and leave the service well")
    func hostile() async throws {
        try await withService(ProbeService().definition, settings: ["HTTP_MAX_HEADER_BYTES": "4096"]) { service in
            let long = HTTPFields([HTTPField(name: .init("X-Long")!, value: String(repeating: "x", count: 10_000))])
            let answer = try? await service.client.get("/api/v1/who", headers: long)
            #expect(answer.map { (400..<500).contains($0.status) } ?? true)
            for path in ["no-slash", "/a b", "/\u{0}", "*"] {
                let answer = try? await service.client.get(path)
                #expect(answer.map { (400..<500).contains($0.status) } ?? true, "\(path)")
            }
            try await service.client.get("/api/v1/who").expect(200)
        }
    }

    @Test("a role that may not is 403, nobody is 401, and an anonymous route takes no broken token")
    func roles() async throws {
        try await withService(ProbeService().definition) { service in
            let client = service.client
            let nobody = try await client.get("/api/v1/things/7")
            expectProblem(nobody, 401, "unauthenticated", pointer: "Authorization")
            #expect(nobody.header("WWW-Authenticate") == "Bearer")
            #expect(try await client.get("/api/v1/things/7", as: .person("ann", role: "member")).status == 200)
            expectProblem(try await client.get("/api/v1/things/7", as: .operator), 403, "forbidden")
            expectProblem(try await client.get("/api/v1/who", as: .raw("broken")), 401, "unauthenticated", pointer: "Authorization")
            let who = try await client.get("/api/v1/who", as: .person("ann", role: "member"), headers: [.onBehalfOf: "bob"]).json
            #expect(who["role"] == "member" && who["subject"] == "ann" && who["actor"] == "ann" && who["onBehalfOf"] == "ann")
        }
    }

    @Test("a path parameter is decoded once")
    func decodedOnce() async throws {
        try await withService(ProbeService().definition) { service in
            let twice = try await service.client.get("/api/v1/things/a%2520b", as: .person("ann", role: "member"))
            #expect(twice.json == "a%20b")
            let accented = try await service.client.get("/api/v1/things/%C3%A9", as: .person("ann", role: "member"))
            #expect(accented.json == "é")
        }
    }

    @Test("a request in flight when the stop begins is answered")
    func stop() async throws {
        let probe = ProbeService()
        try await withService(probe.definition) { service in
            async let held = service.client.get("/api/v1/gate")
            await probe.gate.arrivals(1)
            await service.beginShutdown()
            probe.gate.open()
            try await held.expect(204)
        }
    }
}
