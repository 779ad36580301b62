import Basics
import PricingAPI
import Testing

@testable import PricingService

@Suite struct DynamicPricingTests {
    private static func dollars(_ amount: Int64) -> Money { Money(amountMinor: amount, currency: .usd) }
    private static let noon = Timestamp("2026-11-25T12:00:00Z")!
    private static let policy = DynamicPolicy(
        isEnabled: true, floor: dollars(8000), ceiling: dollars(13_000), steps: [.init(minDemand: 100, factor: Rate(value: 105, scale: 2)!)],
        hours: [.init(days: [5, 6], from: 18 * 60, to: 22 * 60, factor: Rate(value: 11, scale: 1)!)])

    @Test("a policy that is not enabled decides nothing, whatever is seen")
    func off() {
        var policy = Self.policy
        policy.isEnabled = false
        #expect(DynamicPricing.decide(policy, Demand(views: 1_000_000, orders: 1_000_000), at: Self.noon) == nil)
        #expect(DynamicPricing.decide(policy, Demand(), at: Timestamp("2026-11-27T19:00:00Z")!) == nil)
    }

    @Test("a decision gives its reason, and an adjustment the amount, the factor and the bound it was held at")
    func reasons() throws {
        let decision = try #require(DynamicPricing.decide(Self.policy, Demand(views: 40, orders: 30), at: Timestamp("2026-11-27T19:00:00Z")!))
        #expect(decision.reason == "demand 340 in 60 min, from 100 on × 1.05; fri, sat 18:00–22:00 UTC × 1.1")
        #expect(decision.factor == Rate(value: 1155, scale: 3))
        let (price, adjustment) = DynamicPricing.adjusted(Self.dollars(12_000), decision)
        #expect(price == Self.dollars(13_000))
        #expect(adjustment?.amount == Self.dollars(1000) && adjustment?.heldAt == .ceiling)
        #expect(adjustment?.reason == decision.reason + "; held at the ceiling")
        #expect(DynamicPricing.adjusted(Self.dollars(10_000), nil).adjustment == nil)
    }

    @Test("hours begin inclusive and end exclusive, on their days, in any week since 1970 and before")
    func hours() {
        let hours = DynamicPolicy.Hours(days: [4], from: 0, to: 60, factor: .one)
        // 1970 began on a Thursday; so did 1969-12-25.
        for (text, isIn) in [
            ("1970-01-01T00:00:00Z", true), ("1970-01-01T00:59:59.999999Z", true), ("1970-01-01T01:00:00Z", false), ("1970-01-02T00:00:00Z", false),
            ("1969-12-31T23:59:59Z", false), ("1969-12-25T00:30:00Z", true), ("2026-11-26T00:30:00Z", true), ("2026-11-24T00:30:00Z", false),
            ("2026-11-26T02:30:00+02:00", true),
        ] { #expect(hours.contains(Timestamp(text)!) == isIn, "\(text)") }
        let daily = DynamicPolicy.Hours(from: 1380, to: 1440, factor: .one)
        #expect(daily.contains(Timestamp("2026-11-24T23:59:59Z")!) && !daily.contains(Timestamp("2026-11-24T00:00:00Z")!))
    }

    @Test("an adjusted price is never outside of its bounds, whatever the policy, the demand and the moment")
    func bounds() {
        var random = Seeded(21)
        var adjusted = 0
        var held = 0
        for _ in 0..<20_000 {
            let floor = random.spread(to: Money.largestUnitPriceMinor)
            let ceiling = max(floor, random.spread(to: Money.largestUnitPriceMinor))
            func factor() -> Rate { Rate(value: random.spread(to: 10_000_000), scale: 6)! }
            let demands = Set((0..<3).map { _ in random.spread(to: 1_000_000_000) }).sorted()
            let policy = DynamicPolicy(
                isEnabled: true, floor: Self.dollars(floor), ceiling: Self.dollars(ceiling), orderWeight: random.spread(to: 1000),
                steps: demands.map { .init(minDemand: $0, factor: factor()) },
                hours: [.init(from: Int64.random(in: 0...700, using: &random), to: 1440, factor: factor())])
            let moment = Timestamp(microseconds: Int64.random(in: -4_000_000_000_000_000...4_000_000_000_000_000, using: &random))
            let demand = Demand(views: random.spread(to: .max), orders: random.spread(to: .max))
            let base = Self.dollars(
                Bool.random(using: &random) ? Int64.random(in: floor...ceiling, using: &random) : random.spread(to: Money.largestUnitPriceMinor))
            let decision = DynamicPricing.decide(policy, demand, at: moment)
            let (price, adjustment) = DynamicPricing.adjusted(base, decision)
            if let adjustment {
                #expect((floor...ceiling).contains(price.amountMinor))
                #expect(base.amountMinor + adjustment.amount.amountMinor == price.amountMinor && adjustment.amount.amountMinor != 0)
                #expect(!adjustment.reason.isEmpty)
                #expect((adjustment.heldAt != nil) == ([floor, ceiling].contains(price.amountMinor) && adjustment.reason.contains("held at")))
                adjusted += 1
                held += adjustment.heldAt == nil ? 0 : 1
            } else {
                #expect(price == base)
            }
        }
        #expect(adjusted > 3000 && held > 500)
    }

    @Test("demand counts orders by their weight, and saturates instead of overflowing")
    func weights() {
        #expect(Demand(views: 7, orders: 3).total(orderWeight: 10) == 37)
        #expect(Demand(views: .max, orders: .max).total(orderWeight: 1000) == 1_000_000_000_000)
    }
}
