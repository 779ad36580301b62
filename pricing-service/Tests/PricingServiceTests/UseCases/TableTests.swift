import Basics
import Database
import HTTPPath
import PricingAPI
import TestKit
import Testing

@testable import PricingService

@Suite struct TableTests {
    @Test("a table is replaced as a whole from its time on", arguments: StoreEngine.allCases)
    func exchange(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let rate = Rate(value: 2, scale: 0)!
        let later = try await shop.tables.setExchange([.eur: rate], validFrom: Shop.start + .seconds(60), .none)
        #expect(later.version == 2)
        #expect(try await shop.tables.exchange().version == 1)
        #expect(try await shop.tables.exchange().rates == Seed.rates)
        shop.clock.advance(.seconds(60))
        #expect(try await shop.tables.exchange() == later)
        #expect(try await shop.prices.price(of: .sku("BOOK-006"), in: .eur).price.amountMinor == 3200)
        #expect(try await refusal { try await shop.prices.price(of: .sku("BOOK-006"), in: .jpy) }?.code == .currencyNotOffered)
    }

    @Test("tax rules are replaced as a whole", arguments: StoreEngine.allCases)
    func taxes(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let rule = TaxRule(region: "FR", rate: .basisPoints(2000), mode: .inclusive)
        let table = try await shop.tables.setTaxes([rule], validFrom: nil, .none)
        #expect(try await shop.tables.taxes() == table)
        #expect(try await shop.quote(region: "FR-75").breakdown.taxRule == rule)
        #expect(try await refusal { try await shop.quote(region: "DE") }?.code == .taxRegionUnknown)
    }

    @Test("a store without tables says so", arguments: StoreEngine.allCases)
    func none(engine: StoreEngine) async throws {
        let shop = try await Shop(engine, seeded: false)
        #expect(try await refusal { try await shop.tables.exchange() }?.code == .tableNotFound)
        #expect(try await refusal { try await shop.tables.taxes() }?.code == .tableNotFound)
    }
}
