import HTTPPath
import HTTPTypes
import NIOCore
import PricingAPI
import Resilience
import ServiceKit
import TestKit
import Testing

@testable import Gateway

@Suite("what a customer sees of a product")
struct ProductViewTests {
    static let product: JSON = ["id": "01900000-0000-7001-8000-000000000001", "sku": "LAPTOP-001", "name": "Laptop"]
    static let price: JSON = ["productId": "01900000-0000-7001-8000-000000000001", "price": ["amountMinor": 100, "currency": "USD"]]

    /// An answer of pricing's that is none.
    struct Silence: Sendable, CustomTestStringConvertible {
        let name: String
        let step: FakeUpstream.Step

        var testDescription: String { name }

        static let all = [
            Silence(name: "unreachable", step: .fail(.unreachable)), Silence(name: "timeout", step: .fail(.timeout)),
            Silence(name: "interrupted", step: .fail(.interrupted)), Silence(name: "500", step: .json(500, ["code": "internal_error"])),
            Silence(name: "503", step: .json(503, ["code": "unavailable"])), Silence(name: "429", step: .json(429, ["code": "too_many"])),
            Silence(name: "401", step: .json(401, ["code": "unauthenticated"])), Silence(name: "403", step: .json(403, ["code": "forbidden"])),
            Silence(name: "no JSON", step: .answer(UpstreamResponse(status: 200, headers: [:], body: ByteBuffer(string: "<html>")))),
        ]
    }

    @Test("product and price are spliced as they came, asked for at the same time")
    func spliced() async throws {
        // Each waits for the other to have been asked.
        let gate = Gate()
        let inventory = FakeUpstream("inventory") { _ in .held(gate, .json(200, Self.product)) }
        let pricing = FakeUpstream("pricing") { _ in .held(gate, .json(200, Self.price)) }
        async let view = ProductViews(inventory: inventory, pricing: pricing).product("LAPTOP-001", currency: .eur)
        await gate.arrivals(2)
        gate.open()
        #expect(try await json(view) == ["product": Self.product, "price": Self.price])
        #expect(inventory.calls.map(\.request.path) == ["/api/v1/products/LAPTOP-001"])
        #expect(pricing.calls.map(\.request.path) == ["/api/v1/prices/LAPTOP-001?currency=EUR"])
    }

    @Test("without an answer of pricing's that can be used the view is degraded", arguments: Silence.all)
    func degraded(_ silence: Silence) async throws {
        let views = ProductViews(inventory: answering(.json(200, Self.product)), pricing: answering(silence.step))
        #expect(try await json(views.product("LAPTOP-001", currency: nil)) == ["product": Self.product, "degraded": ["pricing"]])
        let list = ProductViews(inventory: answering(.json(200, ["items": [Self.product]])), pricing: answering(silence.step))
        #expect(try await json(list.products(.init())) == ["items": [["product": Self.product]], "degraded": ["pricing"]])
    }

    @Test("a product without a price is no degraded view")
    func noPrice() async throws {
        let views = ProductViews(inventory: answering(.json(200, Self.product)), pricing: answering(.json(404, ["code": "price_not_found"])))
        #expect(try await json(views.product("LAPTOP-001", currency: nil)) == ["product": Self.product])
    }

    @Test("what pricing finds wrong with the request is told as it is", arguments: [400, 422])
    func wrongRequest(_ status: Int) async throws {
        let wrong = Problem(status, "currency_not_offered", "No rate.")
        let views = ProductViews(inventory: answering(.json(200, Self.product)), pricing: answering(.problem(wrong)))
        #expect(await problem { try await views.product("LAPTOP-001", currency: .jpy) } == wrong)
        let list = ProductViews(inventory: answering(.json(200, ["items": [Self.product]])), pricing: answering(.problem(wrong)))
        #expect(await problem { try await list.products(.init()) } == wrong)
    }

