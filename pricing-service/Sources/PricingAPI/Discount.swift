public import Basics

/// The kinds of discount there are so far.
public enum DiscountKind: String, Sendable, CaseIterable {
    /// A share off each line. Applied second, at most one to a quote.
    case percentage
    /// An amount off the order, split over its lines. Applied last; several add up, never below zero.
    case fixed
    /// A share off a line that grows with its quantity. Applied first, at most one to a quote.
    case volume
}

/// What an operator says about a discount code.
public struct DiscountRule: Hashable, Sendable {
    public enum Effect: Hashable, Sendable {
        /// A share, above 0, at most 1.
        case percentage(Rate)
        /// Above zero; converted when the quote is in another currency.
        case fixed(Money)
        /// 1 … 20 tiers, by growing quantity. The line's quantity picks the last one it reaches; the whole line gets its rate.
        case volume([Tier])
    }

    public struct Tier: Hashable, Sendable {
        /// 1 … 1,000,000.
        public var minQuantity: Int64
        /// A share, above 0, at most 1.
        public var rate: Rate

        public init(minQuantity: Int64, rate: Rate) {
            self.minQuantity = minQuantity
            self.rate = rate
        }
    }

    /// 2 … 40 capital letters, digits, `-`, `_`; see `normalised`.
    public var code: String
    /// At most 500 characters; for people.
    public var description: String
    public var effect: Effect
    /// The order's subtotal (before discounts) must reach this; converted when the quote is in another currency.
    public var minimumSpend: Money?
    /// The products (ids or SKUs, at most 100) whose lines it touches; empty for all.
    public var products: [String]
    /// In force from here (inclusive) …
    public var startsAt: Timestamp?
    /// … to here (exclusive).
    public var endsAt: Timestamp?
    /// How many orders may redeem it, at least 1; nil for any number.
    public var usageLimit: Int64?
    /// False: no other code may stand beside it.
    public var stackable: Bool

    public init(
        code: String, description: String = "", effect: Effect, minimumSpend: Money? = nil, products: [String] = [], startsAt: Timestamp? = nil,
        endsAt: Timestamp? = nil, usageLimit: Int64? = nil, stackable: Bool = true
    ) {
        self.code = code
        self.description = description
        self.effect = effect
        self.minimumSpend = minimumSpend
        self.products = products
        self.startsAt = startsAt
        self.endsAt = endsAt
        self.usageLimit = usageLimit
        self.stackable = stackable
    }

    public static let mostTiers = 20
    public static let mostProducts = 100

    public var kind: DiscountKind {
        switch effect {
        case .percentage: .percentage
        case .fixed: .fixed
        case .volume: .volume
        }
    }

    /// The code as it is stored: customers may type `welcome10`. Nil if it cannot be a code.
    public static func normalised(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        guard (2...40).contains(bytes.count) else { return nil }
        var code: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case 65...90, 48...57: code.append(byte)
            case 97...122: code.append(byte - 32)
            case UInt8(ascii: "-"), UInt8(ascii: "_"):
                if index == 0 { return nil }
                code.append(byte)
            default: return nil
            }
        }
        return String(decoding: code, as: UTF8.self)
    }
}

/// A stored discount.
public struct Discount: Hashable, Sendable {
    public var id: Identifier
    public var rule: DiscountRule
    /// Orders that have redeemed it and not taken it back.
    public var timesUsed: Int64
    /// 1 at creation, one more at each change; the `ETag`.
    public var version: Int64
    public var createdAt: Timestamp
    public var updatedAt: Timestamp

    public init(id: Identifier, rule: DiscountRule, timesUsed: Int64, version: Int64, createdAt: Timestamp, updatedAt: Timestamp) {
        self.id = id
        self.rule = rule
        self.timesUsed = timesUsed
        self.version = version
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    public var isExhausted: Bool { rule.usageLimit.map { timesUsed >= $0 } ?? false }
}
