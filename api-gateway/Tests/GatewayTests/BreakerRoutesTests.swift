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