    @Test("without inventory there is no view, whatever pricing says")
    func noInventory() async throws {
        for (step, code) in [
            (FakeUpstream.Step.fail(.unreachable), "unavailable"), (.fail(.timeout), "upstream_timeout"), (.fail(.interrupted), "bad_gateway"),
            (.json(401, ["code": "unauthenticated"]), "bad_gateway"), (.json(200, "text"), nil),
            (.answer(UpstreamResponse(status: 200, headers: [:], body: ByteBuffer(string: "<html>"))), "bad_gateway"),
            (.json(404, ["code": "product_not_found", "detail": "There is no such product."]), "product_not_found"),
        ] {
            let views = ProductViews(inventory: answering(step), pricing: answering(.json(200, Self.price)))
            #expect(await problem { try await views.product("LAPTOP-001", currency: nil) }?.code == code)
        }
    }

    @Test("where inventory is not asked, pricing is not asked either: to refuse must cost less than to serve")
    func refusedEarly() async throws {
        let inventory = ResilientUpstream(CallPipeline("inventory"), Endpoints([ServiceAddress("http://a")])) { _ in
            self.answering(.json(200, Self.product))
        }
        let pricing = answering(.json(200, Self.price))
        let views = ProductViews(inventory: inventory, pricing: pricing)
        inventory.pipeline.breaker.set(.forcedOpen)
        #expect(await problem { try await views.product("LAPTOP-001", currency: nil) }?.code == "unavailable")
        #expect(pricing.calls.isEmpty)
        inventory.pipeline.breaker.set(.automatic)
        #expect(try await json(views.product("LAPTOP-001", currency: nil)) == ["product": Self.product, "price": Self.price])
    }

    @Test("when inventory says when to come back, so does the gateway")
    func retryAfter() async throws {
        let busy = FakeUpstream.Step.json(503, ["code": "unavailable", "detail": "Busy."], headers: [.retryAfter: "7"])
        let views = ProductViews(inventory: answering(busy), pricing: answering(.json(200, Self.price)))
        #expect(await problem { try await views.product("LAPTOP-001", currency: nil) } == Problem(503, "unavailable", "Busy.", retryAfterSeconds: 7))
    }

    @Test("a list asks for all its prices in one call, and for none when it is empty")
    func list() async throws {
        let other: JSON = ["id": "01900000-0000-7002-8000-000000000002", "sku": "NEW-1"]
        let inventory = answering(.json(200, ["items": [Self.product, other], "nextCursor": "abc"]))
        let pricing = answering(.json(200, ["items": [Self.price], "missing": ["01900000-0000-7002-8000-000000000002"]]))
        let filter = ProductViews.Filter(category: "a&b", search: "ü", inStock: true, limit: 2, cursor: "x=", currency: .eur)
        let list = try await json(ProductViews(inventory: inventory, pricing: pricing).products(filter))
        #expect(list == ["items": [["product": Self.product, "price": Self.price], ["product": other]], "nextCursor": "abc"])
        #expect(inventory.calls.map(\.request.path) == ["/api/v1/products?category=a%26b&search=%C3%BC&inStock=true&limit=2&cursor=x%3D"])
        #expect(
            pricing.calls.map(\.json) == [
                ["ids": ["01900000-0000-7001-8000-000000000001", "01900000-0000-7002-8000-000000000002"], "currency": "EUR"]
            ])

        let unasked = answering(.fail(.unreachable))
        #expect(try await json(ProductViews(inventory: answering(.json(200, ["items": []])), pricing: unasked).products(.init())) == ["items": []])
        #expect(unasked.calls.isEmpty)
    }

    // MARK: -

    private func answering(_ step: FakeUpstream.Step) -> FakeUpstream { FakeUpstream("service") { _ in step } }

    private func json(_ bytes: ByteBuffer) throws -> JSON { try JSON.parse(bytes.readableBytesView) }

    /// What a caller would see instead of an answer; nil if there is one.
    private func problem(_ body: () async throws -> some Any) async -> Problem? {
        do {
            _ = try await body()
            return nil
        } catch {
            return Problem(mapping: error)
        }
    }
}
