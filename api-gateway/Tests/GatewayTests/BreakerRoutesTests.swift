import HTTPPath
import HTTPTypes
import ServiceKit
import TestKit
import Testing

@testable import Gateway

@Suite("the switches of circuit breakers")
struct BreakerRoutesTests {
    @Test("a breaker that is forced open refuses at once and says when to come back; given back, it lets calls through again")
    func forced() async throws {
        try await withShop { shop in
            let path = "/api/v1/admin/breakers/inventory"
            let forced = try await shop.client.put(path, json: ["mode": "forced-open", "reason": "restore"], as: .operator).expect(200)
            #expect(forced.json["state"] == "forced-open")
            let refused = try await shop.client.get("/api/v1/products/LAPTOP-001")
            expectProblem(refused, 503, "unavailable")
            #expect(refused.header("Retry-After") == "5")
            let record = try #require(shop.gateway.logs.records.first { $0.metadata["reason"] == "restore" })
            #expect(record.metadata["upstream"] == "inventory")
            #expect(record.metadata["subject"] != nil)

            let back = try await shop.client.put(path, json: ["mode": "automatic", "reason": "done"], as: .operator).expect(200)
            #expect(back.json["state"] == "closed")
            #expect(try await shop.client.get("/api/v1/products/LAPTOP-001").status == 200)
        }
    }

    @Test("a breaker that opened by itself is seen, and closed by hand")
    func reset() async throws {
        // Nothing listens where pricing should be.
        let settings = ["CIRCUIT_BREAKER_THRESHOLD": "1", "CIRCUIT_BREAKER_TIMEOUT": "600", "PRICING_SERVICE_URL": nowhere]
        try await withShop(settings: settings) { shop in
            #expect(try await shop.client.get("/api/v1/products/LAPTOP-001").json["degraded"] == ["pricing"])
            let open = try await shop.client.get("/api/v1/admin/breakers/pricing", as: .operator).expect(200).json
            #expect(open["state"] == "open")
            #expect(open["probeInSeconds"] != nil)
            let list = try await shop.client.get("/api/v1/admin/breakers", as: .operator).expect(200).json
            #expect(list["items"]?.array?.map { $0["state"] } == ["closed", "open"])
            let closed = try await shop.client.post("/api/v1/admin/breakers/pricing/reset", as: .operator).expect(200).json
            #expect(closed["state"] == "closed")
        }
    }

    @Test("thresholds change while calls are under way: what is named, within bounds, and who did it stays in the log")
    func thresholds() async throws {
        try await withShop(settings: ["PRICING_SERVICE_URL": nowhere]) { shop in
            let path = "/api/v1/admin/breakers/pricing"
            #expect(try await shop.client.get("/api/v1/products/LAPTOP-001").json["degraded"] == ["pricing"])
            let before = try await shop.client.get(path, as: .operator).expect(200).json
            #expect(before["thresholds"] == Self.thresholds)
            let change: JSON = ["minimumCalls": 1, "openMilliseconds": 600_000, "longestOpenMilliseconds": 600_000, "reason": "sooner"]
            let changed = try await shop.client.patch(path, json: change, as: .operatorNamed("olga")).expect(200).json
            let expected = Self.thresholds.with("minimumCalls", 1).with("openMilliseconds", 600_000).with("longestOpenMilliseconds", 600_000)
            #expect(changed["thresholds"] == expected)
            #expect(changed["state"] == before["state"] && changed["failures"] == before["failures"])
            let record = try #require(shop.gateway.logs.records.first { $0.metadata["reason"] == "sooner" })
            #expect(record.metadata["subject"] == "olga" && record.metadata["upstream"] == "pricing")
            #expect(record.metadata["thresholds"]?.contains("600000") == true)

            _ = try await shop.client.get("/api/v1/products/LAPTOP-001").expect(200)
            let open = try await shop.client.get(path, as: .operator).expect(200).json
            #expect(open["state"] == "open")
            #expect(open["thresholds"] == expected)
            // The other one is another.
            #expect(try await shop.client.get("/api/v1/admin/breakers/inventory", as: .operator).json["thresholds"] == Self.thresholds)
        }
    }

    @Test("thresholds that contradict each other, or none at all, change nothing")
    func wrongThresholds() async throws {
        try await withShop { shop in
            let path = "/api/v1/admin/breakers/pricing"
            for (body, pointer) in [
                (["openMilliseconds": 100_000, "reason": "x"], "/openMilliseconds"),
                (["longestOpenMilliseconds": 10, "reason": "x"], "/longestOpenMilliseconds"), (["reason": "x"], ""),
                (["failurePercent": 0, "reason": "x"], "/failurePercent"), (["probes": 1], "/reason"),
            ] as [(JSON, String)] {
                expectProblem(try await shop.client.patch(path, json: body, as: .operator), 422, "invalid_body", pointer: pointer)
            }
            expectProblem(try await shop.client.patch(path, json: ["probes": 1, "reason": "x"], as: .shopper("ann")), 403, "forbidden")
            #expect(try await shop.client.get(path, as: .operator).json["thresholds"] == Self.thresholds)
        }
    }

    private static let thresholds: JSON = [
        "minimumCalls": 20, "failurePercent": 50, "slowPercent": 50, "slowMilliseconds": 60_000, "windowMilliseconds": 10_000,
        "openMilliseconds": 5000, "longestOpenMilliseconds": 60_000, "probes": 3,
    ]

    @Test("a breaker that is not there is 404")
    func unknown() async throws {
        try await withShop { shop in
            expectProblem(try await shop.client.get("/api/v1/admin/breakers/nothing", as: .operator), 404, "breaker_not_found")
            expectProblem(
                try await shop.client.put("/api/v1/admin/breakers/nothing", json: ["mode": "disabled", "reason": "x"], as: .operator), 404,
                "breaker_not_found")
            expectProblem(try await shop.client.post("/api/v1/admin/breakers/nothing/reset", as: .operator), 404, "breaker_not_found")
        }
    }
}
