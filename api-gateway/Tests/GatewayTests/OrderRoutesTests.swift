import HTTPPath
import HTTPTypes
import TestKit
import Testing

@testable import Gateway

@Suite("orders through the gateway")
struct OrderRoutesTests {
    static let ann = Caller.shopper("ann")

    static func body(_ quantity: Int64 = 2, method: String = "card_approve") -> JSON {
        [
            "lines": [["productId": "LAPTOP-001", "quantity": .integer(quantity)]], "currency": "USD", "taxRegion": "NONE",
            "paymentMethod": .string(method),
        ]
    }

    @Test("an order is answered 201 when it is confirmed, and the goods are gone", arguments: [TestStore.memory, .postgres])
    func confirmed(_ store: TestStore) async throws {
        try await withShop(store: store) { shop in
            let before = try await shop.stock()
            let placed = try await place(shop, Self.body()).expect(201)
            let id = try #require(placed.json["id"]?.string)
            #expect(placed.json["status"] == "confirmed")
            #expect(placed.json["total"] == ["amountMinor": 259_800, "currency": "USD"])
            #expect(placed.header("Location") == "/api/v1/orders/\(id)")
            #expect(placed.header("Idempotency-Replayed") == nil)
            #expect(placed.header("Preference-Applied") == nil)
            #expect(try await shop.client.get("/api/v1/orders/\(id)", as: Self.ann).expect(200).json == placed.json)
            let after = try await shop.stock()
            #expect(after["onHand"]?.integer == before["onHand"]?.integer.map { $0 - 2 })
            #expect(after["reserved"] == 0)
        }
    }

    @Test("the same key and body give the same order, and the same key with another body is refused", arguments: [TestStore.memory, .postgres])
    func replay(_ store: TestStore) async throws {
        try await withShop(store: store) { shop in
            let first = try await place(shop, Self.body(), key: "k").expect(201)
            let again = try await place(shop, Self.body(), key: "k").expect(201)
            #expect(again.header("Idempotency-Replayed") == "true")
            #expect(again.json == first.json)
            expectProblem(try await place(shop, Self.body(3), key: "k"), 422, "idempotency_key_reused", pointer: "Idempotency-Key")
            #expect(try await shop.stock()["onHand"] == 40)
            // A key is its owner's.
            try await place(shop, Self.body(3), key: "k", as: .shopper("bob")).expect(201)
        }
    }

    @Test("a rejected order is replayed as the same problem", arguments: [TestStore.memory, .postgres])
    func replayedRejection(_ store: TestStore) async throws {
        try await withShop(store: store) { shop in
            let first = try await place(shop, Self.body(method: "card_decline"), key: "k")
            let again = try await place(shop, Self.body(method: "card_decline"), key: "k")
            expectProblem(again, 402, "payment_declined")
            #expect(again.header("Idempotency-Replayed") == "true")
            #expect(again.json["orderId"] == first.json["orderId"])
        }
    }

    @Test("an order without a key is refused")
    func keyRequired() async throws {
        try await withShop { shop in
            let answer = try await shop.client.post("/api/v1/orders", json: Self.body(), as: Self.ann)
            expectProblem(answer, 400, "invalid_parameter", pointer: "Idempotency-Key")
        }
    }

    @Test(
        "who prefers not to wait gets 202 at once, and finds the order later", arguments: ["respond-async", "return=minimal, Respond-Async; wait=10"])
    func respondAsync(_ prefer: String) async throws {
        try await withShop(settings: ["SANDBOX_PAUSE_SECONDS": "0.2"]) { shop in
            let placed = try await place(shop, Self.body(method: "card_slow"), headers: [Self.prefer: prefer]).expect(202)
            #expect(placed.json["status"] == "pending")
            #expect(placed.header("Preference-Applied") == "respond-async")
            let location = try #require(placed.header("Location"))
            try await eventually(within: .seconds(10), "the order is confirmed") {
                try await shop.client.get(location, as: Self.ann).expect(200).json["status"] == "confirmed"
            }
        }
    }

    @Test("any other preference is no preference", arguments: ["return=minimal", "respond-asynchronously", "wait=10"])
    func otherPreferences(_ prefer: String) async throws {
        try await withShop { shop in
            let placed = try await place(shop, Self.body(), headers: [Self.prefer: prefer]).expect(201)
            #expect(placed.header("Preference-Applied") == nil)
        }
    }

