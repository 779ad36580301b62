import Basics
import PricingAPI

/// All that a breakdown depends on; the engine asks nobody else, so the same order always costs the same.
struct Order: Sendable {
    struct Line: Sendable {
        var productID: Identifier
        var sku: String
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
    var codes: [Code] = []
}
