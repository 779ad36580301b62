import Basics
import PricingAPI

/// All that a breakdown depends on; the engine asks nobody else, so the same order always costs the same.
struct Order: Sendable {
    struct Line: Sendable {
        var productID: Identifier
        var sku: String
        /// What discounts by category go by; nil where nobody said.
        var category: String?
        /// As the operator set it, in its own currency; told, and not calculated with.
        var base: Money?
        /// Told, and not calculated with.
        var adjustment: PriceAdjustment?
        /// In the order's currency.
        var unitPrice: Money
        /// 1 … 1,000,000.
        var quantity: Int64
    }

    /// A discount and where the caller named it, such as `/discountCodes/0`.
    struct Code: Sendable {
        var rule: DiscountRule
        var pointer: String
    }

    var currency: Currency
    var taxRegion: String
    var tax: TaxRule
    /// Converts amounts that discounts state in another currency.
    var exchange: ExchangeTable
    var lines: [Line]
    /// At most 10; at most 6 where the best are to be chosen.
    var codes: [Code] = []
    var combine = QuoteRequest.Combination.all
    /// Codes that were named and are out of the question already.
    var notUsed: [UnusedCode] = []
}

extension Order {
    /// What the order costs: with all its codes, or with those that are best for the customer.
    ///
    /// Throws a `Refusal` for codes that do not fit together or do not apply, where they must all be used, and `amountTooLarge` where an
    /// amount exceeds `Money.largestAmountMinor`. Whether a code is in force or used up is the caller's business.
    func breakdown() throws(Refusal) -> Breakdown {
        switch combine {
        case .all: try breakdown(using: Stacking.ordered(codes.map { ScopedCode($0, in: self) }))
        case .best: try Choice(of: self).breakdown()
        }
    }
}