    @Test("an order that takes longer than the gateway or the caller waits is answered 202")
    func slow() async throws {
        try await withShop(settings: ["SANDBOX_PAUSE_SECONDS": "1", "ORDER_PATIENCE_SECONDS": "0.1"]) { shop in
            let placed = try await place(shop, Self.body(method: "card_slow")).expect(202)
            #expect(placed.json["status"] == "pending")
            #expect(placed.header("Preference-Applied") == nil)
        }
        try await withShop(settings: ["SANDBOX_PAUSE_SECONDS": "2"]) { shop in
            _ = try await place(shop, Self.body(method: "card_slow"), headers: [.requestTimeout: "700"]).expect(202)
        }
    }

    @Test(
        "a declined payment is answered 402 with the reason, and everything is back",
        arguments: [("card_decline", "card_declined"), ("card_insufficient_funds", "insufficient_funds")])
    func declined(_ method: String, _ reason: String) async throws {
        try await withShop { shop in
            let before = try await shop.stock()
            let answer = try await place(shop, Self.body(method: method))
            expectProblem(answer, 402, "payment_declined")
            #expect(answer.json["reason"] == .string(reason))
            let order = try await shop.client.get("/api/v1/orders/\(answer.json["orderId"]?.string ?? "")", as: Self.ann).expect(200).json
            #expect(order["status"] == "rejected")
            #expect(order["rejection"]?["code"] == "payment_declined")
            #expect(try await shop.stock() == before)
        }
    }

    @Test("too little stock is answered 409 with every short line", arguments: [TestStore.memory, .postgres])
    func insufficientStock(_ store: TestStore) async throws {
        try await withShop(store: store) { shop in
            let answer = try await place(shop, Self.body(43))
            expectProblem(answer, 409, "insufficient_stock")
            let line = answer.json["lines"]?[0]
            #expect(line?["sku"] == "LAPTOP-001")
            #expect(line?["requested"] == 43)
            #expect(line?["available"] == 42)
            #expect(answer.json["orderId"] != nil)
        }
    }

    @Test("a total other than the expected one is answered 409 with both")
    func priceChanged() async throws {
        try await withShop { shop in
            let answer = try await place(shop, Self.body().with("expectedTotal", ["amountMinor": 1, "currency": "USD"]))
            expectProblem(answer, 409, "price_changed")
            #expect(answer.json["expectedTotal"] == ["amountMinor": 1, "currency": "USD"])
            #expect(answer.json["actualTotal"] == ["amountMinor": 259_800, "currency": "USD"])
            try await place(shop, Self.body().with("expectedTotal", ["amountMinor": 259_800, "currency": "USD"]), key: "other").expect(201)
        }
    }

    @Test("what cannot be priced rejects the order as pricing says it")
    func notPriceable() async throws {
        try await withShop { shop in
            let unknown = try await place(shop, Self.body().with("lines", [["productId": "NO-SUCH-1", "quantity": 1]]), key: "a")
            expectProblem(unknown, 422, "line_not_priced")
            #expect(unknown.json["orderId"] != nil)
            expectProblem(try await place(shop, Self.body().with("discountCodes", ["NOSUCHCODE"]), key: "b"), 422, "discount_unknown")
        }
    }

    @Test("a product with a price and without stock keeping rejects the order at its line")
    func notStocked() async throws {
        try await withShop { shop in
            let id = "01900000-0000-7000-8000-0000000000aa"
            try await shop.client.put(
                "/api/v1/prices/GHOST-001", json: ["base": ["amountMinor": 100, "currency": "USD"], "productId": .string(id)], as: .operator
            ).expect(201)
            let answer = try await place(
                shop, Self.body().with("lines", [["productId": "LAPTOP-001", "quantity": 1], ["productId": "GHOST-001", "quantity": 1]]))
            expectProblem(answer, 422, "invalid_body", pointer: "/lines/1/productId")
        }
    }

    @Test("without the services behind, an order is taken and pending, and undone when its time is over")
    func timedOut() async throws {
        try await withShop(settings: ["INVENTORY_SERVICE_URL": nowhere, "ORDER_TIME_ALLOWED_SECONDS": "1", "ORDER_PATIENCE_SECONDS": "0.2"]) { shop in
            let placed = try await place(shop, Self.body()).expect(202)
            #expect(placed.json["status"] == "pending")
        }
        try await withShop(settings: ["PRICING_SERVICE_URL": nowhere, "ORDER_TIME_ALLOWED_SECONDS": "1"]) { shop in
            expectProblem(try await place(shop, Self.body()), 409, "order_timed_out")
        }
    }

