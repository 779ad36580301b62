import Basics
import PricingAPI
import Testing

@testable import PricingService

@Suite struct ExchangeTests {
    @Test("a conversion crosses digits, and rounds half even once")
    func worked() throws {
        let table = ExchangeTable.test
        // 1299.00 USD × 0.92 = 1195.08 EUR; × 149.7 = 194,460.3 JPY; × 0.307 = 398.793 KWD.
        let price = Money(amountMinor: 129_900, currency: .usd)
        #expect(try table.convert(price, to: .eur) == Money(amountMinor: 119_508, currency: .eur))
        #expect(try table.convert(price, to: .jpy) == Money(amountMinor: 194_460, currency: .jpy))
        #expect(try table.convert(price, to: .kwd) == Money(amountMinor: 398_793, currency: .kwd))
        // 10.00 EUR / 0.92 × 149.7 = 1627.17… JPY
        #expect(try table.convert(Money(amountMinor: 1000, currency: .eur), to: .jpy) == Money(amountMinor: 1627, currency: .jpy))
        // 0.25 USD × 0.92 = 0.23 EUR exactly; 0.05 USD × 0.79 = 0.0395 → 0.04 GBP
        #expect(try table.convert(Money(amountMinor: 25, currency: .usd), to: .eur) == Money(amountMinor: 23, currency: .eur))
        #expect(try table.convert(Money(amountMinor: 5, currency: .usd), to: .gbp) == Money(amountMinor: 4, currency: .gbp))
    }

    @Test("a currency needs no rate to itself, and an unknown one has no answer")
    func unknown() throws {
        let chf = try #require(Currency("CHF"))
        #expect(try ExchangeTable.test.convert(Money(amountMinor: 7, currency: chf), to: chf) == Money(amountMinor: 7, currency: chf))
        #expect(try ExchangeTable.test.convert(Money(amountMinor: 7, currency: chf), to: .usd) == nil)
        #expect(try ExchangeTable.test.convert(Money(amountMinor: 7, currency: .usd), to: chf) == nil)
    }

    @Test("the widest amounts and rates convert or are refused, and never trap")
    func extremes() throws {
        var random = Seeded(7)
        var refused = 0
        var converted = 0
        for _ in 0..<2000 {
            let rates = [Currency.jpy, .kwd, .eur].map {
                ($0, Rate(value: random.spread(to: Rate.largestValue), scale: .random(in: 0...9, using: &random))!)
            }
            let table = ExchangeTable(version: 1, validFrom: .init(microseconds: 0), rates: Dictionary(uniqueKeysWithValues: rates))
            let all = [Currency.usd, .eur, .jpy, .kwd]
            let money = Money(amountMinor: random.spread(to: Money.largestAmountMinor), currency: all.randomElement(using: &random)!)
            do {
                let result = try #require(try table.convert(money, to: all.randomElement(using: &random)!))
                #expect((0...Money.largestAmountMinor).contains(result.amountMinor))
                converted += 1
            } catch let error as MoneyError {
                #expect(error.code == .outOfRange)
                refused += 1
            }
        }
        #expect(refused > 100 && converted > 100)
    }

    @Test("a tax region falls back to its country")
    func regions() throws {
        let table = TaxTable(
            version: 1, validFrom: .init(microseconds: 0),
            rules: [
                TaxRule(region: "DE", rate: .basisPoints(1900), mode: .inclusive),
                TaxRule(region: "US-CA", rate: .basisPoints(725), mode: .exclusive),
            ]
        )
        #expect(table.rule(for: "DE-BY")?.region == "DE")
        #expect(table.rule(for: "US-CA")?.rate.value == 725)
        #expect(table.rule(for: "US-TX") == nil)
        #expect(table.rule(for: "FR") == nil)
    }

    @Test(
        "a region is a country, a subdivision or NONE",
        arguments: [
            ("NONE", true), ("DE", true), ("US-CA", true), ("GB-ENG", true), ("FR-75", true), ("D", false), ("de", false), ("US-", false),
            ("US-CALI", false), ("US_CA", false), ("", false), ("USA", false),
        ])
    func regionForm(text: String, valid: Bool) { #expect(TaxRule.isRegion(text) == valid) }

    @Test("a product is named by id or SKU")
    func references() {
        #expect(ProductReference("LAPTOP-001") == .sku("LAPTOP-001"))
        #expect(ProductReference(Identifier.test(1).description) == .id(.test(1)))
        for bad in ["", "-A", "A B", "Ü", String(repeating: "A", count: 65), "a/b"] { #expect(ProductReference(bad) == nil) }
    }

    @Test(
        "a code is stored in capitals",
        arguments: [
            ("welcome10", "WELCOME10"), ("A-_1", "A-_1"), ("X", nil), ("-AB", nil), ("A B", nil), ("ÄB", nil),
            (String(repeating: "A", count: 41), nil),
        ])
    func codes(text: String, expected: String?) { #expect(DiscountRule.normalised(text) == expected) }
}
