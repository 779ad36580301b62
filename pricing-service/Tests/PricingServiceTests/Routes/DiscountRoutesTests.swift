import Basics
import HTTPPath
import HTTPTypes
import TestKit
import Testing

@testable import PricingService

@Suite struct DiscountRoutesTests {
    private static let percentage: JSON = ["code": "spring-1", "kind": "percentage", "rate": ["value": 15, "scale": 2]]

    @Test("a code is made, read, changed and withdrawn", arguments: [TestStore.memory, .postgres])
    func life(_ store: TestStore) async throws {
        try await withPricing(store: store) { service, _ in
            let client = service.client
            let made = try await client.post("/api/v1/discounts", json: Self.percentage, as: .gateway).expect(201)
            #expect(made.json["code"] == "SPRING-1" && made.json["stackable"] == true && made.json["timesUsed"] == 0)
            #expect(made.headers[.location] == "/api/v1/discounts/SPRING-1")
            expectProblem(try await client.post("/api/v1/discounts", json: Self.percentage, as: .gateway), 409, "discount_exists", pointer: "/code")

            let read = try await client.get("/api/v1/discounts/spring-1", as: .gateway).expect(200)
            #expect(read.body == made.body)
            let tag = try #require(read.headers[.eTag])
            try await client.get("/api/v1/discounts/SPRING-1", as: .gateway, headers: [.ifNoneMatch: tag]).expect(304)

            let change = Self.percentage.with("usageLimit", 5).with("description", "Spring")
            expectProblem(try await client.put("/api/v1/discounts/SPRING-1", json: change, as: .gateway), 428, "precondition_required")
            let changed = try await client.put("/api/v1/discounts/SPRING-1", json: change, as: .gateway, headers: [.ifMatch: tag]).expect(200)
            #expect(changed.json["version"] == 2 && changed.json["usageLimit"] == 5)
            expectProblem(try await client.delete("/api/v1/discounts/SPRING-1", as: .gateway), 428, "precondition_required")
            expectProblem(try await client.delete("/api/v1/discounts/SPRING-1", as: .gateway, headers: [.ifMatch: tag]), 412, "version_mismatch")
            try await client.delete("/api/v1/discounts/SPRING-1", as: .gateway, headers: [.ifMatch: "\"2\""]).expect(204)
            expectProblem(try await client.get("/api/v1/discounts/SPRING-1", as: .gateway), 404, "discount_not_found")
        }
    }

    @Test("codes are listed in order, page by page", arguments: [TestStore.memory, .postgres])
    func list(_ store: TestStore) async throws {
        try await withPricing(store: store) { service, _ in
            let first = try await service.client.get("/api/v1/discounts?limit=3", as: .gateway).expect(200)
            #expect(first.json["items"]?.array?.map { $0["code"] } == ["AUDIO15", "BULK", "FIRST10"])
            let cursor = try #require(first.json["nextCursor"]?.string)
            let second = try await service.client.get("/api/v1/discounts?limit=4&cursor=\(cursor)", as: .gateway).expect(200)
            #expect(second.json["items"]?.array?.map { $0["code"] } == ["LIMITED", "SAVE5", "THREEFOR2", "WELCOME10"])
            #expect(second.json["nextCursor"] == nil)
        }
    }

    @Test("a repeated create with a key is done once", arguments: [TestStore.memory, .postgres])
    func idempotent(_ store: TestStore) async throws {
        try await withPricing(store: store) { service, _ in
            let key: HTTPFields = [.idempotencyKey: "k1"]
            let first = try await service.client.post("/api/v1/discounts", json: Self.percentage, as: .gateway, headers: key).expect(201)
            let again = try await service.client.post("/api/v1/discounts", json: Self.percentage, as: .gateway, headers: key).expect(201)
            #expect(again.body == first.body && again.headers[.eTag] == first.headers[.eTag] && again.headers[.idempotencyReplayed] == "true")
        }
    }

