/// The stable codes that the pricing service refuses with, beside those of every service.
public struct PricingErrorCode: Hashable, Sendable, CustomStringConvertible {
    /// On the wire, such as `discount_exhausted`.
    public let description: String
    /// HTTP status.
    public let status: Int

    private init(_ description: String, _ status: Int) {
        self.description = description
        self.status = status
    }

    /// No discount of that code.
    public static let discountNotFound = PricingErrorCode("discount_not_found", 404)
    /// No price was ever set for the product, or none is in force now.
    public static let priceNotFound = PricingErrorCode("price_not_found", 404)
    /// No quote of that id.
    public static let quoteNotFound = PricingErrorCode("quote_not_found", 404)
    /// No exchange-rate table, or no tax table, is in force yet.
    public static let tableNotFound = PricingErrorCode("table_not_found", 404)

    /// No dynamic pricing was set for the product.
    public static let dynamicPolicyNotFound = PricingErrorCode("dynamic_policy_not_found", 404)

    /// Another order took the last use of a limited code.
    public static let discountExhausted = PricingErrorCode("discount_exhausted", 409)
    /// The shopper has used the code as often as one shopper may.
    public static let discountUsedByShopper = PricingErrorCode("discount_used_by_shopper", 409)
    /// A code that is limited per shopper, and nobody said who the shopper is.
    public static let shopperUnknown = PricingErrorCode("shopper_unknown", 409)
    /// The undo came first; this order can no longer redeem this quote.
    public static let alreadyUndone = PricingErrorCode("already_undone", 409)
    /// The order holds a redemption of another quote.
    public static let orderAlreadyRedeemed = PricingErrorCode("order_already_redeemed", 409)
    /// A discount of that code exists.
    public static let discountExists = PricingErrorCode("discount_exists", 409)
    /// The SKU belongs to another product, or the product has another SKU.
    public static let skuConflict = PricingErrorCode("sku_conflict", 409)
    /// The stored quote does not carry this service's signature.
    public static let quoteSignatureInvalid = PricingErrorCode("quote_signature_invalid", 409)
    /// The quote's time is over: ask for a new one.
    public static let quoteExpired = PricingErrorCode("quote_expired", 410)

    /// A value is of the right type and means nothing here: the code that every service uses for a body.
    public static let invalidBody = PricingErrorCode("invalid_body", 422)
    /// A product in the body has no price.
    public static let lineNotPriced = PricingErrorCode("line_not_priced", 422)
    /// No such code, or it was withdrawn.
    public static let discountUnknown = PricingErrorCode("discount_unknown", 422)
    /// The code's time has not come, or is over.
    public static let discountNotActive = PricingErrorCode("discount_not_active", 422)
    /// The codes may not stand together.
    public static let discountNotStackable = PricingErrorCode("discount_not_stackable", 422)
    /// The code is for other products.
    public static let discountNotApplicable = PricingErrorCode("discount_not_applicable", 422)
    /// The order is too small for the code.
    public static let minimumSpendNotMet = PricingErrorCode("minimum_spend_not_met", 422)
    /// A currency without an exchange rate.
    public static let currencyNotOffered = PricingErrorCode("currency_not_offered", 422)
    /// A region without a tax rule.
    public static let taxRegionUnknown = PricingErrorCode("tax_region_unknown", 422)
    /// An amount beyond what the wire carries.
    public static let amountTooLarge = PricingErrorCode("amount_too_large", 422)

    /// Every code, for the documents and the tests that hold them to it.
    public static let all: [PricingErrorCode] = [
        discountNotFound, priceNotFound, quoteNotFound, tableNotFound, dynamicPolicyNotFound, discountExhausted, discountUsedByShopper,
        shopperUnknown, alreadyUndone, orderAlreadyRedeemed, discountExists,
        skuConflict, quoteSignatureInvalid, quoteExpired, invalidBody, lineNotPriced, discountUnknown, discountNotActive, discountNotStackable,
        discountNotApplicable, minimumSpendNotMet, currencyNotOffered, taxRegionUnknown, amountTooLarge,
    ]
}
