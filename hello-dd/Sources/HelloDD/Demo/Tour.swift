internal import Basics
internal import HTTPPath
internal import HTTPTypes

/// The README's tour.
struct Tour: Sendable {
    let guide: Guide
    let sources: Sources

    /// What the tour sells: its own product, so that nobody else's stock and prices are touched.
    struct Exhibit: Sendable {
        var id: String
        var sku: String
        /// Pieces on the shelf at the beginning.
        var stock: Int64
        /// US cents.
        var price: Int64
    }

    private static let shopper = Shop.Caller.shopper("alice")

    func take() async throws {
        let began = ContinuousClock.now
        try await browse()
        let exhibit = try await putOnTheShelf()
        do {
            try await sell(exhibit)
        } catch {
            try? await takeAway(exhibit)
            throw error
        }
        try await takeAway(exhibit)
        guide.chapter("That was it", "\(guide.requests) requests, \(guide.checks) promises kept, in \((ContinuousClock.now - began).forPeople).")
    }

    private func sell(_ exhibit: Exhibit) async throws {
        let total = try await quote(exhibit)
        let order = try await buy(exhibit, total: total)
        try await changePrice(exhibit, total: total)
        try await runOut(exhibit)
        try await decline(exhibit)
        try await cancel(order, exhibit)
        try await balance(exhibit)
    }

    // MARK: Browsing

    private func browse() async throws {
        guide.chapter("Browse", "The gateway asks inventory and pricing at the same time and answers with both. No token is needed.")
        let page = try await guide.ask(.get, "/api/v1/products?limit=2", expecting: 200).json
        try guide.see(
            "there are products, each with its price", page?["items"]?.array?.allSatisfy { $0["product"] != nil && $0["price"] != nil } == true)
        try guide.see("a cursor leads to the next page", page?["nextCursor"]?.string != nil)

        let found = try await guide.ask(.get, "/api/v1/products?search=laptop&limit=2", expecting: 200).json
        try guide.see(
            "the search found laptops",
            found?["items"]?.array.map { !$0.isEmpty && $0.allSatisfy { $0["product"]?["name"]?.string?.lowercased().contains("laptop") == true } }
                == true)

        let one = try await guide.ask(.get, "/api/v1/products/LAPTOP-001", expecting: 200).json
        try guide.see("a SKU does as well as an id", one?["product"]?["sku"]?.string == "LAPTOP-001")

        let none = try await guide.ask(.get, "/api/v1/products/NO-SUCH-THING", expecting: 404).json
        try guide.see(
            "an error says what is wrong, for programs and for people", none?["code"]?.string == "product_not_found" && none?["detail"] != nil)
    }

    private func putOnTheShelf() async throws -> Exhibit {
        guide.chapter(
            "Put something on the shelf", "An operator adds a product, its price and five pieces. Signing in took no thought: the shop made a key.")
        let sku = "TOUR-\(sources.makeID().description.suffix(12).uppercased())"
        let product = try await guide.ask(
            .post, "/api/v1/products", as: .operator,
            body: .object([.init("sku", .string(sku)), .init("name", .string("Souvenir of the tour")), .init("category", .string("souvenirs"))]),
            expecting: 201
        ).json
        guard let id = product?["id"]?.string else { throw Surprise(description: "the new product has no id") }
        let exhibit = Exhibit(id: id, sku: sku, stock: 5, price: 2_000)
        try await guide.ask(
            .put, "/api/v1/prices/\(sku)", as: .operator, headers: [.ifNoneMatch: "*"],
            body: .object([.init("base", Self.usd(exhibit.price)), .init("productId", .string(id)), .init("category", .string("souvenirs"))]),
            expecting: 201)
        try await guide.ask(
            .post, "/api/v1/products/\(sku)/stock/adjustments", as: .operator, headers: [.idempotencyKey: sources.makeID().description],
            body: .object([.init("delta", .integer(exhibit.stock)), .init("reason", .string("receipt"))]), expecting: 200, 201)
        try await guide.ask(.post, "/api/v1/products", body: .object([]), expecting: 401)
        try guide.see("nobody else may do that", true)
        return exhibit
    }

    // MARK: Buying

    private func quote(_ exhibit: Exhibit) async throws -> JSON {
        guide.chapter("Ask for a quote", "What would two cost, with a discount code, in California? Exact to the cent, and promised for a while.")
        let quote = try await guide.ask(
            .post, "/api/v1/quotes",
            body: .object([
                .init("lines", Self.lines(exhibit, 2)), .init("discountCodes", .array([.string("WELCOME10")])), .init("currency", .string("USD")),
                .init("taxRegion", .string("US-CA")),
            ]), expecting: 201
        ).json
        let breakdown = quote?["breakdown"] ?? quote
        let totals = breakdown?["totals"]
        func amount(_ name: String) -> Int64 { totals?[name]?["amountMinor"]?.integer ?? -1 }
        try guide.see("ten percent are off", amount("discount") == 400)
        try guide.see("net and tax are the total, to the cent", amount("net") + amount("tax") == amount("total") && amount("total") == 3600 + 261)
        guard let total = totals?["total"] else { throw Surprise(description: "the quote has no total") }
        try await choose(exhibit)
        return total
    }

