import Basics
import HTTPPath
import HTTPTypes
import PricingAPI
import TestKit
import Testing

@testable import PricingService

@Suite struct PriceRoutesTests {
    @Test("a price is read by SKU and by id, with a tag that saves the second reading", arguments: [TestStore.memory, .postgres])
    func read(_ store: TestStore) async throws {
        try await withPricing(store: store) { service, _ in
            let first = try await service.client.get("/api/v1/prices/LAPTOP-001", as: .gateway).expect(200)
            #expect(first.json["price"] == ["amountMinor": 129_900, "currency": "USD"])
            #expect(first.json["validUntil"] == nil && first.json["exchange"] == nil)
            let byID = try await service.client.get("/api/v1/prices/01900000-0000-7001-8000-000000000001", as: .gateway).expect(200)
            #expect(byID.body == first.body)
            let tag = try #require(first.headers[.eTag])
            let again = try await service.client.get("/api/v1/prices/LAPTOP-001", as: .gateway, headers: [.ifNoneMatch: tag]).expect(304)
            #expect(again.body.isEmpty && again.headers[.eTag] == tag)
            let euros = try await service.client.get("/api/v1/prices/LAPTOP-001?currency=EUR", as: .gateway, headers: [.ifNoneMatch: tag]).expect(200)
            #expect(euros.json["price"] == ["amountMinor": 119_638, "currency": "EUR"])
            #expect(
                euros.json["exchange"] == [
                    "from": "USD", "to": "EUR", "tableVersion": 1, "validFrom": first.json["validFrom"] ?? .null,
                    "fromRate": ["value": 1, "scale": 0], "toRate": ["value": 9210, "scale": 4],
                ])
        }
    }

    @Test("a tag changes with a new price and with new rates")
    func tags() async throws {
        try await withPricing { service, clock in
            let client = service.client
            func tag(_ query: String = "") async throws -> String {
                try #require(await client.get("/api/v1/prices/LAPTOP-001\(query)", as: .gateway).expect(200).headers[.eTag])
            }
            var tags = [try await tag(), try await tag("?currency=EUR")]
            clock.advance(by: .seconds(1))
            let rates: JSON = ["base": "USD", "rates": [["currency": "EUR", "rate": ["value": 9, "scale": 1]]]]
            try await client.put("/api/v1/exchange-rates", json: rates, as: .gateway).expect(200)
            tags.append(try await tag("?currency=EUR"))
            #expect(try await tag() == tags[0])
            // Guarded by a tag that was read in euros.
            let change: JSON = ["base": ["amountMinor": 100_000, "currency": "USD"]]
            try await client.put("/api/v1/prices/LAPTOP-001", json: change, as: .gateway, headers: [.ifMatch: tags[2]]).expect(200)
            tags += [try await tag(), try await tag("?currency=EUR")]
            #expect(Set(tags).count == 5)
        }
    }

    @Test("a change needs the tag of what it changes")
    func guarded() async throws {
        try await withPricing { service, _ in
            let client = service.client
            let path = "/api/v1/prices/LAPTOP-001"
            let change: JSON = ["base": ["amountMinor": 1, "currency": "USD"]]
            expectProblem(try await client.put(path, json: change, as: .gateway), 428, "precondition_required", pointer: "If-Match")
            expectProblem(try await client.put(path, json: change, as: .gateway, headers: [.ifMatch: "\"7\""]), 412, "version_mismatch")
            expectProblem(
                try await client.put(path, json: change, as: .gateway, headers: [.ifMatch: "7"]), 400, "invalid_parameter", pointer: "If-Match")
            let tag = try #require(await client.get(path, as: .gateway).headers[.eTag])
            let changed = try await client.put(path, json: change, as: .gateway, headers: [.ifMatch: tag]).expect(200)
            #expect(changed.headers[.eTag] == "\"2\"" && changed.json["version"] == 2)
            expectProblem(try await client.put(path, json: change, as: .gateway, headers: [.ifMatch: tag]), 412, "version_mismatch")
            try await client.put(path, json: change, as: .gateway, headers: [.ifMatch: "\"2\""]).expect(200)
        }
    }

    @Test("a product's first price is made with both of its names", arguments: [TestStore.memory, .postgres])
    func made(_ store: TestStore) async throws {
        try await withPricing(store: store) { service, _ in
            let client = service.client
            let id = Identifier.test(900).description
            let change: JSON = ["base": ["amountMinor": 450, "currency": "KWD"], "sku": "NEW-1"]
            expectProblem(
                try await client.put("/api/v1/prices/\(id)", json: change.with("sku", nil), as: .gateway), 422, "invalid_body", pointer: "/sku")
            expectProblem(try await client.put("/api/v1/prices/\(id)", json: change, as: .gateway, headers: [.ifMatch: "*"]), 412, "version_mismatch")
            let made = try await client.put("/api/v1/prices/\(id)", json: change, as: .gateway, headers: [.ifNoneMatch: "*"]).expect(201)
            #expect(made.json["sku"] == "NEW-1" && made.json["version"] == 1)
            expectProblem(
                try await client.put("/api/v1/prices/NEW-1", json: change, as: .gateway, headers: [.ifNoneMatch: "*"]), 412, "version_mismatch")
            let read = try await client.get("/api/v1/prices/NEW-1", as: .gateway).expect(200)
            #expect(read.json["price"] == ["amountMinor": 450, "currency": "KWD"])
            let taken: JSON = ["base": ["amountMinor": 1, "currency": "USD"], "sku": "LAPTOP-001"]
            expectProblem(try await client.put("/api/v1/prices/\(Identifier.test(901))", json: taken, as: .gateway), 409, "sku_conflict")
        }
    }

    @Test("the history is read page by page, newest first", arguments: [TestStore.memory, .postgres])
    func history(_ store: TestStore) async throws {
        try await withPricing(store: store) { service, _ in
            let client = service.client
            for version in 1...4 {
                let change: JSON = ["base": ["amountMinor": .integer(Int64(version)), "currency": "USD"]]
                try await client.put("/api/v1/prices/LAPTOP-001", json: change, as: .gateway, headers: [.ifMatch: "\"\(version)\""]).expect(200)
            }
            var versions: [Int64] = []
            var query = "?limit=2"
            var pages = 0
            while pages < 10 {
                let page = try await client.get("/api/v1/prices/LAPTOP-001/history\(query)", as: .gateway).expect(200)
                versions += page.json["items"]?.array?.compactMap { $0["version"]?.integer } ?? []
                pages += 1
                guard let cursor = page.json["nextCursor"]?.string else { break }
                query = "?limit=2&cursor=\(cursor)"
            }
            #expect(versions == [5, 4, 3, 2, 1] && pages == 3)
            for bad in ["?limit=0", "?limit=201", "?limit=x", "?cursor=x", "?cursor=WyJ4Il0", "?page=2"] {
                expectProblem(try await client.get("/api/v1/prices/LAPTOP-001/history\(bad)", as: .gateway), 400, "invalid_parameter")
            }
            expectProblem(try await client.get("/api/v1/prices/NOPE/history", as: .gateway), 404, "price_not_found")
        }
    }

    @Test("a batch answers in the order asked for, and 200 at once at most", arguments: [TestStore.memory, .postgres])
    func batch(_ store: TestStore) async throws {
        try await withPricing(store: store) { service, _ in
            let client = service.client
            let body: JSON = ["ids": ["MOUSE-001", "NOPE", "01900000-0000-7001-8000-000000000001"], "currency": "JPY"]
            let batch = try await client.post("/api/v1/prices/batch-get", json: body, as: .gateway).expect(200)
            #expect(batch.json["items"]?.array?.map { $0["sku"] } == ["MOUSE-001", "LAPTOP-001"])
            #expect(batch.json["missing"] == ["NOPE"])
            let most = JSON.array((0..<200).map { .string("P-\($0)") })
            try await client.post("/api/v1/prices/batch-get", json: ["ids": most], as: .gateway).expect(200)
            let more = JSON.array((0..<201).map { .string("P-\($0)") })
            expectProblem(try await client.post("/api/v1/prices/batch-get", json: ["ids": more], as: .gateway), 422, "invalid_body", pointer: "/ids")
            expectProblem(
                try await client.post("/api/v1/prices/batch-get", json: ["ids": ["A", "B C"]], as: .gateway), 422, "invalid_body", pointer: "/ids/1")
        }
    }

    @Test("one product is calculated in its own currency and untaxed, unless asked otherwise")
    func calculate() async throws {
        try await withPricing { service, _ in
            let client = service.client
            let plain = try await client.post("/api/v1/prices/calculate", json: ["productId": "KEYBOARD-001", "quantity": 12], as: .gateway).expect(
                200)
            #expect(plain.json["totals"]?["total"] == ["amountMinor": 142_800, "currency": "USD"])
            let full: JSON = ["productId": "KEYBOARD-001", "quantity": 12, "discountCodes": ["bulk"], "currency": "USD", "taxRegion": "US-CA"]
            let taxed = try await client.post("/api/v1/prices/calculate", json: full, as: .gateway).expect(200)
            // 1428.00 × 0.95 = 1356.60; × 0.0725 = 98.3535
            #expect(taxed.json["totals"]?["tax"] == ["amountMinor": 9835, "currency": "USD"])
            #expect(taxed.json["lines"]?[0]?["discounts"]?[0]?["amount"] == ["amountMinor": 7140, "currency": "USD"])
            for (change, code, pointer) in [
                (full.with("productId", "NOPE"), "line_not_priced", "/productId"), (full.with("taxRegion", "FR"), "tax_region_unknown", "/taxRegion"),
                (full.with("currency", "CHF"), "currency_not_offered", "/currency"),
                (full.with("discountCodes", ["NOPE"]), "discount_unknown", "/discountCodes/0"),
                (full.with("quantity", 0), "invalid_body", "/quantity"), (full.with("quantity", 1_000_001), "invalid_body", "/quantity"),
                (full.with("quantity", "1"), "invalid_body", "/quantity"), (full.with("quantity", .number("1.5")), "invalid_body", "/quantity"),
                (full.with("lines", []), "invalid_body", "/lines"),
            ] {
                expectProblem(try await client.post("/api/v1/prices/calculate", json: change, as: .gateway), 422, code, pointer: pointer)
            }
            expectProblem(
                try await client.post("/api/v1/prices/calculate", json: ["productId": "NOPE", "quantity": 1], as: .gateway), 422, "line_not_priced",
                pointer: "/productId")
        }
    }

    @Test("an amount beyond the wire's bound is refused and not trapped over")
    func tooLarge() async throws {
        try await withPricing { service, _ in
            let change: JSON = [
                "base": ["amountMinor": 10_000_000_000_000, "currency": "USD"], "productId": .string(Identifier.test(900).description),
            ]
            try await service.client.put("/api/v1/prices/HUGE-1", json: change, as: .gateway).expect(201)
            let over = change.with("base", ["amountMinor": 10_000_000_000_001, "currency": "USD"])
            expectProblem(
                try await service.client.put("/api/v1/prices/HUGE-1", json: over, as: .gateway, headers: [.ifMatch: "*"]), 422, "invalid_body",
                pointer: "/base/amountMinor")
            expectProblem(try await service.client.quote("HUGE-1", 1_000_000), 422, "amount_too_large", pointer: "/lines/0/quantity")
            try await service.client.quote("HUGE-1", 100).expect(201)
            // 10^13 cents are 1.512 × 10^13 yen and 3.07 × 10^13 fils.
            let dinars: JSON = ["productId": "HUGE-1", "quantity": 33, "currency": "KWD"]
            expectProblem(
                try await service.client.post("/api/v1/prices/calculate", json: dinars, as: .gateway), 422, "amount_too_large", pointer: "/quantity")
        }
    }
}
