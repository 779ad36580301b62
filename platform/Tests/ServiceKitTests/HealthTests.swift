import HTTPPath
import HTTPTypes
import ServiceKit
import TestKit
import Testing

@Suite("Health")
struct HealthTests {
    struct Down: Error {}

    @Test("a dependency that is down is reported, and takes no replica out of service")
    func dependencyDown() async throws {
        let probe = ProbeService(health: [HealthCheck("store") {}, HealthCheck("queue") { throw Down() }])
        try await withService(probe.definition) { service in
            let ready = try await service.client.get("/health/ready")
            #expect(ready.status == 200)
            #expect(ready.json["status"] == "ready")
            let health = try await service.client.get("/health")
            #expect(health.status == 200)
            #expect(health.json["status"] == "degraded")
            for json in [ready.json, health.json] {
                #expect(json["dependencies"]?[0]?["name"] == "store")
                #expect(json["dependencies"]?[0]?["status"] == "up")
                #expect(json["dependencies"]?[1]?["status"] == "down")
            }
            #expect(try await service.client.get("/health/live").json == ["status": "live"])
        }
    }

    @Test("a dependency that hangs is down after a second, and health is answered")
    func dependencyHangs() async throws {
        let gate = Gate()
        try await withService(ProbeService(health: [HealthCheck("stuck") { try await gate.pass() }]).definition) { service in
            let health = try await service.client.get("/health")
            #expect(health.json["dependencies"]?[0]?["status"] == "down")
        }
    }

    @Test("while it drains, a service is not ready, alive, and still answers")
    func drain() async throws {
        try await withService(ProbeService().definition, settings: ["DRAIN_SECONDS": "300"]) { service in
            let two = Array("GET /health/live HTTP/1.1\r\nHost: a\r\n\r\nGET /health/ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8)
            let before = try await sendRaw(two, to: service.port)
            #expect(before.map(\.status) == [200, 200])
            #expect(before.first?.headers[.connection] == nil)
            await service.beginShutdown()
            try await eventually(within: .seconds(60), "readiness turns false") { try await service.client.get("/health/ready").status == 503 }
            expectProblem(try await service.client.get("/health/ready"), 503, "not_ready")
            #expect(try await service.client.get("/health/live").status == 200)
            let answer = try #require(try await sendRaw(two, to: service.port).first)
            #expect(answer.status == 200)
            #expect(answer.headers[.connection] == "close", "a caller that keeps its connection is cut off when the listener closes")
            service.abort()
        }
    }

    @Test("after the drain the listener closes")
    func closed() async throws {
        try await withService(ProbeService().definition, settings: ["DRAIN_SECONDS": "0"]) { service in
            await service.beginShutdown()
            try await eventually(within: .seconds(60), "the listener closes") {
                do {
                    _ = try await service.client.get("/health/live")
                    return false
                } catch {
                    return true
                }
            }
        }
    }

    @Test("a service is ready once, and never again after its drain began")
    func states() {
        let readiness = Readiness()
        #expect(readiness.state == .starting)
        readiness.becomeReady()
        #expect(readiness.state == .ready)
        readiness.drain()
        readiness.becomeReady()
        #expect(readiness.state == .draining)
    }

    @Test("version and OpenAPI are told")
    func standard() async throws {
        try await withService(ProbeService().definition) { service in
            #expect(try await service.client.get("/version").json == ["service": "probe-service", "version": .string(BuildInfo.version)])
            #expect(try await service.client.get("/openapi.json").json["openapi"] == "3.1.0")
            let metrics = try await service.client.get("/metrics")
            #expect(metrics.status == 200)
            #expect(metrics.header("Content-Type")?.hasPrefix("text/plain") == true)
        }
    }

    @Test("the docs page shows every route and code, and escapes what the document says")
    func docs() async throws {
        try await withService(ProbeService().definition) { service in
            let page = try await service.client.get("/docs")
            #expect(page.header("Content-Type") == "text/html; charset=utf-8")
            #expect(page.header("Content-Security-Policy")?.contains("default-src 'none'") == true)
            #expect(page.text.contains("Parcels &lt;b&gt;&amp;&lt;/b&gt; more"))
            #expect(page.text.contains("Lists &lt;script&gt;alert(1)&lt;/script&gt;"))
            #expect(!page.text.contains("<script>"))
            #expect(page.text.contains("id=\"parcel_not_found\""))
            for path in ["/api/v1/parcels/{id}", "/health/live"] { #expect(page.text.contains("<code>\(path)</code>")) }
        }
    }
}
