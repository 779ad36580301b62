public import Basics

/// How a product's price follows demand and the hour, and within which bounds. Without a policy, or with one that is not enabled, a
/// price is what an operator set.
public struct DynamicPolicy: Hashable, Sendable {
    /// From so much demand on, so many times the base price.
    public struct Step: Hashable, Sendable {
        /// 0 … 10^9, in views; an order counts for `orderWeight` of them.
        public var minDemand: Int64
        /// Above 0, at most 10, with at most 6 digits behind the point.
        public var factor: Rate

        public init(minDemand: Int64, factor: Rate) {
            self.minDemand = minDemand
            self.factor = factor
        }
    }

    /// A time of the day, in UTC, on some days of the week.
    public struct Hours: Hashable, Sendable {
        /// 1 (Monday) … 7 (Sunday), each at most once; empty for every day.
        public var days: [Int64]
        /// Minutes since midnight, 0 … 1439, inclusive.
        public var from: Int64
        /// Minutes since midnight, `from` + 1 … 1440, exclusive.
        public var to: Int64
        /// As in `Step`.
        public var factor: Rate

        public init(days: [Int64] = [], from: Int64, to: Int64, factor: Rate) {
            self.days = days
            self.from = from
            self.to = to
            self.factor = factor
        }
    }

    public var isEnabled: Bool
    /// An adjusted price is never below this; in the currency of the base price, or the policy says nothing about it.
    public var floor: Money
    /// … nor above this.
    public var ceiling: Money
    /// How far back demand is counted, 5 … 1440 minutes.
    public var windowMinutes: Int64
    /// How many views an ordered piece counts for, 1 … 1000.
    public var orderWeight: Int64
    /// 0 … 20, by growing demand: the last one reached counts.
    public var steps: [Step]
    /// 0 … 20: the first one that the moment is in counts.
    public var hours: [Hours]

    public static let mostSteps = 20
    public static let mostHours = 20
    public static let windows: ClosedRange<Int64> = 5...1440
    public static let weights: ClosedRange<Int64> = 1...1000

    public init(
        isEnabled: Bool, floor: Money, ceiling: Money, windowMinutes: Int64 = 60, orderWeight: Int64 = 10, steps: [Step] = [], hours: [Hours] = []
    ) {
        self.isEnabled = isEnabled
        self.floor = floor
        self.ceiling = ceiling
        self.windowMinutes = windowMinutes
        self.orderWeight = orderWeight
        self.steps = steps
        self.hours = hours
    }
}

/// A policy as it is kept.
public struct StoredPolicy: Hashable, Sendable {
    public var productID: Identifier
    public var sku: String
    public var policy: DynamicPolicy
    /// 1 for the first, one more at each change; the `ETag`.
    public var version: Int64
    public var updatedAt: Timestamp
    public var updatedBy: String
    /// Whether this service adjusts prices at all: `DYNAMIC_PRICING_ENABLED`.
    public var isInForce: Bool

    public init(
        productID: Identifier, sku: String, policy: DynamicPolicy, version: Int64, updatedAt: Timestamp, updatedBy: String, isInForce: Bool
    ) {
        self.productID = productID
        self.sku = sku
        self.policy = policy
        self.version = version
        self.updatedAt = updatedAt
        self.updatedBy = updatedBy
        self.isInForce = isInForce
    }
}

/// What dynamic pricing does to a base price, and why.
public struct PriceAdjustment: Hashable, Sendable {
    public enum Bound: String, Sendable, CaseIterable {
        case floor, ceiling
    }

    /// Added to the base price, in its currency; negative where the price is lower.
    public var amount: Money
    /// What the base price was multiplied by, before the bounds.
    public var factor: Rate
    /// One sentence for a person: which demand, which hours.
    public var reason: String
    /// Since when.
    public var since: Timestamp
    /// The bound that the price would have passed.
    public var heldAt: Bound?

    public init(amount: Money, factor: Rate, reason: String, since: Timestamp, heldAt: Bound? = nil) {
        self.amount = amount
        self.factor = factor
        self.reason = reason
        self.since = since
        self.heldAt = heldAt
    }
}
