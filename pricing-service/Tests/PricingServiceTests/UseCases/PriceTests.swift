import Basics
import Database
import HTTPPath
import PricingAPI
import TestKit
import Testing

@testable import PricingService

@Suite struct PriceTests {
    private static func dollars(_ amount: Int64) -> Money { Money(amountMinor: amount, currency: .usd) }

    @Test("a price is found by id and by SKU", arguments: StoreEngine.allCases)
    func found(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let bySKU = try await shop.prices.price(of: .sku("LAPTOP-001"), in: nil)
        #expect(bySKU.price == Self.dollars(129_900) && bySKU.exchange == nil && bySKU.validUntil == nil)
        #expect(try await shop.prices.price(of: .id(Seed.productID(1)), in: nil) == bySKU)
        #expect(try await refusal { try await shop.prices.price(of: .sku("laptop-001"), in: nil) }?.code == .priceNotFound)
    }

    @Test("a change takes effect, moves the version and stays in the history", arguments: StoreEngine.allCases)
    func changed(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        shop.clock.advance(.seconds(60))
        let (entry, isNew) = try await shop.prices.set(.sku("LAPTOP-001"), .init(base: Self.dollars(99_900)), version: 1)
        #expect(entry.version == 2 && entry.productID == Seed.productID(1) && !isNew)
        let price = try await shop.prices.price(of: .sku("LAPTOP-001"), in: nil)
        #expect(price.base == Self.dollars(99_900) && price.version == 2)
        let history = try await shop.prices.history(of: .sku("LAPTOP-001"), below: .max, limit: 10)
        #expect(history.map(\.base.amountMinor) == [99_900, 129_900])
        #expect(try await shop.prices.history(of: .sku("LAPTOP-001"), below: 2, limit: 10).map(\.version) == [1])
    }

    @Test("a price for a season begins and ends by itself, whatever is set meanwhile", arguments: StoreEngine.allCases)
    func season(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let season = Prices.Change(base: Self.dollars(80_000), validFrom: Shop.start + .seconds(100), validUntil: Shop.start + .seconds(200))
        _ = try await shop.prices.set(.sku("LAPTOP-001"), season, version: 1)
        let before = try await shop.prices.price(of: .sku("LAPTOP-001"), in: nil)
        #expect(before.base == Self.dollars(129_900) && before.validUntil == Shop.start + .seconds(100))
        _ = try await shop.prices.set(.sku("LAPTOP-001"), .init(base: Self.dollars(120_000)), version: 2)
        shop.clock.advance(.seconds(100))
        let during = try await shop.prices.price(of: .sku("LAPTOP-001"), in: nil)
        #expect(during.base == Self.dollars(80_000) && during.validUntil == Shop.start + .seconds(200))
        shop.clock.advance(.seconds(100))
        let after = try await shop.prices.price(of: .sku("LAPTOP-001"), in: nil)
        #expect(after.base == Self.dollars(120_000) && after.validUntil == nil)
        #expect(Set([before, during, after].map(\.etag)).count == 3)
    }

    @Test("a product whose only price is to come, or is over, has none now", arguments: StoreEngine.allCases)
    func none(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let change = Prices.Change(
            base: Self.dollars(5), productID: .test(900), validFrom: Shop.start + .seconds(10), validUntil: Shop.start + .seconds(20))
        let (entry, isNew) = try await shop.prices.set(.sku("NEW-1"), change, version: nil)
        #expect(isNew && entry.version == 1)
        #expect(try await refusal { try await shop.prices.price(of: .sku("NEW-1"), in: nil) }?.code == .priceNotFound)
        shop.clock.advance(.seconds(10))
        #expect(try await shop.prices.price(of: .sku("NEW-1"), in: nil).base == Self.dollars(5))
        shop.clock.advance(.seconds(10))
        #expect(try await refusal { try await shop.prices.price(of: .sku("NEW-1"), in: nil) }?.code == .priceNotFound)
    }

