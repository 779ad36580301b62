public import Basics

/// What an order would cost and why, line by line. Every column of `lines` sums to the same field of `totals`, to the minor unit.
public struct Breakdown: Hashable, Sendable {
    public var currency: Currency
    /// The region that was asked for; `taxRule.region` is the rule that was found for it.
    public var taxRegion: String
    public var taxRule: TaxRule
    /// In the order in which they were applied.
    public var discountCodes: [String]
    /// What each of these codes takes off the whole order, in the same order: the sum over the lines. They sum to `totals.discount`.
    public var discounts: [AppliedDiscount]
    /// The codes that were named and are not used, where the service was to choose; by code.
    public var notUsed: [UnusedCode]
    /// The rates that amounts were converted with; nil where nothing was converted.
    public var exchange: ExchangeUsed?
    /// 1 … 100, in the order asked for.
    public var lines: [BreakdownLine]
    public var totals: Totals

    public init(
        currency: Currency, taxRegion: String, taxRule: TaxRule, discountCodes: [String], discounts: [AppliedDiscount] = [],
        notUsed: [UnusedCode] = [], exchange: ExchangeUsed? = nil, lines: [BreakdownLine], totals: Totals
    ) {
        self.currency = currency
        self.taxRegion = taxRegion
        self.taxRule = taxRule
        self.discountCodes = discountCodes
        self.discounts = discounts
        self.notUsed = notUsed
        self.exchange = exchange
        self.lines = lines
        self.totals = totals
    }
}

/// The exchange rates that a breakdown used, and since when they are in force.
public struct ExchangeUsed: Hashable, Sendable {
    /// The table's version.
    public var tableVersion: Int64
    public var validFrom: Timestamp
    /// Units for one unit of `ExchangeTable.base`, of the currencies used; the base is not among them.
    public var rates: [Currency: Rate]

    public init(tableVersion: Int64, validFrom: Timestamp, rates: [Currency: Rate]) {
        self.tableVersion = tableVersion
        self.validFrom = validFrom
        self.rates = rates
    }
}

/// A code that was named and is not used.
public struct UnusedCode: Hashable, Sendable {
    public var code: String
    /// For programs: the error code that naming it alone would be refused with, or `not_chosen`.
    public var reason: String
    /// One sentence for a person.
    public var detail: String

    public init(code: String, reason: String, detail: String) {
        self.code = code
        self.reason = reason
        self.detail = detail
    }

    /// Other codes leave the customer less to pay without it.
    public static let notChosen = "not_chosen"
}

public struct BreakdownLine: Hashable, Sendable {
    public var productID: Identifier
    public var sku: String
    /// 1 … 1,000,000.
    public var quantity: Int64
    /// The base price of one piece as an operator set it, in its own currency; nil in quotes of before it was told.
    public var base: Money?
    /// What demand or the hour adds to `base`; nil where nothing does.
    public var adjustment: PriceAdjustment?
    /// The list price of one piece: `base` with its adjustment, in the currency of the breakdown.
    public var unitPrice: Money
    /// What each code took off this line, in the order applied.
    public var discounts: [AppliedDiscount]
    public var amounts: Totals

    public init(
        productID: Identifier, sku: String, quantity: Int64, base: Money? = nil, adjustment: PriceAdjustment? = nil, unitPrice: Money,
        discounts: [AppliedDiscount], amounts: Totals
    ) {
        self.productID = productID
        self.sku = sku
        self.quantity = quantity
        self.base = base
        self.adjustment = adjustment
        self.unitPrice = unitPrice
        self.discounts = discounts
        self.amounts = amounts
    }
}

public struct AppliedDiscount: Hashable, Sendable {
    public var code: String
    public var kind: DiscountKind
    /// >= 0.
    public var amount: Money
    /// How the amount comes about, for a person: `10 % from 50 pieces`. Empty in quotes of before it was told.
    public var reason: String

    public init(code: String, kind: DiscountKind, amount: Money, reason: String = "") {
        self.code = code
        self.kind = kind
        self.amount = amount
        self.reason = reason
    }
}

/// The five amounts of a line or of a whole breakdown; none is negative.
///
/// `net + tax == total`. With exclusive tax `net == subtotal - discount`; with inclusive tax `total == subtotal - discount`.
public struct Totals: Hashable, Sendable {
    /// Unit price times quantity.
    public var subtotal: Money
    public var discount: Money
    /// Without tax.
    public var net: Money
    public var tax: Money
    /// What the customer pays.
    public var total: Money

    public init(subtotal: Money, discount: Money, net: Money, tax: Money, total: Money) {
        self.subtotal = subtotal
        self.discount = discount
        self.net = net
        self.tax = tax
        self.total = total
    }

    public static func zero(_ currency: Currency) -> Totals {
        let nothing = Money.zero(currency)
        return Totals(subtotal: nothing, discount: nothing, net: nothing, tax: nothing, total: nothing)
    }

    public func adding(_ other: Totals) throws(MoneyError) -> Totals {
        Totals(
            subtotal: try subtotal.adding(other.subtotal), discount: try discount.adding(other.discount), net: try net.adding(other.net),
            tax: try tax.adding(other.tax), total: try total.adding(other.total)
        )
    }
}

/// A tax of a region.
public struct TaxRule: Hashable, Sendable {
    public enum Mode: String, Sendable, CaseIterable {
        /// The list price is without tax; tax comes on top.
        case exclusive
        /// The list price contains the tax.
        case inclusive
    }

    /// `DE`, `US-CA`, or `NONE` for no tax; see `isRegion`.
    public var region: String
    /// A share, 0 … 1.
    public var rate: Rate
    public var mode: Mode

    public init(region: String, rate: Rate, mode: Mode) {
        self.region = region
        self.rate = rate
        self.mode = mode
    }

    /// A country of ISO 3166 in two capital letters, with or without a subdivision of one to three letters or digits, or `NONE`.
    public static func isRegion(_ text: String) -> Bool {
        if text == "NONE" { return true }
        let bytes = Array(text.utf8)
        func isCapital(_ byte: UInt8) -> Bool { (65...90).contains(byte) }
        guard bytes.count >= 2, isCapital(bytes[0]), isCapital(bytes[1]) else { return false }
        if bytes.count == 2 { return true }
        return (4...6).contains(bytes.count) && bytes[2] == UInt8(ascii: "-")
            && bytes[3...].allSatisfy { isCapital($0) || (48...57).contains($0) }
    }
}

/// A breakdown that the shop stands by until `validUntil`.
public struct Quote: Hashable, Sendable {
    public var id: Identifier
    public var createdAt: Timestamp
    public var validUntil: Timestamp
    public var breakdown: Breakdown
    /// HMAC-SHA256 over the quote's canonical text: `v2.`, the key's id in 8 hexadecimal digits, `.`, and 64 hexadecimal digits.
    public var signature: String

    public init(id: Identifier, createdAt: Timestamp, validUntil: Timestamp, breakdown: Breakdown, signature: String) {
        self.id = id
        self.createdAt = createdAt
        self.validUntil = validUntil
        self.breakdown = breakdown
        self.signature = signature
    }
}
