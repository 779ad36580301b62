import Basics
import Database
import HTTPPath
import PricingAPI
import TestKit
import Testing

@testable import PricingService

/// What was when: prices and rates of the past and of the time to come.
@Suite struct HistoryTests {
    private static let laptop = ProductReference.sku("LAPTOP-001")
    private static func dollars(_ amount: Int64) -> Money { Money(amountMinor: amount, currency: .usd) }

    private func shown(_ shop: Shop, after seconds: Int, in currency: Currency? = nil) async throws -> Int64 {
        try await shop.prices.price(of: Self.laptop, in: currency, asOf: Shop.start + .seconds(seconds)).price.amountMinor
    }

    @Test("every change is kept with who made it, when and why", arguments: StoreEngine.allCases)
    func audit(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        shop.clock.advance(.seconds(60))
        let change = Prices.Change(base: Self.dollars(99_900), reason: "Black Friday")
        _ = try await shop.prices.set(Self.laptop, change, by: "olga", Preconditions(version: 1))
        let history = try await shop.prices.history(of: Self.laptop, below: .max, limit: 10)
        #expect(history.map(\.createdBy) == ["olga", "pricing-service"] && history.map(\.reason) == ["Black Friday", "the sample catalogue"])
        #expect(history[0].createdAt == Shop.start + .seconds(60))
    }

    @Test("a price as of a moment is what the shop showed then, whatever was entered later", arguments: StoreEngine.allCases)
    func asOf(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        shop.clock.advance(.seconds(100))
        _ = try await shop.prices.set(Self.laptop, .init(base: Self.dollars(110_000)), version: 1)
        shop.clock.advance(.seconds(100))
        // Entered at 200, for the time from 50 on.
        _ = try await shop.prices.set(Self.laptop, .init(base: Self.dollars(90_000), validFrom: Shop.start + .seconds(50)), version: 2)
        // Entered at 200, for the time from 300 to 400.
        let season = Prices.Change(base: Self.dollars(70_000), validFrom: Shop.start + .seconds(300), validUntil: Shop.start + .seconds(400))
        _ = try await shop.prices.set(Self.laptop, season, version: 3)
        #expect(try await shown(shop, after: 0) == 129_900)
        #expect(try await shown(shop, after: 99) == 129_900)
        #expect(try await shown(shop, after: 100) == 110_000)
        #expect(try await shown(shop, after: 199) == 110_000)
        // The entry of 100 began later than the one for 50, and so still counts.
        #expect(try await shown(shop, after: 250) == 110_000)
        #expect(try await shown(shop, after: 300) == 70_000)
        #expect(try await shown(shop, after: 400) == 110_000)
        let past = try await shop.prices.price(of: Self.laptop, in: nil, asOf: Shop.start + .seconds(99))
        #expect(past.version == 1 && past.validUntil == nil)
        #expect(try await refusal { try await shown(shop, after: -1) }?.code == .priceNotFound)
    }

    @Test("a rate for the future takes effect by itself, is told with its date, and ends what was converted with the one before")
    func rates() async throws {
        for engine in StoreEngine.allCases {
            let shop = try await Shop(engine)
            let start = Shop.start + .seconds(600)
            let announced = try await shop.tables.setExchange(
                [.eur: Rate(value: 8, scale: 1)!], validFrom: start, by: "olga", because: "the bank's rate", .none)
            #expect(announced.version == 2 && announced.validUntil == nil)
            let before = try await shop.prices.price(of: Self.laptop, in: .eur)
            #expect(before.exchange?.tableVersion == 1 && before.exchange?.validFrom == Shop.start && before.exchange?.toRate == Seed.rates[.eur])
            #expect(before.validUntil == start)
            #expect(try await shop.prices.price(of: Self.laptop, in: .usd).validUntil == nil)
            #expect(try await shop.tables.exchange().validUntil == start)
            #expect(try await shop.tables.exchange(.at(start)).version == 2)
            #expect(try await shop.quote(in: .eur).breakdown.exchange?.validFrom == Shop.start)
            shop.clock.advance(.seconds(600))
            let after = try await shop.prices.price(of: Self.laptop, in: .eur)
            #expect(after.price.amountMinor == 103_920 && after.exchange?.validFrom == start && after.exchange?.tableVersion == 2)
            let quote = try await shop.quote(in: .eur)
            #expect(quote.breakdown.exchange == ExchangeUsed(tableVersion: 2, validFrom: start, rates: [.eur: Rate(value: 8, scale: 1)!]))
            // The past stays as it was.
            #expect(try await shown(shop, after: 599, in: .eur) == 119_638)
            #expect(try await shown(shop, after: 600, in: .eur) == 103_920)
        }
    }

    @Test("tables of rates and taxes are kept: a page of them, and each by its version", arguments: StoreEngine.allCases)
    func tables(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let rule = TaxRule(region: "FR", rate: .basisPoints(2000), mode: .inclusive)
        for number in 1...3 {
            shop.clock.advance(.seconds(60))
            let rates: [Currency: Rate] = [.eur: Rate(value: Int64(number), scale: 0)!]
            _ = try await shop.tables.setExchange(rates, validFrom: nil, by: "olga", because: "day \(number)", .none)
            _ = try await shop.tables.setTaxes([rule], validFrom: nil, by: "otto", .none)
        }
        let page = try await shop.tables.exchangeHistory(below: .max, limit: 2)
        #expect(page.map(\.version) == [4, 3] && page.map(\.createdBy) == ["olga", "olga"] && page.map(\.reason) == ["day 3", "day 2"])
        #expect(page[0].createdAt == Shop.start + .seconds(180) && page[0].validFrom == page[0].createdAt)
        #expect(try await shop.tables.exchangeHistory(below: 3, limit: 10).map(\.version) == [2, 1])
        #expect(try await shop.tables.exchange(.version(2)).rates[.eur] == .one)
        #expect(try await shop.tables.exchange(.version(1)).rates == Seed.rates)
        #expect(try await shop.tables.exchange(.at(Shop.start + .seconds(59))).version == 1)
        #expect(try await shop.tables.taxHistory(below: .max, limit: 10).map(\.createdBy) == ["otto", "otto", "otto", "pricing-service"])
        #expect(try await shop.tables.taxes(.version(1)).rules.count == Seed.taxes.count)
        #expect(try await shop.tables.taxes(.at(Shop.start)).version == 1)
        for choice in [Tables.Choice.version(9), .at(Shop.start - .seconds(1))] {
            #expect(try await refusal { try await shop.tables.exchange(choice) }?.code == .tableNotFound)
            #expect(try await refusal { try await shop.tables.taxes(choice) }?.code == .tableNotFound)
        }
    }

    @Test("a table entered later for an earlier time does not change what was", arguments: StoreEngine.allCases)
    func backdated(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        shop.clock.advance(.seconds(100))
        _ = try await shop.tables.setExchange([.eur: .one], validFrom: Shop.start + .seconds(50), .none)
        #expect(try await shop.tables.exchange(.at(Shop.start + .seconds(60))).version == 1)
        #expect(try await shop.tables.exchange(.at(Shop.start + .seconds(100))).version == 2)
        #expect(try await shop.tables.exchange().version == 2)
    }
}