    @Test("a confirmed order is cancelled: 200, refunded and restocked; and once more changes nothing", arguments: [TestStore.memory, .postgres])
    func cancel(_ store: TestStore) async throws {
        try await withShop(store: store) { shop in
            let before = try await shop.stock()
            let id = try #require(try await place(shop, Self.body()).expect(201).json["id"]?.string)
            for _ in 1...2 {
                let cancelled = try await shop.client.post("/api/v1/orders/\(id)/cancel", as: Self.ann).expect(200)
                #expect(cancelled.json["status"] == "cancelled")
            }
            #expect(try await shop.stock() == before)
            let replayed = try await place(shop, Self.body()).expect(200)
            #expect(replayed.json["status"] == "cancelled")
        }
    }

    @Test("who does not wait for the cancellation gets 202")
    func cancelAsync() async throws {
        try await withShop { shop in
            let id = try #require(try await place(shop, Self.body()).expect(201).json["id"]?.string)
            let asked = try await shop.client.post("/api/v1/orders/\(id)/cancel", as: Self.ann, headers: [Self.prefer: "respond-async"])
            #expect([200, 202].contains(asked.status), "it may be done already")
            #expect(asked.header("Preference-Applied") == "respond-async")
            try await eventually(within: .seconds(10), "the order is cancelled") {
                try await shop.client.get("/api/v1/orders/\(id)", as: Self.ann).json["status"] == "cancelled"
            }
        }
    }

    @Test("a rejected order cannot be cancelled")
    func cancelRejected() async throws {
        try await withShop { shop in
            let id = try await place(shop, Self.body(method: "card_decline")).json["orderId"]?.string ?? ""
            expectProblem(try await shop.client.post("/api/v1/orders/\(id)/cancel", as: Self.ann), 409, "order_not_cancellable")
        }
    }

    @Test("an order is its owner's: for another shopper it is not there, for an operator it is")
    func ownership() async throws {
        try await withShop { shop in
            let id = try #require(try await place(shop, Self.body()).expect(201).json["id"]?.string)
            expectProblem(try await shop.client.get("/api/v1/orders/\(id)", as: .shopper("bob")), 404, "order_not_found")
            expectProblem(try await shop.client.post("/api/v1/orders/\(id)/cancel", as: .shopper("bob")), 404, "order_not_found")
            try await shop.client.get("/api/v1/orders/\(id)", as: .operator).expect(200)
            #expect(try await shop.client.post("/api/v1/orders/\(id)/cancel", as: .operator).expect(200).json["status"] == "cancelled")
        }
    }

    @Test("the list is one's own, newest first, page by page; an operator's is everybody's")
    func list() async throws {
        try await withShop { shop in
            var placed: [JSON] = []
            for index in 1...3 { placed.append(try #require(try await place(shop, Self.body(1), key: "k\(index)").expect(201).json["id"])) }
            let bobs = try #require(try await place(shop, Self.body(1), as: .shopper("bob")).expect(201).json["id"])
            let first = try await shop.client.get("/api/v1/orders?limit=2", as: Self.ann).expect(200).json
            #expect(ids(first) == [placed[2], placed[1]])
            let cursor = try #require(first["nextCursor"]?.string)
            let last = try await shop.client.get("/api/v1/orders?limit=2&cursor=\(cursor)", as: Self.ann).expect(200).json
            #expect(ids(last) == [placed[0]])
            #expect(last["nextCursor"] == nil)
            #expect(ids(try await shop.client.get("/api/v1/orders", as: .operator).expect(200).json) == [bobs] + placed.reversed())
            #expect(ids(try await shop.client.get("/api/v1/orders", as: .shopper("eve")).expect(200).json) == [])
        }
    }

    // MARK: -

    static let prefer = HTTPField.Name("Prefer")!

    private func place(
        _ shop: Shop, _ body: JSON, key: String = "key-1", as caller: Caller = Self.ann, headers: HTTPFields = [:]
    ) async throws -> Exchange {
        var headers = headers
        headers[.idempotencyKey] = key
        return try await shop.client.post("/api/v1/orders", json: body, as: caller, headers: headers)
    }

    private func ids(_ page: JSON) -> [JSON] { (page["items"]?.array ?? []).compactMap { $0["id"] } }
}
