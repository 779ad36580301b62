import Basics
import HTTPPath
import PricingAPI
import Testing

@testable import PricingService

@Suite struct PricingTests {
    private static let german = TaxRule(region: "DE", rate: .basisPoints(1900), mode: .inclusive)
    private static let californian = TaxRule(region: "US-CA", rate: .basisPoints(725), mode: .exclusive)
    private static let welcome = DiscountRule(code: "WELCOME10", effect: .percentage(.basisPoints(1000)))
    private static let save = DiscountRule(
        code: "SAVE5", effect: .fixed(Money(amountMinor: 500, currency: .usd)), minimumSpend: Money(amountMinor: 5000, currency: .usd)
    )
    private static let bulk = DiscountRule(
        code: "BULK",
        effect: .volume([.init(minQuantity: 10, rate: .basisPoints(500)), .init(minQuantity: 50, rate: .basisPoints(1000))])
    )

    private func amounts(_ totals: Totals) -> [Int64] { [totals.subtotal, totals.discount, totals.net, totals.tax, totals.total].map(\.amountMinor) }

    @Test("two laptops with 10 % off in California")
    func exclusive() throws {
        let breakdown = try Order.of([(129_900, 2)], tax: Self.californian, codes: [Self.welcome]).breakdown()
        // 2598.00 − 259.80 = 2338.20; 7.25 % of it is 169.5195.
        #expect(amounts(breakdown.totals) == [259_800, 25_980, 233_820, 16_952, 250_772])
        #expect(
            breakdown.lines[0].discounts == [
                AppliedDiscount(code: "WELCOME10", kind: .percentage, amount: Money(amountMinor: 25_980, currency: .usd), reason: "10 %")
            ])
    }

    @Test("a German price contains its tax: net is gross without it")
    func inclusive() throws {
        // 119.00 contains 19.00; 0.99 contains 0.158…
        let breakdown = try Order.of([(11_900, 1), (99, 1)], in: .eur, tax: Self.german).breakdown()
        #expect(amounts(breakdown.lines[0].amounts) == [11_900, 0, 10_000, 1900, 11_900])
        #expect(amounts(breakdown.lines[1].amounts) == [99, 0, 83, 16, 99])
        #expect(amounts(breakdown.totals) == [11_999, 0, 10_083, 1916, 11_999])
    }

    @Test("a line is rounded half even, once, after its last discount")
    func roundedOnce() throws {
        // 0.25 × 50 % = 0.125 → 0.12; 0.35 × 50 % = 0.175 → 0.18.
        let half = DiscountRule(code: "HALF", effect: .percentage(.basisPoints(5000)))
        let even = try Order.of([(25, 1), (35, 1)], codes: [half]).breakdown()
        #expect(even.lines.map(\.amounts.total.amountMinor) == [12, 18])
        // 11 pieces of 0.01: 0.11 × 0.95 × 0.50 = 0.05225 → 0.05. Rounded after each it would be 0.10, then 0.05; with 31 pieces
        // 0.31 × 0.95 × 0.50 = 0.14725 → 0.15, where 0.29 (of 0.2945) and then 0.145 would give 0.14.
        let twice = try Order.of([(1, 11), (1, 31)], codes: [half, Self.bulk]).breakdown()
        #expect(twice.lines.map(\.amounts.total.amountMinor) == [5, 15])
        #expect(twice.lines[1].discounts.map(\.amount.amountMinor) == [2, 14])
    }

    @Test("a fixed amount is split by largest remainder, ties to the first line")
    func split() throws {
        let ten = DiscountRule(code: "TEN", effect: .fixed(Money(amountMinor: 10, currency: .usd)))
        let equal = try Order.of([(100, 1), (100, 1), (100, 1)], codes: [ten]).breakdown()
        #expect(equal.lines.map(\.amounts.discount.amountMinor) == [4, 3, 3])
        #expect(largestRemainder(10, over: [1, 2, 3]) == [2, 3, 5])
        #expect(largestRemainder(5, over: [0, 5, 0]) == [0, 5, 0])
        #expect(largestRemainder(7, over: [0, 0]) == [0, 0])
        #expect(largestRemainder(0, over: [1, 2]) == [0, 0])
        #expect(largestRemainder(2, over: [1, 1, 1]) == [1, 1, 0])
    }

    @Test("a fixed amount never takes more than there is")
    func neverBelowZero() throws {
        let huge = DiscountRule(code: "HUGE", effect: .fixed(Money(amountMinor: 99_999, currency: .usd)))
        let more = DiscountRule(code: "MORE", effect: .fixed(Money(amountMinor: 1, currency: .usd)))
        let breakdown = try Order.of([(100, 1), (250, 2)], tax: Self.californian, codes: [huge, more]).breakdown()
        #expect(amounts(breakdown.totals) == [600, 600, 0, 0, 0])
        #expect(breakdown.lines[1].discounts.map(\.amount.amountMinor) == [500, 0])
    }

    @Test("the quantity of a line picks the volume tier", arguments: [(9, 0), (10, 50), (49, 245), (50, 500), (1_000_000, 10_000_000)])
    func volume(quantity: Int64, discount: Int64) throws {
        let breakdown = try Order.of([(100, quantity)], codes: [Self.bulk]).breakdown()
        #expect(breakdown.totals.discount.amountMinor == discount)
    }

    @Test("codes apply volume, percentage, fixed, whatever order they are named in")
    func order() throws {
        let named = [Self.save, Self.welcome, Self.bulk]
        let first = try Order.of([(1000, 10)], codes: named).breakdown()
        #expect(first.discountCodes == ["BULK", "WELCOME10", "SAVE5"])
        // 100.00 × 0.95 × 0.90 = 85.50; − 5.00
        #expect(first.totals.total.amountMinor == 8050)
        #expect(first.lines[0].discounts.map(\.amount.amountMinor) == [500, 950, 500])
        #expect(try Order.of([(1000, 10)], codes: named.reversed()).breakdown() == first)
    }

    @Test("a fixed amount and a minimum spend are converted to the quote's currency")
    func converted() throws {
        // 5 USD is 748.5 JPY, half even 748; 50 USD is 7485 JPY.
        let breakdown = try Order.of([(7485, 1)], in: .jpy, codes: [Self.save]).breakdown()
        #expect(breakdown.totals.discount == Money(amountMinor: 748, currency: .jpy))
        #expect(throws: Refusal(.minimumSpendNotMet, at: "/discountCodes/0", "SAVE5 needs an order of at least 7485 JPY")) {
            try Order.of([(7484, 1)], in: .jpy, codes: [Self.save]).breakdown()
        }
    }

    @Test("the minimum spend counts the order before discounts")
    func minimumSpend() throws {
        let breakdown = try Order.of([(2500, 2)], codes: [Self.welcome, Self.save]).breakdown()
        #expect(breakdown.totals.total.amountMinor == 4000)
    }

    @Test("a code for some products leaves the other lines alone, and is refused where it touches none")
    func products() throws {
        var rule = Self.welcome
        rule.products = ["SKU-2"]
        let breakdown = try Order.of([(1000, 1), (1000, 1)], codes: [rule]).breakdown()
        #expect(breakdown.lines.map(\.amounts.discount.amountMinor) == [0, 100])
        rule.products = [breakdown.lines[0].productID.description]
        #expect(try Order.of([(1000, 1), (1000, 1)], codes: [rule]).breakdown().lines.map(\.amounts.discount.amountMinor) == [100, 0])
        rule.products = ["OTHER"]
        #expect(throws: Refusal(.discountNotApplicable, at: "/discountCodes/0", "WELCOME10 is for none of these products")) {
            try Order.of([(1000, 1)], codes: [rule]).breakdown()
        }
    }

    @Test("a code that is not stackable refuses company, and two of a kind refuse each other, fixed ones excepted")
    func stacking() throws {
        var alone = Self.welcome
        alone.stackable = false
        _ = try Order.of([(10_000, 1)], codes: [alone]).breakdown()
        #expect(throws: Refusal(.discountNotStackable, at: "/discountCodes/1", "WELCOME10 cannot be combined with another code")) {
            try Order.of([(10_000, 1)], codes: [Self.save, alone]).breakdown()
        }
        let other = DiscountRule(code: "ALSO", effect: .percentage(.basisPoints(1)))
        let error = #expect(throws: Refusal.self) { try Order.of([(10_000, 1)], codes: [Self.welcome, other]).breakdown() }
        #expect(error?.code == .discountNotStackable && error?.errors.first?.pointer == "/discountCodes/1")
        let fixed = ["B", "A"].map { DiscountRule(code: $0, effect: .fixed(Money(amountMinor: 100, currency: .usd))) }
        #expect(try Order.of([(10_000, 1)], codes: fixed).breakdown().totals.discount.amountMinor == 200)
        let twice = #expect(throws: Refusal.self) { try Order.of([(10_000, 1)], codes: [fixed[0], fixed[1], fixed[0]]).breakdown() }
        #expect(twice?.code == .invalidBody && twice?.errors.first?.pointer == "/discountCodes/2")
    }

    @Test("an amount too large is refused with its place, in a line and in the sum")
    func tooLarge() throws {
        let line = #expect(throws: Refusal.self) { try Order.of([(1, 1), (Money.largestUnitPriceMinor, 1_000_000)]).breakdown() }
        #expect(line?.code == .amountTooLarge && line?.errors.first?.pointer == "/lines/1/quantity")
        let sum = #expect(throws: Refusal.self) { try Order.of([(Money.largestUnitPriceMinor, 100), (1, 1)]).breakdown() }
        #expect(sum?.code == .amountTooLarge && sum?.errors.first?.pointer == "/lines/1")
        let taxed = #expect(throws: Refusal.self) { try Order.of([(Money.largestUnitPriceMinor, 100)], tax: Self.californian).breakdown() }
        #expect(taxed?.code == .amountTooLarge && taxed?.errors.first?.pointer == "/lines/0")
        #expect(try Order.of([(Money.largestUnitPriceMinor, 100)]).breakdown().totals.total.amountMinor == Money.largestAmountMinor)
    }
}
