import Basics
import PricingAPI

@testable import PricingService

/// Orders of every kind, from a seed.
enum OrderGenerator {
    private static let categories = ["books", "audio", "garden"]

    /// - Parameter extreme: amounts and quantities up to their bounds, and up to 100 lines.
    static func order(in currency: Currency, extreme: Bool, using random: inout Seeded) -> Order {
        let largestPrice = extreme ? Money.largestUnitPriceMinor : 10_000_000
        let largestQuantity = extreme ? QuoteRequest.largestQuantity : 1000
        let lines = (0..<Int.random(in: 1...(extreme ? 100 : 12), using: &random)).map { _ in
            (price: random.spread(to: largestPrice), quantity: random.spread(to: largestQuantity))
        }
        let tax = TaxRule(region: "XX", rate: random.share(), mode: Bool.random(using: &random) ? .exclusive : .inclusive)
        let rules = (0..<Int.random(in: 0...4, using: &random)).map { rule($0, lines: lines.count, extreme: extreme, using: &random) }
        var order = Order.of(lines, in: currency, tax: tax, codes: rules)
        for index in order.lines.indices where Int.random(in: 0...3, using: &random) > 0 {
            order.lines[index].category = categories.randomElement(using: &random)
        }
        return order
    }

    static func rule(_ index: Int, lines: Int, extreme: Bool, using random: inout Seeded) -> DiscountRule {
        let currency = [Currency.usd, .eur, .jpy, .kwd].randomElement(using: &random)!
        let effect: DiscountRule.Effect
        switch Int.random(in: 0...4, using: &random) {
        case 0: effect = .percentage(random.share())
        case 1: effect = .volume((1...5).map { .init(minQuantity: Int64($0 * $0), rate: random.share()) })
        case 2:
            let given = Int.random(in: 0...2, using: &random) == 0 ? ["SKU-\(Int.random(in: 1...lines, using: &random))"] : []
            effect = .buyXGetY(
                .init(
                    buyQuantity: Int64.random(in: 1...5, using: &random), getQuantity: random.spread(to: extreme ? 1_000_000 : 4),
                    rate: Bool.random(using: &random) ? .one : random.share(), getProducts: given,
                    mostTimes: Bool.random(using: &random) ? random.spread(to: 1_000_000) : nil))
        default: effect = .fixed(Money(amountMinor: random.spread(to: extreme ? Money.largestUnitPriceMinor : 100_000), currency: currency))
        }
        return DiscountRule(
            code: "CODE-\(index)", effect: effect,
            minimumSpend: Int.random(in: 0...4, using: &random) == 0 ? Money(amountMinor: random.spread(to: 10_000_000), currency: .usd) : nil,
            products: Int.random(in: 0...4, using: &random) == 0 ? ["SKU-\(Int.random(in: 1...lines, using: &random))"] : [],
            categories: Int.random(in: 0...2, using: &random) == 0 ? [categories.randomElement(using: &random)!] : [],
            stackable: Int.random(in: 0...20, using: &random) != 0, priority: Int64.random(in: 0...2, using: &random) * 5
        )
    }
}
