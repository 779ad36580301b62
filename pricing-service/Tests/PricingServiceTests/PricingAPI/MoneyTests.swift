import PricingAPI
import Testing

@Suite struct MoneyTests {
    @Test("a currency has the digits of ISO 4217", arguments: [("JPY", 0), ("KRW", 0), ("USD", 2), ("EUR", 2), ("KWD", 3), ("TND", 3)])
    func digits(code: String, digits: Int) throws {
        let currency = try #require(Currency(code))
        #expect(currency.minorDigits == digits)
        #expect(currency.description == code)
    }

    @Test("what is no currency of the table is refused", arguments: ["", "US", "USDX", "usd", "ABC", "XAU", "CLF", "U$D", "ÉUR"])
    func unknownCurrency(code: String) { #expect(Currency(code) == nil) }

    @Test("the currencies known by name are those of the table, and no code stands in two columns")
    func named() {
        for currency in [Currency.usd, .eur, .gbp, .jpy, .kwd] { #expect(Currency(currency.code) == currency) }
        #expect(Set(Currency.codes).count == Currency.codes.count)
        #expect(Currency.codes.allSatisfy { Currency($0) != nil })
    }

    @Test("money is written with its currency's digits")
    func written() {
        #expect(Money(amountMinor: 1999, currency: .usd).description == "19.99 USD")
        #expect(Money(amountMinor: -5, currency: .kwd).description == "-0.005 KWD")
        #expect(Money(amountMinor: 500, currency: .jpy).description == "500 JPY")
    }

    @Test("a sum or product beyond the largest amount is an error, not a trap")
    func overflow() {
        let most = Money(amountMinor: Money.largestAmountMinor, currency: .usd)
        #expect(throws: MoneyError(.outOfRange)) { try most.adding(Money(amountMinor: 1, currency: .usd)) }
        #expect(throws: MoneyError(.outOfRange)) { try Money(amountMinor: .max, currency: .usd).multiplied(by: .max) }
        #expect(throws: MoneyError(.outOfRange)) { try Money(amountMinor: .min, currency: .usd).multiplied(by: 1) }
        #expect(throws: MoneyError(.currencyMismatch)) { try most.adding(Money(amountMinor: 1, currency: .eur)) }
        #expect(throws: MoneyError(.outOfRange)) { try Decimal.product(.max, 2) }
    }
}

@Suite struct RateTests {
    @Test("a rate is an integer and a scale, written as a decimal")
    func written() throws {
        #expect(try #require(Rate(value: 725, scale: 4)).description == "0.0725")
        #expect(try #require(Rate(value: 1497, scale: 1)).description == "149.7")
        #expect(Rate.one.description == "1")
    }

    @Test("a rate out of bounds is refused", arguments: [(-1, 0), (1, -1), (1, 10), (1_000_000_000_001, 0)])
    func bounds(value: Int64, scale: Int) { #expect(Rate(value: value, scale: scale) == nil) }

    @Test("a share is at most one and at most six digits fine")
    func share() throws {
        #expect(Rate.one.isShare)
        #expect(Rate.zero.isShare)
        #expect(try #require(Rate(value: 1_000_000, scale: 6)).isShare)
        #expect(!(try #require(Rate(value: 1_000_001, scale: 6)).isShare))
        #expect(!(try #require(Rate(value: 1, scale: 7)).isShare))
    }

    @Test(
        "division rounds to the nearest, and halfway to the even one",
        arguments: [
            (5, 10, 0), (15, 10, 2), (25, 10, 2), (26, 10, 3), (24, 10, 2), (-5, 10, 0), (-15, 10, -2), (-25, 10, -2), (-26, 10, -3), (7, 1, 7),
            (1, 3, 0), (2, 3, 1),
        ]
    )
    func halfEven(numerator: Int, denominator: Int, expected: Int) {
        #expect(Decimal.halfEven(Int128(numerator), over: Int128(denominator)) == Int128(expected))
    }

    @Test("division does not trap at the ends of 128 bits")
    func extremes() {
        #expect(Decimal.halfEven(.max, over: .max) == 1)
        #expect(Decimal.halfEven(.max - 1, over: .max) == 1)
        #expect(Decimal.halfEven(.max, over: 1) == .max)
    }
}