    @Test("a batch keeps the order and names what has no price", arguments: StoreEngine.allCases)
    func batch(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let asked: [ProductReference] = [.sku("MOUSE-001"), .sku("NOPE"), .id(Seed.productID(1)), .id(.test(999)), .sku("MOUSE-001")]
        let batch = try await shop.prices.batch(asked, in: .kwd)
        #expect(batch.items.map(\.sku) == ["MOUSE-001", "LAPTOP-001", "MOUSE-001"])
        #expect(batch.items[0].price == Money(amountMinor: 15_043, currency: .kwd))
        #expect(batch.missing == ["NOPE", Identifier.test(999).description])
    }

    @Test("a currency without a rate is refused, and the price's own needs none", arguments: StoreEngine.allCases)
    func currencies(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        #expect(try await refusal { try await shop.prices.price(of: .sku("MOUSE-001"), in: Currency("CHF")!) }?.code == .currencyNotOffered)
        let change = Prices.Change(base: Money(amountMinor: 700, currency: Currency("CHF")!), productID: .test(900))
        _ = try await shop.prices.set(.sku("SWISS-1"), change, version: nil)
        #expect(try await shop.prices.price(of: .sku("SWISS-1"), in: Currency("CHF")!).price.amountMinor == 700)
    }

    @Test("a new product needs both of its names, and neither may belong to another", arguments: StoreEngine.allCases)
    func names(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let before = try await shop.rowCounts()
        func code(
            _ product: ProductReference, id: Identifier? = nil, sku: String? = nil, version: Int64? = nil
        ) async throws -> (PricingErrorCode?, [String]) {
            let change = Prices.Change(base: Self.dollars(1), productID: id, sku: sku)
            let refused = try await refusal { try await shop.prices.set(product, change, version: version) }
            return (refused?.code, refused?.errors.map(\.pointer) ?? [])
        }
        #expect(try await code(.sku("NEW-1")) == (.invalidBody, ["/productId"]))
        #expect(try await code(.id(.test(900))) == (.invalidBody, ["/sku"]))
        #expect(try await code(.id(.test(900)), id: .test(901), sku: "NEW-1") == (.invalidBody, ["/productId"]))
        #expect(try await code(.sku("NEW-1"), id: .test(900), sku: "NEW-2") == (.invalidBody, ["/sku"]))
        #expect(try await code(.id(.test(900)), sku: "LAPTOP-001") == (.skuConflict, []))
        #expect(try await code(.sku("NEW-1"), id: Seed.productID(1)) == (.skuConflict, []))
        #expect(try await code(.sku("LAPTOP-001"), sku: "LAPTOP-002", version: 1) == (.skuConflict, ["/sku"]))
        #expect(try await code(.sku("LAPTOP-001"), id: .test(2), version: 1) == (.skuConflict, ["/productId"]))
        #expect(try await shop.rowCounts() == before)
    }

    @Test("an end that is past, or not after the beginning, is refused", arguments: StoreEngine.allCases)
    func end(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        for (from, to) in [(nil, 0), (10, 10), (-20, -10)] as [(Int64?, Int64)] {
            let change = Prices.Change(
                base: Self.dollars(1), validFrom: from.map { Shop.start + .seconds($0) }, validUntil: Shop.start + .seconds(to))
            let refused = try await refusal { try await shop.prices.set(.sku("LAPTOP-001"), change, version: 1) }
            #expect(refused?.errors.first?.pointer == "/validUntil")
        }
    }

    @Test("of changes made at once from the same version, one goes through", arguments: StoreEngine.allCases)
    func concurrently(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let prices = shop.prices
        let done = await withTaskGroup(of: Bool.self) { group in
            for number in 1...20 {
                group.addTask { (try? await prices.set(.sku("LAPTOP-001"), .init(base: Self.dollars(Int64(number))), version: 1)) != nil }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(done == 1)
        #expect(try await prices.price(of: .sku("LAPTOP-001"), in: nil).version == 2)
    }
}
