import Basics
import PricingAPI

/// Which lines a discount is about.
struct Scope: Sendable {
    /// Indices of the lines whose products or categories the rule names; all where it names none. Ascending.
    let touched: [Int]
    /// For an offer that gives other products: the indices of their lines. Ascending; nil for every other rule.
    let given: [Int]?

    init(_ rule: DiscountRule, in lines: [Order.Line]) {
        func names(_ products: [String], _ line: Order.Line) -> Bool {
            products.contains(line.sku) || products.contains(line.productID.description)
        }
        let isForAll = rule.products.isEmpty && rule.categories.isEmpty
        touched = lines.indices.filter { index in
            let line = lines[index]
            return isForAll || names(rule.products, line) || line.category.map(rule.categories.contains) ?? false
        }
        if case .buyXGetY(let offer) = rule.effect, !offer.getProducts.isEmpty {
            given = lines.indices.filter { names(offer.getProducts, lines[$0]) }
        } else {
            given = nil
        }
    }

    /// Every line that the discount may change, or counts.
    var all: Set<Int> { Set(touched).union(given ?? []) }

    /// Whether two of one kind would meet at a line.
    func meets(_ other: Scope) -> Bool { !all.isDisjoint(with: other.all) }
}