    @Test("a rule that makes no sense is refused at its place")
    func refused() async throws {
        let fixed: JSON = ["code": "F-1", "kind": "fixed", "amount": ["amountMinor": 5, "currency": "USD"]]
        let volume: JSON = ["code": "V-1", "kind": "volume", "tiers": [["minQuantity": 2, "rate": ["value": 1, "scale": 1]]]]
        let tier: JSON = ["minQuantity": 2, "rate": ["value": 1, "scale": 1]]
        let offer: JSON = ["code": "O-1", "kind": "buy-x-get-y", "offer": ["buyQuantity": 2, "getQuantity": 1]]
        let p = Self.percentage
        let cases: [(JSON, String)] = [
            (p.with("kind", "buy-x-get-y"), "/offer"), (p.with("kind", "category"), "/kind"), (p.with("kind", nil), "/kind"),
            (p.with("offer", ["buyQuantity": 2, "getQuantity": 1]), "/offer"), (p.with("categories", ["Books"]), "/categories/0"),
            (p.with("categories", .array(Array(repeating: "books", count: 21))), "/categories"),
            (p.with("priority", 1001), "/priority"), (p.with("priority", -1), "/priority"),
            (p.with("usageLimitPerShopper", 0), "/usageLimitPerShopper"),
            (offer.with("offer", ["buyQuantity": 0, "getQuantity": 1]), "/offer/buyQuantity"), (offer.with("offer", nil), "/offer"),
            (offer.with("offer", ["buyQuantity": 1]), "/offer/getQuantity"), (offer.with("rate", ["value": 1, "scale": 0]), "/rate"),
            (offer.with("offer", ["buyQuantity": 1, "getQuantity": 1, "rate": ["value": 2, "scale": 0]]), "/offer/rate"),
            (offer.with("offer", ["buyQuantity": 1, "getQuantity": 1, "mostTimes": 0]), "/offer/mostTimes"),
            (offer.with("offer", ["buyQuantity": 1, "getQuantity": 1, "getProducts": ["not ok"]]), "/offer/getProducts/0"),
            (p.with("code", "x y"), "/code"),
            (p.with("code", nil), "/code"), (p.with("rate", nil), "/rate"), (p.with("rate", ["value": 0, "scale": 1]), "/rate/value"),
            (p.with("rate", ["value": 11, "scale": 1]), "/rate"), (p.with("rate", ["value": 1, "scale": 7]), "/rate/scale"),
            (p.with("rate", ["value": -1, "scale": 1]), "/rate/value"), (p.with("rate", ["value": .number("0.1"), "scale": 0]), "/rate/value"),
            (p.with("rate", 10), "/rate"), (p.with("amount", ["amountMinor": 5, "currency": "USD"]), "/amount"), (p.with("tiers", [tier]), "/tiers"),
            (p.with("usageLimit", 0), "/usageLimit"), (p.with("stackable", "yes"), "/stackable"), (p.with("colour", 1), "/colour"),
            (p.with("products", ["ok", "not ok"]), "/products/1"),
            (p.with("minimumSpend", ["amountMinor": 0, "currency": "USD"]), "/minimumSpend/amountMinor"),
            (p.with("minimumSpend", ["amountMinor": 1, "currency": "EURO"]), "/minimumSpend/currency"), (p.with("startsAt", "tomorrow"), "/startsAt"),
            (p.with("startsAt", "2026-01-02T00:00:00Z").with("endsAt", "2026-01-01T00:00:00Z"), "/endsAt"),
            (p.with("description", .string(String(repeating: "x", count: 501))), "/description"),
            (fixed.with("amount", nil), "/amount"), (fixed.with("amount", ["amountMinor": 0, "currency": "USD"]), "/amount/amountMinor"),
            (fixed.with("rate", ["value": 1, "scale": 1]), "/rate"), (volume.with("tiers", []), "/tiers"),
            (volume.with("tiers", [tier, tier]), "/tiers"),
            (volume.with("tiers", [["minQuantity": 0, "rate": ["value": 1, "scale": 1]]]), "/tiers/0/minQuantity"),
            (volume.with("tiers", .array(Array(repeating: tier, count: 21))), "/tiers"),
        ]
        try await withPricing(store: .files) { service, _ in
            let before = try service.tableCounts()
            for (body, pointer) in cases {
                expectProblem(try await service.client.post("/api/v1/discounts", json: body, as: .gateway), 422, "invalid_body", pointer: pointer)
            }
            #expect(try service.tableCounts() == before)
            for body in [fixed, volume, offer, p] { try await service.client.post("/api/v1/discounts", json: body, as: .gateway).expect(201) }
        }
    }

    @Test("an unknown kind is named, and not the fields that belong to it")
    func unknownKind() async throws {
        try await withPricing { service, _ in
            let answer = try await service.client.post("/api/v1/discounts", json: Self.percentage.with("kind", "lottery"), as: .gateway)
            #expect(answer.json["errors"]?.array?.map { $0["pointer"] } == ["/kind"])
        }
    }
}
