import Basics
import HTTPPath
import HTTPTypes
import PricingAPI
import TestKit
import Testing

@testable import PricingService

@Suite struct QuoteRoutesTests {
    @Test("a quote is made, found, redeemed and undone by the typed client", arguments: [TestStore.memory, .postgres])
    func client(_ store: TestStore) async throws {
        try await withPricing(store: store) { service, clock in
            let pricing = PricingClient(ServiceUpstream(client: service.client))
            let request = QuoteRequest(
                lines: [.init(product: .sku("LAPTOP-001"), quantity: 1), .init(product: .id(Seed.productID(9)), quantity: 2)],
                discountCodes: ["WELCOME10", "SAVE5"], currency: .eur, taxRegion: "DE")
            let quote = try await pricing.quote(request, idempotencyKey: "key-1")
            #expect(try await pricing.quote(request, idempotencyKey: "key-1") == quote)
            #expect(try await pricing.quote(quote.id) == quote)
            #expect(quote.breakdown.discountCodes == ["WELCOME10", "SAVE5"])
            let listed = try await pricing.prices(of: [.sku("LAPTOP-001"), .sku("NOPE")], in: .eur)
            #expect(listed.items.map(\.price) == [quote.breakdown.lines[0].unitPrice] && listed.missing == ["NOPE"])
            #expect(try await pricing.price(of: .sku("LAPTOP-001"), in: .eur) == listed.items[0])

            let order = Identifier.test(500)
            let redeemed = try await pricing.redeem(quote.id, for: order)
            clock.advance(by: .seconds(1))
            #expect(try await pricing.redeem(quote.id, for: order) == redeemed)
            let undone = try await pricing.undoRedemption(of: quote.id, for: order)
            #expect(undone.state == .undone)
            #expect(try await pricing.undoRedemption(of: quote.id, for: order) == undone)
            let refused = await #expect(throws: Problem.self) { try await pricing.redeem(quote.id, for: order) }
            #expect(refused?.status == 409 && refused?.code == PricingErrorCode.alreadyUndone.description)
        }
    }

    @Test("the same key and body give the first answer again, another body is refused, and a refusal keeps no key", arguments: [TestStore.memory, .postgres])
    func idempotent(_ store: TestStore) async throws {
        try await withPricing(store: store) { service, clock in
            let client = service.client
            let key: HTTPFields = [.idempotencyKey: "order-17"]
            expectProblem(try await client.quote("NOPE", headers: key), 422, "line_not_priced", pointer: "/lines/0/productId")
            let first = try await client.quote(codes: ["LIMITED"], headers: key).expect(201)
            #expect(first.headers[.location] == "/api/v1/quotes/\(first.json["id"]?.string ?? "")")
            #expect(first.headers[.idempotencyReplayed] == nil)
            clock.advance(by: .seconds(3600))
            let again = try await client.quote(codes: ["LIMITED"], headers: key).expect(201)
            #expect(again.body == first.body && again.headers[.idempotencyReplayed] == "true" && again.headers[.location] == first.headers[.location])
            expectProblem(try await client.quote("MOUSE-001", headers: key), 422, "idempotency_key_reused", pointer: "Idempotency-Key")
            expectProblem(try await client.quote(headers: [.idempotencyKey: "with space"]), 400, "invalid_parameter", pointer: "Idempotency-Key")
            clock.advance(by: .seconds(24 * 3600))
            let anew = try await client.quote(codes: ["LIMITED"], headers: key).expect(201)
            #expect(anew.json["id"] != first.json["id"])
        }
    }