    private func choose(_ exhibit: Exhibit) async throws {
        guide.chapter(
            "Let the shop choose",
            "Two codes that may not stand together, in euros: the shop uses the one that is better for the customer, and explains itself.")
        let quote = try await guide.ask(
            .post, "/api/v1/quotes",
            body: .object([
                .init("lines", Self.lines(exhibit, 2)), .init("discountCodes", .array([.string("WELCOME10"), .string("LIMITED")])),
                .init("combine", .string("best")), .init("currency", .string("EUR")), .init("taxRegion", .string("DE")),
            ]), expecting: 201
        ).json
        let (used, unused) = (quote?["discounts"]?.array ?? [], quote?["notUsed"]?.array ?? [])
        try guide.see("one code is used, and says what it takes", used.count == 1 && used[0]["reason"]?.string?.hasSuffix("%") == true)
        try guide.see("the other is named, with its reason", unused.count == 1 && unused[0]["detail"]?.string != nil)
        try guide.see("the exchange rate is told, and since when it is in force", quote?["exchange"]?["validFrom"]?.string != nil)
        let sums = (quote?["lines"]?.array ?? []).map { $0["discount"]?["amountMinor"]?.integer ?? -1 }
        try guide.see("the lines sum up to the total", sums.reduce(0, +) == quote?["totals"]?["discount"]?["amountMinor"]?.integer)
    }

    /// Returns the order's id.
    private func buy(_ exhibit: Exhibit, total: JSON) async throws -> String {
        guide.chapter(
            "Buy", "Stock is reserved, the card is charged, the goods are marked as sold: all of it or none, even if a machine dies in between.")
        let key = sources.makeID().description
        let body = order(exhibit, 2, codes: ["WELCOME10"], expectedTotal: total)
        let placed = try await place(body, key: key, expecting: 201)
        guard let id = placed.json?["id"]?.string else { throw Surprise(description: "the order has no id") }
        try guide.see(
            "the order is confirmed, at the price that was quoted", placed.json?["status"]?.string == "confirmed" && placed.json?["total"] == total)

        guide.chapter("Send it again", "The answer may have been lost; the same key with the same body is the same order, and is not charged twice.")
        let again = try await place(body, key: key, expecting: 201)
        try guide.see("it is the same order", again.json?["id"]?.string == id)
        try guide.see("and the answer says so", again.headers[.idempotencyReplayed] == "true")
        let other = try await place(order(exhibit, 1), key: key, expecting: 422)
        try guide.see("the same key for another order is refused", other.json?["code"]?.string == "idempotency_key_reused")
        return id
    }

    private func changePrice(_ exhibit: Exhibit, total: JSON) async throws {
        guide.chapter(
            "Meet a price that has changed", "An operator raises the price after the customer saw the old one. Nobody pays what they were not shown.")
        let price = try await guide.ask(.get, "/api/v1/prices/\(exhibit.sku)", expecting: 200)
        guard let etag = price.headers[.eTag] else { throw Surprise(description: "the price has no ETag") }
        try await guide.ask(
            .put, "/api/v1/prices/\(exhibit.sku)", as: .operator, headers: [.ifMatch: etag],
            body: .object([.init("base", Self.usd(2_500)), .init("reason", .string("the tour"))]), expecting: 200)
        let history = try await guide.ask(.get, "/api/v1/prices/\(exhibit.sku)/history", as: .operator, expecting: 200).json
        try guide.see(
            "who did it is kept, and why",
            history?["items"]?[0]?["createdBy"]?.string == "operator" && history?["items"]?[0]?["reason"]?.string == "the tour")
        let stale = try await guide.ask(
            .put, "/api/v1/prices/\(exhibit.sku)", as: .operator, headers: [.ifMatch: etag], body: .object([.init("base", Self.usd(1))]),
            expecting: 412)
        try guide.see("two operators cannot overwrite each other unseen", stale.status == 412)
        let refused = try await place(order(exhibit, 2, codes: ["WELCOME10"], expectedTotal: total), expecting: 409)
        try guide.see("the order is refused, because the price changed", refused.json?["code"]?.string == "price_changed")
    }

    private func runOut(_ exhibit: Exhibit) async throws {
        guide.chapter("Want more than there is", "Two of five are sold. Four more cannot be had, and nothing is charged.")
        let refused = try await place(order(exhibit, 4), expecting: 409)
        try guide.see("the order is refused", refused.json?["code"]?.string == "insufficient_stock")
        try guide.see("the answer names the line that is short", refused.json?["lines"]?.array?.count == 1)
        try await stock(exhibit, onHand: 3, reserved: 0, "nothing stays reserved")
    }

