import Basics
import PricingAPI

/// What was seen of a product lately.
struct Demand: Hashable, Sendable {
    var views: Int64 = 0
    /// Pieces.
    var orders: Int64 = 0

    /// In views; bounded, so that no sum overflows.
    func total(orderWeight: Int64) -> Int64 {
        let wide = Int128(max(views, 0)) + Int128(max(orders, 0)) * Int128(orderWeight)
        return Int64(clamping: min(wide, 1_000_000_000_000))
    }
}

/// What dynamic pricing has decided for a product: held until it decides otherwise.
struct PricingDecision: Hashable, Sendable {
    /// Above 0, at most 100; not 1.
    var factor: Rate
    var reason: String
    var floor: Money
    var ceiling: Money
    var since: Timestamp
}

/// How prices follow demand and the hour: pure functions of a policy, what was seen, and the time.
enum DynamicPricing {
    /// What a policy says now; nil where it leaves the base price alone.
    ///
    /// The factor is that of the last step that demand reaches, times that of the first hours that the moment is in, rounded half even to
    /// 6 digits behind the point.
    static func decide(_ policy: DynamicPolicy, _ demand: Demand, at now: Timestamp) -> PricingDecision? {
        guard policy.isEnabled else { return nil }
        let seen = demand.total(orderWeight: policy.orderWeight)
        let step = policy.steps.last { $0.minDemand <= seen }
        let hours = policy.hours.first { $0.contains(now) }
        let factor = product(step?.factor ?? .one, hours?.factor ?? .one)
        guard factor != .one else { return nil }
        var reasons: [String] = []
        if let step { reasons.append("demand \(seen) in \(policy.windowMinutes) min, from \(step.minDemand) on × \(step.factor)") }
        if let hours { reasons.append("\(hours.words) × \(hours.factor)") }
        return PricingDecision(
            factor: factor, reason: reasons.joined(separator: "; "), floor: policy.floor, ceiling: policy.ceiling, since: now)
    }

    /// A base price as a decision leaves it: rounded half even to the minor unit, and held between floor and ceiling.
    ///
    /// A base price in another currency than the bounds, or outside of them, is what an operator wanted and is left alone. So a price
    /// with an adjustment is never outside of its bounds.
    static func adjusted(_ base: Money, _ decision: PricingDecision?) -> (price: Money, adjustment: PriceAdjustment?) {
        guard let decision, decision.floor.currency == base.currency, decision.ceiling.currency == base.currency,
            decision.floor.amountMinor <= base.amountMinor, base.amountMinor <= decision.ceiling.amountMinor
        else { return (base, nil) }
        // 10^15 times 10^8 at most.
        let wide = Decimal.halfEven(Int128(base.amountMinor) * Int128(decision.factor.value), over: decision.factor.denominator)
        let (floor, ceiling) = (Int128(decision.floor.amountMinor), Int128(decision.ceiling.amountMinor))
        let held = min(max(wide, floor), ceiling)
        let price = Money(amountMinor: Int64(held), currency: base.currency)
        guard price != base else { return (base, nil) }
        let bound: PriceAdjustment.Bound? = wide < floor ? .floor : wide > ceiling ? .ceiling : nil
        return (
            price,
            PriceAdjustment(
                amount: Money(amountMinor: price.amountMinor - base.amountMinor, currency: base.currency), factor: decision.factor,
                reason: bound.map { "\(decision.reason); held at the \($0.rawValue)" } ?? decision.reason, since: decision.since, heldAt: bound)
        )
    }

    /// With 6 digits behind the point, without zeros at their end.
    private static func product(_ a: Rate, _ b: Rate) -> Rate {
        let million = Int128(Rate.largestShareValue)
        var value = Decimal.halfEven(Int128(a.value) * Int128(b.value) * million, over: a.denominator * b.denominator)
        value = max(1, min(value, 100 * million))
        var scale = Rate.largestShareScale
        while scale > 0, value % 10 == 0 { (value, scale) = (value / 10, scale - 1) }
        return Rate(value: Int64(value), scale: scale) ?? .one
    }
}

extension DynamicPolicy.Hours {
    /// Days begin at midnight UTC.
    func contains(_ moment: Timestamp) -> Bool {
        let minute: Int64 = 60_000_000
        let day = 1440 * minute
        // 1970 began on a Thursday.
        let days = moment.microseconds >= 0 ? moment.microseconds / day : -((day - 1 - moment.microseconds) / day)
        let ofDay = (moment.microseconds - days * day) / minute
        let weekday = (days % 7 + 7 + 3) % 7 + 1
        return (self.days.isEmpty || self.days.contains(weekday)) && (from..<to).contains(ofDay)
    }
}

extension DynamicPolicy.Hours {
    /// `fri, sat 18:00–22:00 UTC`.
    var words: String {
        let names = days.map { Self.dayNames[Int($0) - 1] }.joined(separator: ", ")
        return (names.isEmpty ? "" : names + " ") + "\(Self.text(from))–\(Self.text(to)) UTC"
    }
}
