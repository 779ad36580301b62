import Basics
import HTTPPath
import HTTPTypes
import LocalServers
import PricingAPI
import TestKit
import Testing

@testable import PricingService

@Suite(.timeLimit(.minutes(5))) struct CacheRoutesTests {
    private let path = "/api/v1/prices/LAPTOP-001"

    private func stats(_ service: RunningService) async throws -> JSON {
        try await service.client.get("/api/v1/cache/stats", as: .gateway).expect(200).json
    }

    private func change(_ service: RunningService, to amount: Int64) async throws {
        let body: JSON = ["base": ["amountMinor": .integer(amount), "currency": "USD"]]
        try await service.client.put(path, json: body, as: .gateway, headers: [.ifMatch: "*"]).expect(200)
    }

    private func amount(_ service: RunningService) async throws -> Int64? {
        try await service.client.get(path, as: .gateway).expect(200).json["price"]?["amountMinor"]?.integer
    }

    @Test("a price is read from the store once, and given from memory until it changes; then the new one is given at once")
    func memory() async throws {
        try await withPricing { service, clock in
            let first = try await service.client.get(path, as: .gateway).expect(200)
            for _ in 0..<3 { #expect(try await service.client.get(path, as: .gateway).expect(200).body == first.body) }
            var seen = try await stats(service)
            #expect(seen["answers"]?["memory"] == 3 && seen["answers"]?["source"] == 1 && seen["loads"] == 1)
            #expect(seen["memory"]?["entries"] == 1 && seen["shared"] == nil)
            clock.advance(by: .seconds(1))
            try await change(service, to: 100)
            #expect(try await amount(service) == 100)
            // By its id too, under which it was never asked for.
            let byID = try await service.client.get("/api/v1/prices/01900000-0000-7001-8000-000000000001", as: .gateway).expect(200)
            #expect(byID.json["price"]?["amountMinor"] == 100)
            seen = try await stats(service)
            #expect(seen["loads"] == 3 && seen["invalidations"]?["own"] == 2)
        }
    }

    @Test("a price is given no longer than it is in force, and one that begins is given from its first moment")
    func validity() async throws {
        try await withPricing { service, clock in
            #expect(try await amount(service) == 129_900)
            let body: JSON = [
                "base": ["amountMinor": 5, "currency": "USD"], "validFrom": .string((clock.now + .seconds(10)).description),
                "validUntil": .string((clock.now + .seconds(20)).description),
            ]
            try await service.client.put(path, json: body, as: .gateway, headers: [.ifMatch: "*"]).expect(200)
            for (seconds, wanted) in [(0, 129_900), (9, 129_900), (1, 5), (9, 5), (1, 129_900)] as [(Int, Int64)] {
                clock.advance(by: .seconds(seconds))
                #expect(try await amount(service) == wanted)
            }
        }
    }

    @Test("a product that is not known is remembered for a moment, and its first price is given at once")
    func unknown() async throws {
        try await withPricing { service, _ in
            let path = "/api/v1/prices/NEW-1"
            for _ in 0..<2 { expectProblem(try await service.client.get(path, as: .gateway), 404, "price_not_found") }
            #expect(try await stats(service)["loads"] == 1)
            let body: JSON = ["base": ["amountMinor": 5, "currency": "USD"], "productId": "01900000-0000-7001-8000-00000000f001"]
            try await service.client.put(path, json: body, as: .gateway).expect(201)
            #expect(try await service.client.get(path, as: .gateway).expect(200).json["price"]?["amountMinor"] == 5)
        }
    }

    @Test("many prices at once are what each is by itself, kept or not, in any currency")
    func batch() async throws {
        try await withPricing { service, _ in
            let references: JSON = ["LAPTOP-001", "NOPE", "MOUSE-001", "LAPTOP-001"]
            for _ in 0..<2 {
                let answer = try await service.client.post("/api/v1/prices/batch-get", json: ["ids": references], as: .gateway).expect(200).json
                let laptop = try await service.client.get(path, as: .gateway).expect(200).json
                let mouse = try await service.client.get("/api/v1/prices/MOUSE-001", as: .gateway).expect(200).json
                #expect(answer["items"] == .array([laptop, mouse, laptop]) && answer["missing"] == ["NOPE"])
            }
            let euros = try await service.client.post("/api/v1/prices/batch-get", json: ["ids": references, "currency": "EUR"], as: .gateway).expect(
                200)
            #expect(euros.json["items"]?[0]?["price"] == ["amountMinor": 119_638, "currency": "EUR"])
        }
    }

    @Test("an operator has prices forgotten, named or all of them")
    func invalidate() async throws {
        try await withPricing { service, _ in
            func forget(_ body: JSON) async throws -> JSON {
                try await service.client.post("/api/v1/cache/invalidate", json: body, as: .gateway).expect(200).json
            }
            _ = try await amount(service)
            #expect(try await forget(["products": ["LAPTOP-001", "NOPE"]]) == ["invalidated": 2, "replicasTold": true])
            #expect(try await stats(service)["memory"]?["entries"] == 0)
            _ = try await amount(service)
            #expect(try await forget(["all": true]) == ["replicasTold": true])
            #expect(try await stats(service)["memory"]?["entries"] == 0)
            for body in [[:], ["all": false], ["all": true, "products": ["LAPTOP-001"]]] as [JSON] {
                expectProblem(
                    try await service.client.post("/api/v1/cache/invalidate", json: body, as: .gateway), 422, "invalid_body", pointer: "/all")
            }
        }
    }

    @Test("replicas with a Redis share what one of them has read, and hear what another changes")
    func shared() async throws {
        try await TestRedis.withServer { server in
            let url = try await StoreEngine.postgres.url()
            let settings = ["REDIS_URL": server.url, "DATABASE_URL": url, "DATABASE_POOL_SIZE": "2", "CACHE_REMOTE_TIMEOUT_SECONDS": "5"]
            try await withPricing(settings: settings) { first, _ in
                try await withPricing(settings: settings.merging(["KEYS_DIR": first.keysFolder]) { $1 }) { second, _ in
                    for service in [first, second] {
                        try await eventually(within: .seconds(60), "it hears") { try await stats(service)["shared"]?["hears"] == true }
                    }
                    for service in [first, second] { #expect(try await amount(service) == 129_900) }
                    #expect(try await stats(second)["answers"]?["remote"] == 1)
                    #expect(try await stats(second)["loads"] == 0)
                    try await change(first, to: 7)
                    #expect(try await amount(first) == 7)
                    try await eventually(within: .seconds(60), "the other one gives it") { try await amount(second) == 7 }
                }
            }
        }
    }
}
