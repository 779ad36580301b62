import HTTPPath
import HTTPTypes
import ServiceKit
import TestKit
import Testing

@testable import Gateway

@Suite("faults set on purpose")
struct FaultTests {
    private static let enabled = ["FAULTS_ENABLED": "true"]
    private static let product = "/api/v1/products/LAPTOP-001"

    @Test("an error at the gateway meets its route only, until it is cleared; the answer says that it is no real one")
    func ownError() async throws {
        try await withShop(every: Self.enabled) { shop in
            let client = shop.client.unrecorded
            let set = try await shop.client.post(
                "/api/v1/admin/faults", json: ["kind": "error", "route": "GET /api/v1/products/{id}", "status": 500], as: .operatorNamed("olivia")
            ).expect(201).json
            #expect(set["service"] == "api-gateway")
            #expect(set["setBy"] == "olivia")
            expectProblem(try await client.get(Self.product), 500, "fault_injected")
            try await client.get("/api/v1/products?limit=1").expect(200)

            let listed = try await shop.client.get("/api/v1/admin/faults", as: .operator).expect(200).json
            #expect(listed["items"]?.array?.count == 1)
            #expect(listed["items"]?.array?[0]["injections"] == 1)
            #expect(listed["unavailable"] == [])
            try await shop.client.delete("/api/v1/admin/faults/\(set["id"]?.string ?? "")", as: .operator).expect(204)
            try await client.get(Self.product).expect(200)
            expectProblem(try await shop.client.delete("/api/v1/admin/faults/\(set["id"]?.string ?? "")", as: .operator), 404, "fault_not_found")
        }
    }

    @Test("an operator breaks inventory through the gateway, and mends it while all of it is broken")
    func peer() async throws {
        try await withShop(every: Self.enabled) { shop in
            let client = shop.client.unrecorded
            for service in ["inventory-service", "pricing-service"] {
                let set = try await shop.client.post(
                    "/api/v1/admin/faults", json: ["service": .string(service), "kind": "error"], as: .operatorNamed("olivia")
                ).expect(201).json
                #expect(set["service"] == .string(service))
                #expect(set["setBy"] == "olivia", "the service behind knows who it was")
            }
            expectProblem(try await client.get(Self.product), 503, "fault_injected")
            expectProblem(try await shop.inventory.client.unrecorded.get("/api/v1/products", as: .gateway), 503, "fault_injected")
            try await shop.inventory.client.get("/health/ready").expect(200)
            try await shop.inventory.client.get("/metrics").expect(200)

            let listed = try await shop.client.get("/api/v1/admin/faults", as: .operator).expect(200).json
            #expect(listed["items"]?.array?.compactMap { $0["service"]?.string } == ["inventory-service", "pricing-service"])
            let cleared = try await shop.client.delete("/api/v1/admin/faults", as: .operator).expect(200).json
            #expect(cleared["cleared"] == 2)
            try await client.get(Self.product).expect(200)
        }
    }

    @Test("one fault at a service behind is cleared by its id")
    func peerByID() async throws {
        try await withShop(every: Self.enabled) { shop in
            let set = try await shop.client.post(
                "/api/v1/admin/faults", json: ["service": "pricing-service", "kind": "latency", "latencyMs": 1], as: .operator
            ).expect(201).json
            let path = "/api/v1/admin/faults/\(set["id"]?.string ?? "")"
            try await shop.client.delete(path, as: .operator).expect(204)
            expectProblem(try await shop.client.delete(path, as: .operator), 404, "fault_not_found")
        }
    }

    @Test("a request waits no longer for a fault than its caller does for the answer")
    func latency() async throws {
        try await withShop(every: Self.enabled) { shop in
            _ = try await shop.client.post("/api/v1/admin/faults", json: ["kind": "latency", "latencyMs": 60_000], as: .operator).expect(201)
            expectProblem(try await shop.client.get(Self.product, headers: [.requestTimeout: "30"]), 504, "deadline_exceeded")
        }
    }

    @Test("a fault that nothing could meet is refused: an unknown route, health, the switch itself")
    func routes() async throws {
        try await withShop(every: Self.enabled) { shop in
            for route in ["GET /api/v1/nowhere", "GET /health/ready", "GET /metrics", "DELETE /api/v1/admin/faults", "/api/v1/products"] {
                for service in ["api-gateway", "inventory-service"] {
                    let draft: JSON = ["service": .string(service), "kind": "error", "route": .string(route)]
                    expectProblem(
                        try await shop.client.post("/api/v1/admin/faults", json: draft, as: .operator), 422, "invalid_body", pointer: "/route")
                }
            }
            expectProblem(
                try await shop.client.post("/api/v1/admin/faults", json: ["service": "elsewhere", "kind": "error"], as: .operator), 422,
                "invalid_body", pointer: "/service")
        }
    }

    @Test("where faults are not enabled there is nothing to set, list or clear")
    func disabled() async throws {
        try await withShop { shop in
            for (method, path) in [("GET", "/api/v1/admin/faults"), ("DELETE", "/api/v1/admin/faults")] {
                expectProblem(try await shop.client.send(method, path, as: .operator), 404, "faults_disabled")
            }
            expectProblem(try await shop.client.post("/api/v1/admin/faults", json: ["kind": "error"], as: .operator), 404, "faults_disabled")
            expectProblem(try await shop.client.post("/api/v1/admin/faults", json: ["kind": "error"], as: .shopper("ann")), 403, "forbidden")
        }
    }

    @Test("a service that does not answer is named, and the others are listed and cleared all the same")
    func unavailablePeer() async throws {
        try await withService(GatewayApp.definition, settings: gatewaySettings().merging(Self.enabled) { $1 }) { gateway in
            let set = try await gateway.setHarmlessFault(route: "GET /api/v1/products", as: .operator)
            let listed = try await gateway.client.get("/api/v1/admin/faults", as: .operator).expect(200).json
            #expect(listed["unavailable"] == ["inventory-service", "pricing-service"])
            #expect(listed["items"]?.array?.count == 1)
            try await gateway.client.delete("/api/v1/admin/faults/\(set)", as: .operator).expect(204)
            expectProblem(try await gateway.client.delete("/api/v1/admin/faults/\(set)", as: .operator), 503, "unavailable")
        }
    }
}
