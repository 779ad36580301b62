public import Basics

/// Where things are; used by the client, and by tests that speak HTTP themselves.
public enum PricingPaths {
    public static let base = "/api/v1"
    public static let prices = base + "/prices"
    public static let batchGet = prices + "/batch-get"
    public static let calculate = prices + "/calculate"
    public static let quotes = base + "/quotes"
    public static let discounts = base + "/discounts"
    public static let exchangeRates = base + "/exchange-rates"
    public static let taxRules = base + "/tax-rules"

    /// The paths as the service declares its routes: what calls are called in traces.
    public enum Template {
        public static let price = prices + "/{productId}"
        public static let quote = quotes + "/{quoteId}"
        public static let redemption = quote + "/redemptions/{orderId}"
    }

    public static func price(_ product: ProductReference) -> String { "\(prices)/\(product)" }
    public static func history(_ product: ProductReference) -> String { "\(prices)/\(product)/history" }
    public static func dynamicPolicy(_ product: ProductReference) -> String { "\(prices)/\(product)/dynamic" }
    public static func quote(_ id: Identifier) -> String { "\(quotes)/\(id)" }
    public static func redemption(of quote: Identifier, by order: Identifier) -> String { "\(quotes)/\(quote)/redemptions/\(order)" }
    public static func discount(_ code: String) -> String { "\(discounts)/\(code)" }
}
