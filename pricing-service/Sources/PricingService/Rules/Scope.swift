import Basics
import PricingAPI

/// Which lines a discount is about.
struct Scope: Sendable {
    /// Indices of the lines whose products or categories the rule names; all where it names none. Ascending.
    let touched: [Int]
    /// For an offer that gives other products: the indices of their lines. Ascending; nil for every other rule.
    let given: [Int]?
    /// Every line that the discount may change, or counts.
    let all: Set<Int>

    init(_ rule: DiscountRule, in lines: [Order.Line]) {
        let isForAll = rule.products.isEmpty && rule.categories.isEmpty
        let (products, categories) = (Set(rule.products), Set(rule.categories))
        touched = isForAll ? Array(lines.indices) : lines.indices.filter { lines[$0].isNamed(in: products) || lines[$0].isOf(categories) }
        if case .buyXGetY(let offer) = rule.effect, !offer.getProducts.isEmpty {
            let products = Set(offer.getProducts)
            given = lines.indices.filter { lines[$0].isNamed(in: products) }
        } else {
            given = nil
        }
        all = Set(touched).union(given ?? [])
    }

    /// Whether two of one kind would meet at a line.
    func meets(_ other: Scope) -> Bool { !all.isDisjoint(with: other.all) }
}

extension Order.Line {
    /// By SKU or id.
    fileprivate func isNamed(in products: Set<String>) -> Bool {
        !products.isEmpty && (products.contains(sku) || products.contains(productID.description))
    }

    fileprivate func isOf(_ categories: Set<String>) -> Bool { category.map(categories.contains) ?? false }
}

/// A code of an order with the lines that it is about, found once however often it is calculated with.
struct ScopedCode: Sendable {
    let rule: DiscountRule
    let pointer: String
    let scope: Scope

    init(_ code: Order.Code, in order: Order) {
        rule = code.rule
        pointer = code.pointer
        scope = Scope(code.rule, in: order.lines)
    }
}
