import PricingAPI
import Testing

@testable import PricingService

/// Laws that hold for every order, over thousands of generated ones.
@Suite struct PricingProperties {
    @Test("parts sum to totals, nothing is negative, nothing traps", arguments: [Currency.jpy, .usd, .kwd])
    func laws(currency: Currency) throws {
        var random = Seeded(UInt64(currency.minorDigits) + 1)
        var priced = 0
        var refused: [PricingErrorCode: Int] = [:]
        for _ in 0..<4000 {
            let order = Self.order(in: currency, extreme: false, using: &random)
            do throws(Refusal) {
                try check(order, order.breakdown())
                priced += 1
            } catch {
                refused[error.code, default: 0] += 1
            }
        }
        // The generator reaches what it is for: most orders have an answer, and some each kind of refusal.
        #expect(priced > 2000)
        #expect(refused[.discountNotStackable, default: 0] > 10)
        #expect(refused[.minimumSpendNotMet, default: 0] > 10)
    }

    @Test("at the extremes an order has an answer or a clear refusal", arguments: [Currency.jpy, .usd, .kwd])
    func extremes(currency: Currency) throws {
        var random = Seeded(UInt64(currency.minorDigits) + 101)
        var priced = 0
        var tooLarge = 0
        for _ in 0..<2000 {
            let order = Self.order(in: currency, extreme: true, using: &random)
            do throws(Refusal) {
                try check(order, order.breakdown())
                priced += 1
            } catch {
                if error.code == .amountTooLarge {
                    tooLarge += 1
                    #expect(!error.errors.isEmpty)
                }
            }
        }
        #expect(priced > 50 && tooLarge > 500)
    }

    @Test("the order in which codes are named changes nothing")
    func codesCommute() throws {
        var random = Seeded(11)
        for _ in 0..<500 {
            var order = Self.order(in: .usd, extreme: false, using: &random)
            guard let breakdown = try? order.breakdown() else { continue }
            order.codes.shuffle(using: &random)
            #expect(try order.breakdown() == breakdown)
        }
    }

    @Test("a share alone is the exact line, rounded half even")
    func oracle() throws {
        var random = Seeded(12)
        for _ in 0..<2000 {
            let rate = random.share()
            let (price, quantity) = (random.spread(to: 10_000_000), random.spread(to: 10_000))
            guard rate.value > 0 else { continue }
            let total = try Order.of([(price, quantity)], codes: [DiscountRule(code: "RATE", effect: .percentage(rate))]).breakdown().totals.total
            // |2 × total × d − 2 × exact| <= d, and on the boundary total is even.
            let d = rate.denominator
            let exact = Int128(price) * Int128(quantity) * (d - Int128(rate.value))
            let distance = (2 * Int128(total.amountMinor) * d - 2 * exact).magnitude
            #expect(distance < d.magnitude || distance == d.magnitude && total.amountMinor % 2 == 0)
        }
    }

    @Test("a split sums to the amount, exceeds no line, and is within one of the exact share")
    func splits() {
        var random = Seeded(13)
        for _ in 0..<3000 {
            let weights = (0..<Int.random(in: 1...20, using: &random)).map { _ in
                Bool.random(using: &random) ? random.spread(to: 10_000_000_000_000) : 0
            }
            let whole = weights.reduce(0, +)
            guard whole > 0 else { continue }
            let amount = Int64.random(in: 0...whole, using: &random)
            let parts = largestRemainder(amount, over: weights)
            #expect(parts.reduce(0, +) == amount)
            for (part, weight) in zip(parts, weights) {
                #expect((0...weight).contains(part))
                #expect((Int128(part) * Int128(whole) - Int128(amount) * Int128(weight)).magnitude < UInt128(whole))
            }
        }
    }

    private func check(_ order: Order, _ breakdown: Breakdown) throws(Refusal) {
        let columns: [KeyPath<Totals, Money>] = [\.subtotal, \.discount, \.net, \.tax, \.total]
        for column in columns {
            #expect(breakdown.lines.map { $0.amounts[keyPath: column].amountMinor }.reduce(0, +) == breakdown.totals[keyPath: column].amountMinor)
        }
        #expect(breakdown.lines.count == order.lines.count)
        for (line, asked) in zip(breakdown.lines, order.lines) {
            let amounts = line.amounts
            for column in columns {
                #expect(amounts[keyPath: column].amountMinor >= 0)
                #expect(amounts[keyPath: column].currency == order.currency)
            }
            #expect(amounts.subtotal.amountMinor == asked.unitPrice.amountMinor * asked.quantity)
            #expect(amounts.net.amountMinor + amounts.tax.amountMinor == amounts.total.amountMinor)
            #expect(line.discounts.map(\.amount.amountMinor).reduce(0, +) == amounts.discount.amountMinor)
            #expect(line.discounts.allSatisfy { $0.amount.amountMinor >= 0 })
            let left = amounts.subtotal.amountMinor - amounts.discount.amountMinor
            #expect(left == (order.tax.mode == .exclusive ? amounts.net : amounts.total).amountMinor)
        }
    }

    static func order(in currency: Currency, extreme: Bool, using random: inout Seeded) -> Order {
        let largestPrice = extreme ? Money.largestUnitPriceMinor : 10_000_000
        let largestQuantity = extreme ? QuoteRequest.largestQuantity : 1000
        let lines = (0..<Int.random(in: 1...(extreme ? 100 : 12), using: &random)).map { _ in
            (price: random.spread(to: largestPrice), quantity: random.spread(to: largestQuantity))
        }
        let tax = TaxRule(region: "XX", rate: random.share(), mode: Bool.random(using: &random) ? .exclusive : .inclusive)
        let rules = (0..<Int.random(in: 0...4, using: &random)).map { rule($0, lines: lines.count, extreme: extreme, using: &random) }
        return .of(lines, in: currency, tax: tax, codes: rules)
    }

    private static func rule(_ index: Int, lines: Int, extreme: Bool, using random: inout Seeded) -> DiscountRule {
        let currency = [Currency.usd, .eur, .jpy, .kwd].randomElement(using: &random)!
        let effect: DiscountRule.Effect
        switch Int.random(in: 0...3, using: &random) {
        case 0: effect = .percentage(random.share())
        case 1: effect = .volume((1...5).map { .init(minQuantity: Int64($0 * $0), rate: random.share()) })
        default: effect = .fixed(Money(amountMinor: random.spread(to: extreme ? Money.largestUnitPriceMinor : 100_000), currency: currency))
        }
        return DiscountRule(
            code: "CODE-\(index)", effect: effect,
            minimumSpend: Int.random(in: 0...4, using: &random) == 0 ? Money(amountMinor: random.spread(to: 10_000_000), currency: .usd) : nil,
            products: Int.random(in: 0...4, using: &random) == 0 ? ["SKU-\(Int.random(in: 1...lines, using: &random))"] : [],
            stackable: Int.random(in: 0...20, using: &random) != 0
        )
    }
}
