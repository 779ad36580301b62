public import Basics

/// The kinds of discount.
public enum DiscountKind: String, Sendable, CaseIterable {
    /// A share off each line. Applied third, at most one to a line.
    case percentage
    /// An amount off the order, split over its lines. Applied last; several add up, never below zero.
    case fixed
    /// A share off a line that grows with its quantity. Applied second, at most one to a line.
    case volume
    /// Some pieces for less, or for nothing, where others are bought. Applied first, at most one to a line.
    case buyXGetY = "buy-x-get-y"
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
        case buyXGetY(Offer)
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

    /// Buy some pieces, get others for less.
    ///
    /// Without `getProducts` bought and given pieces are of the same lines, those that the rule touches: of each `buyQuantity + getQuantity`
    /// pieces, `getQuantity` are given, the cheapest first. With `getProducts`, each `buyQuantity` pieces of the other lines that the rule
    /// touches give `getQuantity` pieces of those products. Between pieces of one price the earlier line comes first.
    public struct Offer: Hashable, Sendable {
        /// 1 … 1,000,000.
        public var buyQuantity: Int64
        /// 1 … 1,000,000.
        public var getQuantity: Int64
        /// What is off the price of a given piece: a share, above 0, at most 1; 1 is for nothing.
        public var rate: Rate
        /// The products (ids or SKUs, at most 100) that are given; empty for those that are bought.
        public var getProducts: [String]
        /// How many times it counts in one order, 1 … 1,000,000; nil for any number of times.
        public var mostTimes: Int64?

        public init(buyQuantity: Int64, getQuantity: Int64, rate: Rate = .one, getProducts: [String] = [], mostTimes: Int64? = nil) {
            self.buyQuantity = buyQuantity
            self.getQuantity = getQuantity
            self.rate = rate
            self.getProducts = getProducts
            self.mostTimes = mostTimes
        }
    }

    /// 2 … 40 capital letters, digits, `-`, `_`; see `normalised`.
    public var code: String
    /// At most 500 characters; for people.
    public var description: String
    public var effect: Effect
    /// The order's subtotal (before discounts) must reach this; converted when the quote is in another currency.
    public var minimumSpend: Money?
    /// The products (ids or SKUs, at most 100) whose lines it touches; with no categories either, it touches all.
    public var products: [String]
    /// The categories (at most 20) whose products it touches as well; see ``Category``.
    public var categories: [String]
    /// In force from here (inclusive) …
    public var startsAt: Timestamp?
    /// … to here (exclusive).
    public var endsAt: Timestamp?
    /// How many orders may redeem it, at least 1; nil for any number.
    public var usageLimit: Int64?
    /// How many orders of one shopper may redeem it, at least 1; nil for any number.
    public var usageLimitPerShopper: Int64?
    /// False: no other code may stand beside it.
    public var stackable: Bool
    /// 0 … 1000, the higher the earlier: which of two codes is considered first where the service chooses among them.
    public var priority: Int64

    public init(
        code: String, description: String = "", effect: Effect, minimumSpend: Money? = nil, products: [String] = [], categories: [String] = [],
        startsAt: Timestamp? = nil, endsAt: Timestamp? = nil, usageLimit: Int64? = nil, usageLimitPerShopper: Int64? = nil, stackable: Bool = true,
        priority: Int64 = 0
    ) {
        self.code = code
        self.description = description
        self.effect = effect
        self.minimumSpend = minimumSpend
        self.products = products
        self.categories = categories
        self.startsAt = startsAt
        self.endsAt = endsAt
        self.usageLimit = usageLimit
        self.usageLimitPerShopper = usageLimitPerShopper
        self.stackable = stackable
        self.priority = priority
    }

    public static let mostTiers = 20
    public static let mostProducts = 100
    public static let mostCategories = 20
    public static let highestPriority: Int64 = 1000

    public var kind: DiscountKind {
        switch effect {
        case .percentage: .percentage
        case .fixed: .fixed
        case .volume: .volume
        case .buyXGetY: .buyXGetY
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

/// A category of the catalogue, as far as prices care: which discounts a product's line is touched by. The catalogue itself is the
/// inventory service's; whoever sets a price says the category as well.
public enum Category {
    public static let expected = "a slug of 1 to 50 lower-case letters and digits with single hyphens between them, such as home-office"

    public static func isCategory(_ text: String) -> Bool {
        (1...50).contains(text.utf8.count)
            && text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false).allSatisfy { word in
                !word.isEmpty && word.allSatisfy { (97...122).contains($0) || (48...57).contains($0) }
            }
    }

    static func parse(_ text: String) -> String? { isCategory(text) ? text : nil }
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
