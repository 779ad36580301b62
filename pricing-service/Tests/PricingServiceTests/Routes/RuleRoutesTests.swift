import Basics
import HTTPPath
import HTTPTypes
import PricingAPI
import TestKit
import Testing

@testable import PricingService

/// What the rules look like over HTTP.
@Suite struct RuleRoutesTests {
    private static func usd(_ amount: Int64) -> JSON { ["amountMinor": .integer(amount), "currency": "USD"] }

    @Test("an offer is made, and a quote explains what it took, piece by piece", arguments: [TestStore.memory, .postgres])
    func offer(_ store: TestStore) async throws {
        try await withPricing(store: store) { service, _ in
            let client = service.client
            let rule: JSON = [
                "code": "desk", "kind": "buy-x-get-y",
                "offer": ["buyQuantity": 1, "getQuantity": 1, "rate": ["value": 5, "scale": 1], "getProducts": ["MOUSE-001"], "mostTimes": 1],
                "categories": ["computers"], "priority": 7, "usageLimitPerShopper": 1,
            ]
            let made = try await client.post("/api/v1/discounts", json: rule, as: .gateway).expect(201)
            #expect(made.json["offer"] == rule["offer"] && made.json["categories"] == ["computers"] && made.json["priority"] == 7)
            #expect(made.json["usageLimitPerShopper"] == 1)
            let body: JSON = [
                "lines": [["productId": "LAPTOP-001", "quantity": 2], ["productId": "MOUSE-001", "quantity": 3]], "discountCodes": ["DESK", "save5"],
                "currency": "USD", "taxRegion": "US-CA",
            ]
            let quote = try await client.post("/api/v1/quotes", json: body, as: .gateway).expect(201)
            #expect(quote.json["discountCodes"] == ["DESK", "SAVE5"])
            let lines = quote.json["lines"]
            #expect(lines?[0]?["base"] == Self.usd(129_900) && lines?[0]?["unitPrice"] == Self.usd(129_900))
            #expect(lines?[1]?["discounts"]?[0]?["reason"] == "1 of 3 pieces at 50 % less")
            #expect(lines?[1]?["discounts"]?[0]?["amount"] == Self.usd(2450))
            #expect(quote.json["discounts"]?[0]?["reason"] == "buy 1, get 1: 1 given")
            #expect(quote.json["discounts"]?[1]?["amount"] == Self.usd(500))
            #expect(quote.json["totals"]?["discount"] == Self.usd(2950))
            #expect(quote.json["notUsed"] == nil && quote.json["exchange"] == nil)
            let id = try #require(quote.json["id"]?.string)
            #expect(try await client.get("/api/v1/quotes/\(id)", as: .gateway).expect(200).body == quote.body)
            // The typed client reads all of it.
            let read = try await PricingClient(ServiceUpstream(client: client)).quote(try #require(Identifier(id)))
            #expect(violations(of: read.breakdown) == [] && read.breakdown.lines[1].discounts.count == 2)
        }
    }

    @Test("the best of six codes is chosen, and of a seventh it is said that there are too many")
    func best() async throws {
        try await withPricing { service, _ in
            let client = service.client
            let body: JSON = [
                "lines": [["productId": "LAPTOP-001", "quantity": 1]],
                "discountCodes": ["LIMITED", "WELCOME10", "SAVE5", "BULK", "THREEFOR2", "FIRST10"],
                "combine": "best", "currency": "EUR", "taxRegion": "DE",
            ]
            let quote = try await client.post("/api/v1/quotes", json: body, as: .gateway).expect(201)
            #expect(quote.json["discountCodes"] == ["LIMITED"])
            #expect(quote.json["notUsed"]?.array?.map { $0["code"] } == ["BULK", "FIRST10", "SAVE5", "THREEFOR2", "WELCOME10"])
            #expect(quote.json["notUsed"]?[0]?["reason"] == "not_chosen" && quote.json["notUsed"]?[3]?["reason"] == "discount_not_applicable")
            #expect(quote.json["exchange"]?["rates"]?[0] == ["currency": "EUR", "rate": ["value": 9210, "scale": 4]])
            let seven = body.with("discountCodes", .array((0..<7).map { .string("CODE-\($0)") }))
            expectProblem(try await client.post("/api/v1/quotes", json: seven, as: .gateway), 422, "invalid_body", pointer: "/discountCodes")
            expectProblem(
                try await client.post("/api/v1/quotes", json: body.with("combine", "worst"), as: .gateway), 422, "invalid_body", pointer: "/combine")
            let one: JSON = ["productId": "LAPTOP-001", "quantity": 1, "discountCodes": ["LIMITED", "SAVE5"], "combine": "best"]
            #expect(try await client.post("/api/v1/prices/calculate", json: one, as: .gateway).expect(200).json["discountCodes"] == ["LIMITED"])
            expectProblem(
                try await client.post("/api/v1/prices/calculate", json: one.with("combine", nil), as: .gateway), 422, "discount_not_stackable",
                pointer: "/discountCodes/0")
        }
    }

    @Test("who orders is said by the gateway, and a code per shopper is refused without", arguments: [TestStore.memory, .postgres])
    func shoppers(_ store: TestStore) async throws {
        try await withPricing(store: store) { service, _ in
            let client = service.client
            let id = try #require(try await client.quote(codes: ["FIRST10"]).expect(201).json["id"]?.string)
            func redeem(_ order: Int, by shopper: String?) async throws -> Exchange {
                let headers: HTTPFields = shopper.map { [.onBehalfOf: $0] } ?? [:]
                return try await client.send("PUT", "/api/v1/quotes/\(id)/redemptions/\(Identifier.test(order))", as: .gateway, headers: headers)
            }
            expectProblem(try await redeem(500, by: nil), 409, "shopper_unknown")
            let redeemed = try await redeem(500, by: "alice").expect(200)
            #expect(try await redeem(500, by: "alice").expect(200).body == redeemed.body)
            #expect(try await redeem(500, by: nil).expect(200).body == redeemed.body)
            expectProblem(try await redeem(501, by: "alice"), 409, "discount_used_by_shopper")
            let pricing = PricingClient(ServiceUpstream(client: client))
            let quote = try #require(Identifier(id))
            #expect(try await pricing.redeem(quote, for: .test(502), shopper: "bob").state == .redeemed)
            #expect(try await pricing.undoRedemption(of: quote, for: .test(500)).state == .undone)
            try await redeem(501, by: "alice").expect(200)
        }
    }

    @Test("a price is read as of a moment, and its history says who changed it and why", arguments: [TestStore.memory, .postgres])
    func asOf(_ store: TestStore) async throws {
        try await withPricing(store: store) { service, clock in
            let client = service.client
            let before = clock.now
            clock.advance(by: .seconds(60))
            let change: JSON = ["base": Self.usd(99_900), "reason": "Black Friday", "category": "sale"]
            let headers: HTTPFields = [.ifMatch: "\"1\"", .onBehalfOf: "olga"]
            let put = try await client.put("/api/v1/prices/LAPTOP-001", json: change, as: .gateway, headers: headers).expect(200)
            #expect(put.json["createdBy"] == "olga" && put.json["reason"] == "Black Friday")
            let history = try await client.get("/api/v1/prices/LAPTOP-001/history", as: .gateway).expect(200)
            #expect(history.json["items"]?[0] == put.json)
            let now = try await client.get("/api/v1/prices/LAPTOP-001", as: .gateway).expect(200)
            #expect(now.json["category"] == "sale" && now.json["price"] == Self.usd(99_900))
            let then = try await client.get("/api/v1/prices/LAPTOP-001?at=\(before)&currency=EUR", as: .gateway).expect(200)
            #expect(then.json["base"] == Self.usd(129_900) && then.json["version"] == 1)
            expectProblem(try await client.get("/api/v1/prices/LAPTOP-001?at=2020-01-01T00:00:00Z", as: .gateway), 404, "price_not_found")
            expectProblem(try await client.get("/api/v1/prices/LAPTOP-001?at=yesterday", as: .gateway), 400, "invalid_parameter", pointer: "at")
        }
    }

    @Test("tables of the past and of the time to come are read, and their history page by page", arguments: [TestStore.memory, .postgres])
    func tables(_ store: TestStore) async throws {
        let rates: JSON = ["base": "USD", "rates": [["currency": "EUR", "rate": ["value": 9, "scale": 1]]], "reason": "the bank's"]
        let taxes: JSON = ["rules": [["region": "DE", "rate": ["value": 7, "scale": 2], "mode": "inclusive"]], "reason": "a new law"]
        try await withPricing(store: store) { service, clock in
            let client = service.client
            for (path, body) in [("/api/v1/exchange-rates", rates), ("/api/v1/tax-rules", taxes)] {
                let first = try await client.get(path, as: .gateway).expect(200)
                let start = clock.now + .seconds(600)
                let later = body.with("validFrom", .string(start.description))
                let put = try await client.put(path, json: later, as: .gateway, headers: [.onBehalfOf: "olga"]).expect(200)
                #expect(put.json["version"] == 2)
                let announced = try await client.get(path, as: .gateway).expect(200)
                #expect(announced.json["version"] == 1 && announced.json["validUntil"] == put.json["validFrom"])
                #expect(announced.headers[.eTag] != first.headers[.eTag])
                // What was read before still guards a change: it is the same table.
                let tag = try #require(first.headers[.eTag])
                expectProblem(try await client.put(path, json: body, as: .gateway, headers: [.ifMatch: "\"9\""]), 412, "version_mismatch")
                try await client.put(path, json: later, as: .gateway, headers: [.ifMatch: tag]).expect(200)
                #expect(try await client.get("\(path)?at=\(start)", as: .gateway).expect(200).json["version"] == 3)
                #expect(try await client.get("\(path)/history/2", as: .gateway).expect(200).json["version"] == 2)
                for bad in ["0", "-1", "x", "1.0"] {
                    expectProblem(try await client.get("\(path)/history/\(bad)", as: .gateway), 400, "invalid_parameter", pointer: "version")
                }
                expectProblem(try await client.get("\(path)/history/9", as: .gateway), 404, "table_not_found")
                expectProblem(try await client.get("\(path)?at=1999-01-01T00:00:00Z", as: .gateway), 404, "table_not_found")
                let page = try await client.get("\(path)/history?limit=2", as: .gateway).expect(200)
                #expect(page.json["items"]?.array?.map { $0["version"] } == [3, 2])
                #expect(page.json["items"]?[1]?["createdBy"] == "olga" && page.json["items"]?[1]?["reason"] == body["reason"])
                let cursor = try #require(page.json["nextCursor"]?.string)
                let rest = try await client.get("\(path)/history?limit=2&cursor=\(cursor)", as: .gateway).expect(200)
                #expect(rest.json["items"]?.array?.map { $0["version"] } == [1] && rest.json["nextCursor"] == nil)
                expectProblem(try await client.get("\(path)/history?cursor=x", as: .gateway), 400, "invalid_parameter", pointer: "cursor")
                clock.advance(by: .seconds(600))
                #expect(try await client.get(path, as: .gateway).expect(200).json["version"] == 3)
            }
        }
    }

    @Test("a policy is set and read with a tag, and is in force only where dynamic pricing is on", arguments: [TestStore.memory, .postgres])
    func policies(_ store: TestStore) async throws {
        let path = "/api/v1/prices/LAPTOP-001/dynamic"
        let policy: JSON = [
            "enabled": true, "floor": Self.usd(100_000), "ceiling": Self.usd(150_000),
            "steps": [["minDemand": 0, "factor": ["value": 2, "scale": 0]]], "hours": [],
        ]
        for isOn in [false, true] {
            try await withPricing(settings: isOn ? ["DYNAMIC_PRICING_ENABLED": "true"] : [:], store: store) { service, _ in
                let client = service.client
                expectProblem(try await client.get(path, as: .gateway), 404, "dynamic_policy_not_found")
                let put = try await client.put(path, json: policy, as: .gateway, headers: [.onBehalfOf: "olga"]).expect(200)
                #expect(put.json["version"] == 1 && put.json["updatedBy"] == "olga" && put.json["inForce"] == .bool(isOn))
                #expect(put.json["windowMinutes"] == 60 && put.json["orderWeight"] == 10)
                let read = try await client.get(path, as: .gateway).expect(200)
                #expect(read.body == put.body)
                try await client.get(path, as: .gateway, headers: [.ifNoneMatch: try #require(read.headers[.eTag])]).expect(304)
                expectProblem(try await client.put(path, json: policy, as: .gateway, headers: [.ifMatch: "\"7\""]), 412, "version_mismatch")
                let price = try await client.get("/api/v1/prices/LAPTOP-001", as: .gateway).expect(200)
                #expect(price.json["price"] == Self.usd(isOn ? 150_000 : 129_900))
                #expect(price.json["adjustment"]?["heldAt"]?.string == (isOn ? "ceiling" : nil))
                #expect(price.json["adjustment"]?["amount"] == (isOn ? .some(Self.usd(20_100)) : .none))
                let typed = try await PricingClient(ServiceUpstream(client: client)).price(of: .sku("LAPTOP-001"))
                #expect((typed.adjustment != nil) == isOn && typed.category == "computers")
            }
        }
    }

    @Test("a policy that makes no sense is refused at its place")
    func refusedPolicies() async throws {
        let p: JSON = ["floor": Self.usd(100), "ceiling": Self.usd(200)]
        let step: JSON = ["minDemand": 5, "factor": ["value": 1, "scale": 0]]
        let night: JSON = ["from": "22:00", "to": "24:00", "factor": ["value": 9, "scale": 1]]
        let cases: [(JSON, String)] = [
            (p.with("floor", nil), "/floor"), (p.with("ceiling", Self.usd(99)), "/ceiling"),
            (p.with("ceiling", ["amountMinor": 200, "currency": "EUR"]), "/ceiling"), (p.with("enabled", "yes"), "/enabled"),
            (p.with("windowMinutes", 4), "/windowMinutes"), (p.with("orderWeight", 0), "/orderWeight"), (p.with("steps", [step, step]), "/steps"),
            (p.with("steps", .array(Array(repeating: step, count: 21))), "/steps"),
            (p.with("steps", [step.with("minDemand", -1)]), "/steps/0/minDemand"),
            (p.with("steps", [step.with("factor", ["value": 11, "scale": 0])]), "/steps/0/factor"),
            (p.with("steps", [step.with("factor", ["value": 0, "scale": 0])]), "/steps/0/factor/value"),
            (p.with("hours", [night.with("to", "21:00")]), "/hours/0/to"), (p.with("hours", [night.with("from", "7:00")]), "/hours/0/from"),
            (p.with("hours", [night.with("from", "24:00")]), "/hours/0/from"), (p.with("hours", [night.with("to", "24:01")]), "/hours/0/to"),
            (p.with("hours", [night.with("days", ["fre"])]), "/hours/0/days/0"),
            (p.with("hours", [night.with("days", ["fri", "fri"])]), "/hours/0/days"),
            (p.with("colour", 1), "/colour"),
        ]
        try await withPricing(store: .files) { service, _ in
            let before = try service.tableCounts()
            for (body, pointer) in cases {
                expectProblem(
                    try await service.client.put("/api/v1/prices/LAPTOP-001/dynamic", json: body, as: .gateway), 422, "invalid_body", pointer: pointer
                )
            }
            expectProblem(try await service.client.put("/api/v1/prices/NOPE/dynamic", json: p, as: .gateway), 404, "price_not_found")
            #expect(try service.tableCounts() == before)
            let all = p.with("steps", [step]).with("hours", [night, night.with("from", "00:00").with("to", "06:00").with("days", ["mon", "sun"])])
            let put = try await service.client.put("/api/v1/prices/LAPTOP-001/dynamic", json: all, as: .gateway).expect(200)
            #expect(put.json["hours"]?[1]?["days"] == ["mon", "sun"] && put.json["hours"]?[0]?["to"] == "24:00" && put.json["enabled"] == false)
        }
    }
}
