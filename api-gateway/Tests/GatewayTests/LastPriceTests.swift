import HTTPPath
import NIOCore
import PricingAPI
import Synchronization
import TestKit
import Testing

@testable import Gateway

@Suite("the last known price")
struct LastPriceTests {
    private let clock = ManualClock()

    private func price(_ amount: Int64 = 100, until: String? = nil) -> JSON {
        var price: JSON = ["productId": "01900000-0000-7001-8000-000000000001", "price": ["amountMinor": .integer(amount), "currency": "USD"]]
        if let until { price = price.with("validUntil", .string(until)) }
        return price
    }

    /// Views whose pricing answers in this order.
    private func views(_ steps: FakeUpstream.Step..., most: Int = 100) -> ProductViews {
        let inventory = FakeUpstream("inventory") { request in
            request.path.contains("?") || request.path.hasSuffix("/products")
                ? .json(200, ["items": [ProductViewTests.product]]) : .json(200, ProductViewTests.product)
        }
        return ProductViews(
            inventory: inventory, pricing: FakeUpstream("pricing", script: steps), lastPrices: LastPrices(most: most, now: { clock.now }))
    }

    private func view(_ views: ProductViews, _ currency: Currency? = nil) async throws -> JSON {
        try JSON.parse(try await views.product("LAPTOP-001", currency: currency).readableBytesView)
    }

    @Test("without pricing it is shown with its age, and the view says that it is degraded")
    func shown() async throws {
        let views = views(.json(200, price()), .fail(.timeout), .json(503, ["code": "unavailable"]))
        _ = try await view(views)
        clock.advance(by: .milliseconds(7900))
        let stale: JSON = ["product": ProductViewTests.product, "price": price(), "priceAgeSeconds": 7, "degraded": ["pricing"]]
        #expect(try await view(views) == stale)
        let list = try JSON.parse(try await views.products(.init()).readableBytesView)
        #expect(list["items"] == [["product": ProductViewTests.product, "price": price(), "priceAgeSeconds": 7]])
        #expect(list["degraded"] == ["pricing"])
    }

    @Test("it is never shown beyond its own end, nor after a quarter of an hour")
    func ends() async throws {
        let short = views(.json(200, price(until: "2026-01-15T09:01:00Z")), .fail(.timeout), .fail(.timeout))
        _ = try await view(short)
        clock.advance(by: .seconds(59))
        #expect(try await view(short)["price"] != nil)
        clock.advance(by: .seconds(1))
        #expect(try await view(short)["price"] == nil)
        let long = views(.json(200, price()), .fail(.timeout), .fail(.timeout))
        _ = try await view(long)
        clock.advance(by: .seconds(900))
        #expect(try await view(long)["price"] != nil)
        clock.advance(by: .seconds(1))
        #expect(try await view(long)["price"] == nil)
    }

    @Test("a price in another currency is no answer")
    func currency() async throws {
        let views = views(.json(200, price()), .fail(.timeout))
        _ = try await view(views)
        #expect(try await view(views, .eur)["price"] == nil)
    }

    @Test("a product that has no price now gets no old one")
    func gone() async throws {
        let views = views(.json(200, price()), .json(404, ["code": "price_not_found"]))
        _ = try await view(views)
        #expect(try await view(views) == ["product": ProductViewTests.product])
    }

    @Test("how many are remembered is bounded, and those seen again stay")
    func bounded() {
        let prices = LastPrices(most: 10, now: { clock.now })
        func note(_ id: String) { prices.note(ByteBuffer(), ["productId": .string(id)], currency: nil) }
        note("a")
        for number in 0..<4 { note("\(number)") }
        note("a")
        for number in 4..<8 { note("\(number)") }
        #expect(prices.find("a", currency: nil) != nil)
        for number in 8..<20 { note("\(number)") }
        #expect(prices.find("a", currency: nil) == nil)
    }
}
