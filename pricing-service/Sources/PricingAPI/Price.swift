public import Basics

/// The list price of a product now, in the currency asked for.
public struct Price: Hashable, Sendable {
    public var productID: Identifier
    public var sku: String
    /// What category discounts go by; nil where nobody said.
    public var category: String?
    /// As the operator set it.
    public var base: Money
    /// What demand or the hour adds to `base` or takes from it; nil where nothing does.
    public var adjustment: PriceAdjustment?
    /// `base` with its adjustment, converted and rounded half even once; a quote starts from this.
    public var price: Money
    /// What `base` was converted with; nil where nothing was converted.
    public var exchange: Exchange?
    public var validFrom: Timestamp
    /// When this price ends or the next one begins, whichever is first; nil as far as is known.
    public var validUntil: Timestamp?
    /// Changes of this product's prices so far; `If-Match` guards on it.
    public var version: Int64

    /// Of the representation: it changes when any field does. The part before the first `-` is `version`, which is all that
    /// `If-Match` compares: a price shown in euros guards a change as well as one shown in dollars.
    public var etag: String { "\"\(version)-\(validFrom.microseconds)-\(price.currency)-\(exchange?.tableVersion ?? 0)\"" }

    public struct Exchange: Hashable, Sendable {
        public var from: Currency
        public var to: Currency
        /// The version of the exchange-rate table used.
        public var tableVersion: Int64
        /// Since when that table is in force.
        public var validFrom: Timestamp
        /// Units of `from` for one unit of `ExchangeTable.base`.
        public var fromRate: Rate
        /// Units of `to` for one unit of `ExchangeTable.base`.
        public var toRate: Rate

        public init(from: Currency, to: Currency, tableVersion: Int64, validFrom: Timestamp, fromRate: Rate, toRate: Rate) {
            self.from = from
            self.to = to
            self.tableVersion = tableVersion
            self.validFrom = validFrom
            self.fromRate = fromRate
            self.toRate = toRate
        }
    }

    public init(
        productID: Identifier, sku: String, category: String? = nil, base: Money, adjustment: PriceAdjustment? = nil, price: Money,
        exchange: Exchange?, validFrom: Timestamp, validUntil: Timestamp?, version: Int64
    ) {
        self.productID = productID
        self.sku = sku
        self.category = category
        self.base = base
        self.adjustment = adjustment
        self.price = price
        self.exchange = exchange
        self.validFrom = validFrom
        self.validUntil = validUntil
        self.version = version
    }
}

/// One entry of a product's price history. Of the entries in force at a time, the one that began last counts; of two that began
/// together, the one written last.
public struct PriceEntry: Hashable, Sendable {
    public var productID: Identifier
    public var sku: String
    /// The product's version that this entry made.
    public var version: Int64
    public var base: Money
    public var validFrom: Timestamp
    /// Exclusive; nil for no end.
    public var validUntil: Timestamp?
    public var createdAt: Timestamp
    /// Who said so: the subject of an operator's token, or a service. Nil in entries of before this was kept.
    public var createdBy: String?
    /// Why, in an operator's words; at most 500 characters.
    public var reason: String?

    public static let longestReason = 500

    public init(
        productID: Identifier, sku: String, version: Int64, base: Money, validFrom: Timestamp, validUntil: Timestamp?, createdAt: Timestamp,
        createdBy: String? = nil, reason: String? = nil
    ) {
        self.productID = productID
        self.sku = sku
        self.version = version
        self.base = base
        self.validFrom = validFrom
        self.validUntil = validUntil
        self.createdAt = createdAt
        self.createdBy = createdBy
        self.reason = reason
    }
}

/// Which product a caller means.
public enum ProductReference: Hashable, Sendable, CustomStringConvertible {
    case id(Identifier)
    case sku(String)

    /// A UUID is an id. A SKU is 1 … 64 letters, digits, `.`, `_`, `-`, and starts with a letter or digit. Nil for anything else.
    public init?(_ text: String) {
        if let id = Identifier(text) {
            self = .id(id)
        } else if Self.isSKU(text) {
            self = .sku(text)
        } else {
            return nil
        }
    }

    public static func isSKU(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...64).contains(bytes.count), let first = bytes.first, isLetterOrDigit(first) else { return false }
        return bytes.allSatisfy { isLetterOrDigit($0) || ".-_".utf8.contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) }

    public var description: String {
        switch self {
        case .id(let id): id.description
        case .sku(let sku): sku
        }
    }
}
