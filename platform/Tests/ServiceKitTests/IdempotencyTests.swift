import Basics
import HTTPPath
import HTTPTypes
import ServiceKit
import TestKit
import Testing

@Suite("Idempotency")
struct IdempotencyTests {
    private let body: JSON = ["label": "books", "grams": 900, "size": "small"]
    private let key: HTTPFields = [.idempotencyKey: "k-1"]
    private let parcels = "parcels.sqlite/parcels"
    private let keys = "parcels.sqlite/idempotency_keys"

    @Test("the first answer is given again, and the effect happens once")
    func replay() async throws {
        try await withService(ParcelService().definition, store: .files) { service in
            let first = try await service.client.post("/api/v1/parcels", json: body, as: .operator, headers: key).expect(201)
            let second = try await service.client.post("/api/v1/parcels", json: body, as: .operator, headers: key).expect(201)
            #expect(first.header("Idempotency-Replayed") == nil)
            #expect(second.header("Idempotency-Replayed") == "true")
            #expect(first.body == second.body)
            for name in ["Location", "ETag", "Content-Type"] { #expect(first.header(name) == second.header(name) && first.header(name) != nil) }
            #expect(try service.tableCounts()[parcels] == 1)
        }
    }

    @Test("another spelling of the same path is the same request", arguments: ["/api/v1/parcels/", "/api/v1//parcels", "//api/v1/parcels"])
    func spellings(_ path: String) async throws {
        try await withService(ParcelService().definition, store: .files) { service in
            try await service.client.post("/api/v1/parcels", json: body, as: .operator, headers: key).expect(201)
            let again = try await service.client.post(path, json: body, as: .operator, headers: key).expect(201)
            #expect(again.header("Idempotency-Replayed") == "true")
            #expect(try service.tableCounts()[parcels] == 1)
        }
    }

    @Test("the same key with another body is refused")
    func otherBody() async throws {
        try await withService(ParcelService().definition, store: .files) { service in
            try await service.client.post("/api/v1/parcels", json: body, as: .operator, headers: key).expect(201)
            let other = try await service.client.post("/api/v1/parcels", json: body.with("grams", 901), as: .operator, headers: key)
            expectProblem(other, 422, "idempotency_key_reused", pointer: "Idempotency-Key")
            #expect(try service.tableCounts()[parcels] == 1)
        }
    }

    @Test("keys of different subjects have nothing to do with each other")
    func subjects() async throws {
        try await withService(ParcelService().definition, store: .files) { service in
            for name in ["olivia", "otto"] {
                let exchange = try await service.client.post("/api/v1/parcels", json: body, as: .operatorNamed(name), headers: key).expect(201)
                #expect(exchange.header("Idempotency-Replayed") == nil)
            }
            #expect(try service.tableCounts()[parcels] == 2)
        }
    }

    @Test("50 calls at once with one key have one effect and one answer")
    func concurrent() async throws {
        try await withService(ParcelService().definition, store: .files) { service in
            let exchanges = try await withThrowingTaskGroup(of: Exchange.self) { group in
                for _ in 0..<50 {
                    group.addTask { try await service.client.post("/api/v1/parcels", json: self.body, as: .operator, headers: self.key) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(exchanges.allSatisfy { $0.status == 201 })
            #expect(Set(exchanges.map(\.text)).count == 1)
            #expect(exchanges.count { $0.header("Idempotency-Replayed") == nil } == 1)
            #expect(try service.tableCounts()[parcels] == 1)
            #expect(try service.tableCounts()[keys] == 1)
        }
    }

    @Test("what fails stores nothing, so that the key may be used again")
    func rollback() async throws {
        try await withService(ParcelService().definition, store: .files) { service in
            let exploded = try await service.client.post("/api/v1/parcels", json: body.with("label", "explode"), as: .operator, headers: key)
            expectProblem(exploded, 500, "internal_error")
            expectProblem(
                try await service.client.post("/api/v1/parcels", json: body.with("grams", 0), as: .operator, headers: key), 422, "invalid_body")
            #expect(try service.tableCounts()[parcels] == 0)
            #expect(try service.tableCounts()[keys] == 0)
            try await service.client.post("/api/v1/parcels", json: body, as: .operator, headers: key).expect(201)
        }
    }

    @Test("a key is kept for 24 hours")
    func expiry() async throws {
        let clock = ManualClock()
        try await withService(ParcelService().definition, sources: clock.sources, store: .files) { service in
            try await service.client.post("/api/v1/parcels", json: body, as: .operator, headers: key).expect(201)
            clock.advance(by: .seconds(24 * 3600 - 1))
            #expect(
                try await service.client.post("/api/v1/parcels", json: body, as: .operator, headers: key).header("Idempotency-Replayed") == "true")
            clock.advance(by: .seconds(2))
            #expect(try await service.client.post("/api/v1/parcels", json: body, as: .operator, headers: key).header("Idempotency-Replayed") == nil)
            #expect(try service.tableCounts()[parcels] == 2)
        }
    }

    @Test(
        "a key is 1 to 255 visible ASCII characters",
        arguments: [
            ("x", true), (String(repeating: "k", count: 255), true), (String(repeating: "k", count: 256), false), ("a b", false), ("é", false),
        ])
    func form(_ key: String, _ isGood: Bool) async throws {
        try await withService(ParcelService().definition) { service in
            let exchange = try await service.client.post("/api/v1/parcels", json: body, as: .operator, headers: [.idempotencyKey: key])
            if isGood { exchange.expect(201) } else { expectProblem(exchange, 400, "invalid_parameter", pointer: "Idempotency-Key") }
        }
    }
}
