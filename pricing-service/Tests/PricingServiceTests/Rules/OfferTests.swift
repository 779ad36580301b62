import HTTPPath
import PricingAPI
import Testing

@testable import PricingService

@Suite struct OfferTests {
    private func off(_ breakdown: Breakdown) -> [Int64] { breakdown.lines.map(\.amounts.discount.amountMinor) }

    private func rule(_ offer: DiscountRule.Offer, products: [String] = [], categories: [String] = []) -> DiscountRule {
        DiscountRule(code: "OFFER", effect: .buyXGetY(offer), products: products, categories: categories)
    }

    @Test("of each three pieces the cheapest is free, over all lines together; what does not make three pays")
    func cheapest() throws {
        let threeForTwo = rule(.init(buyQuantity: 2, getQuantity: 1))
        #expect(off(try Order.of([(300, 1), (200, 1)], codes: [threeForTwo]).breakdown()) == [0, 0])
        #expect(off(try Order.of([(300, 2), (200, 1)], codes: [threeForTwo]).breakdown()) == [0, 200])
        #expect(off(try Order.of([(300, 4), (200, 1), (100, 1)], codes: [threeForTwo]).breakdown()) == [0, 200, 100])
        // Eight pieces make two times three.
        #expect(off(try Order.of([(300, 8)], codes: [threeForTwo]).breakdown()) == [600])
    }

    @Test("between pieces of one price the earlier line's is given")
    func ties() throws {
        let offer = rule(.init(buyQuantity: 1, getQuantity: 1))
        #expect(off(try Order.of([(100, 1), (100, 1)], codes: [offer]).breakdown()) == [100, 0])
    }

    @Test("an offer counts at most as often as it says")
    func mostTimes() throws {
        let offer = rule(.init(buyQuantity: 1, getQuantity: 1, mostTimes: 2))
        #expect(off(try Order.of([(100, 20)], codes: [offer]).breakdown()) == [200])
    }

    @Test("a piece at half the price is half the price, exact until the line is rounded")
    func partly() throws {
        // Two of three pieces of 0.33 at 50 % less: 0.99 − 0.33 = 0.66; one: 0.99 − 0.165 = 0.825, to the even 0.82.
        let one = rule(.init(buyQuantity: 2, getQuantity: 1, rate: .basisPoints(5000)))
        let breakdown = try Order.of([(33, 3)], codes: [one]).breakdown()
        #expect(breakdown.totals.total.amountMinor == 82)
        #expect(breakdown.lines[0].discounts[0].reason == "1 of 3 pieces at 50 % less")
        // With 10 % more: 0.825 × 0.9 = 0.7425 → 0.74; rounded in between it would be 0.738 → 0.74, and with 20 %: 0.66 and 0.656 → 0.66.
        let share = DiscountRule(code: "SHARE", effect: .percentage(.basisPoints(3000)))
        // 0.825 × 0.7 = 0.5775 → 0.58; 0.82 × 0.7 = 0.574 would be 0.57.
        #expect(try Order.of([(33, 3)], codes: [share, one]).breakdown().totals.total.amountMinor == 58)
    }

    @Test("other products are given, the cheapest first, and are not counted as bought")
    func others() throws {
        let offer = rule(.init(buyQuantity: 2, getQuantity: 1, getProducts: ["SKU-2", "SKU-3"]), products: ["SKU-1", "SKU-2"])
        // SKU-1 is bought; SKU-2 is given, although it is among the products that are bought.
        #expect(off(try Order.of([(1000, 2), (50, 5), (40, 1)], codes: [offer]).breakdown()) == [0, 0, 40])
        #expect(off(try Order.of([(1000, 6), (50, 5), (40, 1)], codes: [offer]).breakdown()) == [0, 100, 40])
        #expect(off(try Order.of([(1000, 1), (50, 5), (40, 1)], codes: [offer]).breakdown()) == [0, 0, 0])
        let nothing = try Order.of([(1000, 1), (50, 5)], codes: [offer]).breakdown()
        #expect(nothing.discounts[0].reason == "buy 2, get 1: too few pieces")
    }