    @Test("an ended quote is gone, a used-up code is a conflict, an unknown quote is not found", arguments: [TestStore.memory, .postgres])
    func refusals(_ store: TestStore) async throws {
        try await withPricing(settings: ["QUOTE_LIFETIME_SECONDS": "60"], store: store) { service, clock in
            let client = service.client
            let once: JSON = ["code": "once", "kind": "percentage", "rate": ["value": 1, "scale": 1], "usageLimit": 1]
            try await client.post("/api/v1/discounts", json: once, as: .gateway).expect(201)
            let ids = try await [client.quote(codes: ["ONCE"]), client.quote(codes: ["ONCE"])].compactMap { $0.expect(201).json["id"]?.string }
            func redeem(_ quote: String, _ order: Int) async throws -> Exchange {
                try await client.send("PUT", "/api/v1/quotes/\(quote)/redemptions/\(Identifier.test(order))", as: .gateway)
            }
            let redeemed = try await redeem(ids[0], 500).expect(200)
            #expect(redeemed.json["state"] == "redeemed" && redeemed.json["codes"] == ["ONCE"])
            expectProblem(try await redeem(ids[1], 501), 409, "discount_exhausted")
            expectProblem(try await redeem(ids[1], 500), 409, "order_already_redeemed")
            expectProblem(try await client.quote(codes: ["ONCE"]), 409, "discount_exhausted", pointer: "/discountCodes/0")
            clock.advance(by: .seconds(60))
            expectProblem(try await redeem(ids[0], 501), 410, "quote_expired")
            #expect(try await redeem(ids[0], 500).expect(200).body == redeemed.body)
            let unknown = Identifier.test(1).description
            expectProblem(try await redeem(unknown, 502), 404, "quote_not_found")
            expectProblem(try await client.get("/api/v1/quotes/\(unknown)", as: .gateway), 404, "quote_not_found")
            try await client.delete("/api/v1/quotes/\(unknown)/redemptions/\(Identifier.test(502))", as: .gateway).expect(200)
            expectProblem(try await redeem(unknown, 502), 409, "already_undone")
        }
    }

    @Test("a malformed id in a path is named")
    func malformedIDs() async throws {
        try await withPricing { service, _ in
            let id = Identifier.test(1)
            expectProblem(try await service.client.get("/api/v1/quotes/17", as: .gateway), 400, "invalid_parameter", pointer: "quoteId")
            for method in ["PUT", "DELETE"] {
                let path = "/api/v1/quotes/\(id)/redemptions/x"
                expectProblem(try await service.client.send(method, path, as: .gateway), 400, "invalid_parameter", pointer: "orderId")
                expectProblem(
                    try await service.client.send(method, "/api/v1/quotes/%FF/redemptions/\(id)", as: .gateway), 400, "invalid_parameter",
                    pointer: "quoteId")
            }
        }
    }

    @Test("everything wrong with a body is named at once, and nothing is stored")
    func badBody() async throws {
        try await withPricing(store: .files) { service, _ in
            let before = try service.tableCounts()
            let body: JSON = [
                "lines": [["productId": "A B", "quantity": 0], ["quantity": 1, "colour": "red"], 7], "discountCodes": ["!"], "currency": "usd",
                "taxRegion": "Bavaria",
            ]
            let answer = try await service.client.post("/api/v1/quotes", json: body, as: .gateway)
            for pointer in [
                "/lines/0/productId", "/lines/0/quantity", "/lines/1/productId", "/lines/1/colour", "/lines/2", "/discountCodes/0", "/currency",
                "/taxRegion",
            ] { expectProblem(answer, 422, "invalid_body", pointer: pointer) }
            for (text, code, status) in [
                ("{", "malformed_json", 400), ("[]", "invalid_body", 422), ("{\"lines\":[],\"lines\":[]}", "malformed_json", 400),
            ] {
                expectProblem(try await service.client.post("/api/v1/quotes", json: text, as: .gateway), status, code, pointer: "")
            }
            let text = try await service.client.send("POST", "/api/v1/quotes", as: .gateway, body: Array("{}".utf8), contentType: "text/plain")
            expectProblem(text, 415, "unsupported_media_type", pointer: "Content-Type")
            expectProblem(try await service.client.quote("NOPE", headers: [.idempotencyKey: "k"]), 422, "line_not_priced")
            #expect(try service.tableCounts() == before)
        }
    }
}