    private func decline(_ exhibit: Exhibit) async throws {
        guide.chapter("Pay with a bad card", "The stock had been reserved by then. It is given back.")
        let refused = try await place(order(exhibit, 1, card: "card_decline"), expecting: 402)
        try guide.see("the order is refused", refused.json?["code"]?.string == "card_declined" || refused.json?["code"]?.string == "payment_declined")
        try await stock(exhibit, onHand: 3, reserved: 0, "what was reserved is free again")
    }

    private func cancel(_ id: String, _ exhibit: Exhibit) async throws {
        guide.chapter("Cancel", "Money back, goods back on the shelf.")
        try await guide.ask(.get, "/api/v1/orders/\(id)", as: .shopper("mallory"), expecting: 404)
        try guide.see("nobody else sees the order", true)
        var reply = try await guide.ask(.post, "/api/v1/orders/\(id)/cancel", as: Self.shopper, expecting: 200, 202)
        // A cancellation is carried out like an order is, and may take a moment.
        for _ in 0..<100 where reply.json?["status"]?.string == "cancelling" {
            try await Task.sleep(for: .milliseconds(100))
            reply = try await guide.shop.send(.get, "/api/v1/orders/\(id)", as: Self.shopper)
        }
        try guide.see("the order is cancelled", reply.json?["status"]?.string == "cancelled")
        try await stock(exhibit, onHand: 5, reserved: 0, "the shelf is as full as before")
    }

    // MARK: The books

    private func balance(_ exhibit: Exhibit) async throws {
        guide.chapter("Check the books", "Every movement of stock is in a ledger that is only ever added to. It must explain the stock exactly.")
        let page = try await guide.ask(.get, "/api/v1/stock/movements?product=\(exhibit.id)&limit=200", as: .operator, expecting: 200).json
        let movements = page?["items"]?.array ?? []
        let ledger = Ledger(movements)
        try guide.see("on hand = receipts + adjustments − sold + returned: \(ledger.onHand)", ledger.onHand == exhibit.stock)
        try guide.see("reserved = reserve − release − expire − sell: \(ledger.reserved)", ledger.reserved == 0)
        try guide.see("two pieces were sold, and came back", ledger["sell"] == 2 && ledger["return"] == 2)
    }

    private func takeAway(_ exhibit: Exhibit) async throws {
        guide.chapter("Tidy up", "The tour takes its product away again.")
        let product = try await guide.ask(.get, "/api/v1/products/\(exhibit.sku)", expecting: 200)
        var headers: HTTPFields = [:]
        headers[.ifMatch] = product.headers[.eTag] ?? product.json?["product"]?["version"]?.integer.map { "\"\($0)\"" }
        try await guide.ask(.delete, "/api/v1/products/\(exhibit.sku)", as: .operator, headers: headers, expecting: 204)
        try await guide.ask(.get, "/api/v1/products/\(exhibit.sku)", expecting: 404)
    }

    // MARK: -

    private func stock(_ exhibit: Exhibit, onHand: Int64, reserved: Int64, _ what: String) async throws {
        let stock = try await guide.ask(.get, "/api/v1/products/\(exhibit.sku)/stock", as: .operator, expecting: 200).json
        try guide.see("\(what): \(onHand) on hand", stock?["onHand"]?.integer == onHand && stock?["reserved"]?.integer == reserved)
    }

    private func place(_ body: JSON, key: String? = nil, expecting status: Int) async throws -> Shop.Reply {
        try await guide.ask(
            .post, "/api/v1/orders", as: Self.shopper, headers: [.idempotencyKey: key ?? sources.makeID().description], body: body, expecting: status)
    }

    private func order(_ exhibit: Exhibit, _ quantity: Int64, codes: [String] = [], card: String = "card_approve", expectedTotal: JSON? = nil) -> JSON
    {
        OrderBody.json(
            [OrderLine(product: exhibit.sku, quantity: quantity)], codes: codes, currency: "USD", region: "US-CA", card: card,
            expectedTotal: expectedTotal)
    }

    private static func lines(_ exhibit: Exhibit, _ quantity: Int64) -> JSON {
        .array([.object([.init("productId", .string(exhibit.sku)), .init("quantity", .integer(quantity))])])
    }

    private static func usd(_ cents: Int64) -> JSON { .object([.init("amountMinor", .integer(cents)), .init("currency", .string("USD"))]) }
}

/// Sums of a product's movements of stock, by kind.
struct Ledger: Hashable, Sendable {
    private var sums: [String: Int64] = [:]

    init(_ movements: [JSON]) {
        for movement in movements { sums[movement["kind"]?.string ?? "", default: 0] += movement["quantity"]?.integer ?? 0 }
    }

    subscript(kind: String) -> Int64 { sums[kind] ?? 0 }

    var onHand: Int64 { self["receipt"] + self["adjustment"] - self["sell"] + self["return"] }
    var reserved: Int64 { self["reserve"] - self["release"] - self["expire"] - self["sell"] }
}