    @Test("an offer whose products are not in the order is refused at its place")
    func notApplicable() throws {
        let offer = rule(.init(buyQuantity: 1, getQuantity: 1, getProducts: ["SKU-2"]), products: ["SKU-1"])
        #expect(throws: Refusal(.discountNotApplicable, at: "/discountCodes/0", "OFFER gives a product that is not in the order")) {
            try Order.of([(100, 5)], codes: [offer]).breakdown()
        }
        let itself = rule(.init(buyQuantity: 1, getQuantity: 1, getProducts: ["SKU-1"]), products: ["SKU-1"])
        #expect(throws: Refusal(.discountNotApplicable, at: "/discountCodes/0", "OFFER is for buying other products than those it gives")) {
            try Order.of([(100, 5), (100, 5)], codes: [itself]).breakdown()
        }
        let books = rule(.init(buyQuantity: 1, getQuantity: 1), categories: ["books"])
        #expect(throws: Refusal(.discountNotApplicable, at: "/discountCodes/0", "OFFER is for none of these products")) {
            try Order.of([(100, 5)], codes: [books]).breakdown()
        }
    }

    @Test("a category touches its lines, and products beside it add theirs")
    func categories() throws {
        var share = DiscountRule(code: "SHARE", effect: .percentage(.basisPoints(1000)), categories: ["books"])
        var order = Order.of([(1000, 1), (1000, 1), (1000, 1)], codes: [share])
        order.lines[1].category = "books"
        order.lines[2].category = "audio"
        #expect(off(try order.breakdown()) == [0, 100, 0])
        share.products = ["SKU-3"]
        order.codes[0].rule = share
        #expect(off(try order.breakdown()) == [0, 100, 100])
    }

    @Test("two of a kind stand together where no line is touched by both, and are refused where one is")
    func disjoint() throws {
        let books = DiscountRule(code: "BOOKS", effect: .percentage(.basisPoints(1000)), categories: ["books"])
        let second = DiscountRule(code: "SECOND", effect: .percentage(.basisPoints(2000)), products: ["SKU-2"])
        var order = Order.of([(1000, 1), (1000, 1)], codes: [second, books])
        order.lines[0].category = "books"
        let breakdown = try order.breakdown()
        #expect(off(breakdown) == [100, 200] && breakdown.discountCodes == ["BOOKS", "SECOND"])
        order.lines[1].category = "books"
        let error = #expect(throws: Refusal.self) { try order.breakdown() }
        #expect(error?.code == .discountNotStackable && error?.errors.first?.pointer == "/discountCodes/1")
        // The lines that an offer gives count as touched.
        let gives = rule(.init(buyQuantity: 1, getQuantity: 1, getProducts: ["SKU-2"]), products: ["SKU-1"])
        var other = rule(.init(buyQuantity: 1, getQuantity: 1), products: ["SKU-2"])
        other.code = "OTHER"
        #expect(throws: Refusal.self) { try Order.of([(1000, 2), (1000, 2)], codes: [gives, other]).breakdown() }
    }

    @Test("within a kind the higher priority comes first, then the alphabet")
    func priority() throws {
        func fixed(_ code: String, _ amount: Int64, _ priority: Int64 = 0) -> DiscountRule {
            DiscountRule(code: code, effect: .fixed(Money(amountMinor: amount, currency: .usd)), priority: priority)
        }
        let breakdown = try Order.of([(100, 1)], codes: [fixed("AA", 80), fixed("BB", 70, 5), fixed("CC", 70)]).breakdown()
        #expect(breakdown.discountCodes == ["BB", "AA", "CC"])
        #expect(breakdown.discounts.map(\.amount.amountMinor) == [70, 30, 0])
    }

    @Test("a breakdown says which rates it used and since when; one that converts nothing names none")
    func exchange() throws {
        let save = DiscountRule(code: "SAVE", effect: .fixed(Money(amountMinor: 500, currency: .eur)))
        #expect(try Order.of([(10_000, 1)]).breakdown().exchange == nil)
        let used = try #require(try Order.of([(10_000, 1)], codes: [save]).breakdown().exchange)
        #expect(used.tableVersion == 1 && used.validFrom == ExchangeTable.test.validFrom && Set(used.rates.keys) == [.eur])
        var order = Order.of([(10_000, 1)], in: .jpy)
        order.lines[0].base = Money(amountMinor: 66_800, currency: .eur)
        let both = try order.breakdown()
        #expect(both.exchange.map { Set($0.rates.keys) } == [.eur, .jpy])
    }
}
