import HTTPPath
import HTTPTypes
import ServiceKit
import TestKit
import Testing

@testable import ConsoleService

struct TraceRoutesTests {
    private static let host = HTTPField.Name("Host")!

    @Test("a trace says what it is about: its root, its services, its errors and its order")
    func summary() async throws {
        try await withConsole { service in
            _ = try await service.client.export(exportMessage("api-gateway", [SpanSketch(id: 1, name: "POST /api/v1/orders", end: 30, kind: 2)]))
            _ = try await service.client.export(
                exportMessage(
                    "inventory-service", [SpanSketch(id: 2, parent: 1, name: "reserve", start: 3, end: 9, failure: "no stock", order: "o-7")]))
            let item = try #require(try await service.client.get("/api/v1/traces").expect(200).json["items"]?.array?.first)
            #expect(item["traceId"]?.string == SpanSketch.traceText(1))
            #expect(item["name"] == "POST /api/v1/orders")
            #expect(item["service"] == "api-gateway")
            #expect(item["durationNanoseconds"] == 30_000_000)
            #expect(item["status"] == "error")
            #expect(item["services"] == ["api-gateway", "inventory-service"])
            #expect(item["orderIds"] == ["o-7"])
            let detail = try await service.client.get("/api/v1/traces/\(SpanSketch.traceText(1))").expect(200).json
            let reserve = try #require(detail["spans"]?.array?.last)
            #expect(reserve["parentSpanId"] == "0000000000000001")
            #expect(reserve["offsetNanoseconds"] == 3_000_000)
            #expect(reserve["status"] == "error")
            #expect(reserve["statusMessage"] == "no stock")
            #expect(detail["resources"]?.array?.count == 2)
            #expect(detail["startTime"]?.string?.hasSuffix("Z") == true)
        }
    }

    @Test("a list is narrowed and goes on where it ended")
    func list() async throws {
        try await withConsole { service in
            for number in 1...5 {
                let span = SpanSketch(
                    trace: UInt8(number), id: 1, end: UInt64(number * 100), failure: number == 2 ? "x" : nil, order: number == 3 ? "o-3" : nil)
                _ = try await service.client.export(exportMessage(number == 4 ? "b" : "a", [span]))
            }
            func ids(_ query: String) async throws -> [String] {
                let page = try await service.client.get("/api/v1/traces\(query)").expect(200).json
                return (page["items"]?.array ?? []).compactMap { $0["traceId"]?.string.map { String($0.suffix(1)) } }
            }
            #expect(try await ids("?limit=200") == ["5", "4", "3", "2", "1"])
            #expect(try await ids("?service=b") == ["4"])
            #expect(try await ids("?status=error") == ["2"])
            #expect(try await ids("?status=ok&minDurationMs=300") == ["5", "4", "3"])
            #expect(try await ids("?orderId=o-3") == ["3"])
            let first = try await service.client.get("/api/v1/traces?limit=2").expect(200).json
            let cursor = try #require(first["nextCursor"]?.string)
            #expect(try await ids("?limit=2&cursor=\(cursor)") == ["3", "2"])
        }
    }

    @Test("a trace that is not there is 404, and what is no id is 400")
    func missing() async throws {
        try await withConsole { service in
            expectProblem(try await service.client.get("/api/v1/traces/\(SpanSketch.traceText(9))"), 404, "trace_not_found")
            for id in ["nonsense", String(repeating: "0", count: 32), String(repeating: "g", count: 32)] {
                expectProblem(try await service.client.get("/api/v1/traces/\(id)"), 400, "invalid_parameter", pointer: "traceId")
            }
        }
    }

    @Test("a foreign name for this address is refused, so that no page from elsewhere reads traces")
    func foreignHost() async throws {
        try await withConsole { service in
            for path in ["/", "/assets/app.js", "/api/v1/traces", "/api/v1/intake"] {
                expectProblem(try await service.client.get(path, headers: [Self.host: "evil.example:8090"]), 421, "foreign_host")
            }
            let refused = try await service.client.export([], headers: [Self.host: "evil.example"]).expect(421)
            #expect(refused.refusal.code == 3)
            for host in ["localhost", "LOCALHOST:8090", "127.0.0.1:1", "[::1]:8090", "127.1.2.3", "shop.localhost:80"] {
                try await service.client.get("/api/v1/intake", headers: [Self.host: host]).expect(200)
            }
            for host in ["127.0.0.1.evil.example", "localhost.evil.example", "0.0.0.0", "[::2]"] {
                try await service.client.get("/api/v1/intake", headers: [Self.host: host]).expect(421)
            }
        }
        #expect(HostCheck(listeningOn: "0.0.0.0").isLocal == false)
    }

    @Test("every route answers anyone, and no route changes anything but the receiver's")
    func access() async throws {
        try await withConsole { service in
            for route in service.routes {
                #expect(route.access == .anyone)
                #expect(route.key.method == .get || route.key.path.hasPrefix("/v1/"))
            }
            for path in ["/health/live", "/health/ready", "/health", "/metrics", "/version", "/openapi.json", "/docs"] {
                try await service.client.get(path).expect(200)
            }
        }
    }

    @Test("bad input is refused at its place, on every route")
    func badInput() async throws {
        let answersProtobuf = "OTLP's answers are protobuf, not problems: ReceiverRoutesTests has them"
        let receiver = { (path: RouteKey) in
            RouteExample(
                path, raw: .bytes([], contentType: "application/x-protobuf"),
                leftOut: [.unknownQuery, .duplicateQuery, .invalidUTF8, .wrongMediaType, .tooLarge].map { .init($0, answersProtobuf) })
        }
        let report = try await checkBadInput(Console.definition, settings: ["CONSOLE_OTLP_PORT": "0"]) { service in
            _ = try await service.client.export(exportMessage("a", [SpanSketch(id: 1, order: "o-1")]))
            return [
                RouteExample("GET /"), RouteExample("GET /assets/{name}", path: ["name": "app.js"]), RouteExample("GET /api/v1/intake"),
                RouteExample(
                    "GET /api/v1/traces", query: ["service": "a", "status": "ok", "minDurationMs": "1", "orderId": "o-1", "limit": "2"],
                    leftOut: [.init(.overLong, at: "status", "an enumeration: no value of it is long")]),
                RouteExample(
                    "GET /api/v1/traces/{traceId}", path: ["traceId": SpanSketch.traceText(1)], unknown: ["traceId": SpanSketch.traceText(2)]),
                receiver("POST /v1/traces"), receiver("POST /v1/metrics"), receiver("POST /v1/logs"),
            ]
        }
        #expect(report.requests > 100)
    }
}
