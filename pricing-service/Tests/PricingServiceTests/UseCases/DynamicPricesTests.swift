import Basics
import Database
import HTTPPath
import PricingAPI
import TestKit
import Testing

@testable import PricingService

@Suite struct DynamicPricesTests {
    private static let laptop = ProductReference.sku("LAPTOP-001")
    private static func dollars(_ amount: Int64) -> Money { Money(amountMinor: amount, currency: .usd) }
    private static let policy = DynamicPolicy(
        isEnabled: true, floor: dollars(100_000), ceiling: dollars(150_000),
        steps: [.init(minDemand: 20, factor: Rate(value: 11, scale: 1)!), .init(minDemand: 100, factor: Rate(value: 2, scale: 0)!)])

    private func price(_ shop: Shop) async throws -> Price { try await shop.prices.price(of: Self.laptop, in: nil) }

    @Test("demand raises a price up to its ceiling, says why, and is forgotten with its window", arguments: StoreEngine.allCases)
    func follows(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        _ = try await shop.dynamic.set(Self.policy, of: Self.laptop, by: "olga", .none)
        #expect(try await price(shop).adjustment == nil)
        for _ in 0..<30 { shop.demand.view(Self.laptop) }
        #expect(try await shop.dynamic.round() == [Seed.productID(1)])
        let first = try await price(shop)
        #expect(first.price == Self.dollars(142_890) && first.base == Self.dollars(129_900) && first.version == 2)
        #expect(first.adjustment?.reason == "demand 30 in 60 min, from 20 on × 1.1" && first.adjustment?.since == Shop.start)
        // More of the same step is no news.
        shop.demand.view(Self.laptop)
        #expect(try await shop.dynamic.round() == [])
        // Seven pieces ordered, by the product's other name.
        shop.demand.order(.id(Seed.productID(1)), pieces: 7)
        shop.clock.advance(.seconds(60))
        #expect(try await shop.dynamic.round() == [Seed.productID(1)])
        let second = try await price(shop)
        #expect(second.price == Self.dollars(150_000) && second.adjustment?.heldAt == .ceiling)
        #expect(second.adjustment?.reason.contains("demand 101 in 60 min") == true)
        #expect(second.etag != first.etag)
        // A quote promises the adjusted price, and says so.
        let quote = try await shop.quote()
        #expect(quote.breakdown.lines[0].unitPrice == Self.dollars(150_000) && quote.breakdown.lines[0].base == Self.dollars(129_900))
        #expect(quote.breakdown.lines[0].adjustment == second.adjustment && Shop.signer.isValid(quote))
        shop.clock.advance(.seconds(3600))
        #expect(try await shop.dynamic.round() == [Seed.productID(1)])
        #expect(try await price(shop).adjustment == nil)
        #expect(try await price(shop).version == 4)
        // What was decided is kept: what the price was then can be told.
        let then = try await shop.prices.price(of: Self.laptop, in: nil, asOf: Shop.start + .seconds(30))
        #expect(then.price == first.price && then.version == 2)
        let later = try await shop.prices.price(of: Self.laptop, in: nil, asOf: Shop.start + .seconds(90))
        #expect(later.price == second.price && later.version == 3)
    }

    @Test("orders count as demand: a redemption once, however often it is repeated", arguments: StoreEngine.allCases)
    func orders(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        _ = try await shop.dynamic.set(Self.policy, of: Self.laptop, by: "olga", .none)
        var redemptions = shop.redemptions
        redemptions.demand = shop.demand
        let quote = try await shop.quote([("LAPTOP-001", 2)])
        for _ in 0..<3 { _ = try await redemptions.redeem(quote.id, for: .test(500)) }
        #expect(shop.demand.take() == [.id(Seed.productID(1)): Demand(orders: 2)])
    }

    @Test("a policy takes effect at once, and its end too", arguments: StoreEngine.allCases)
    func atOnce(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        for _ in 0..<100 { shop.demand.view(Self.laptop) }
        _ = try await shop.dynamic.round()
        let set = try await shop.dynamic.set(Self.policy, of: Self.laptop, by: "olga", .none)
        #expect(set.version == 1 && set.updatedBy == "olga" && set.isInForce)
        #expect(try await price(shop).price == Self.dollars(150_000))
        var off = Self.policy
        off.isEnabled = false
        shop.clock.advance(.seconds(1))
        let ended = try await shop.dynamic.set(off, of: Self.laptop, by: "otto", Preconditions(version: 1))
        #expect(ended.version == 2)
        #expect(try await price(shop).price == Self.dollars(129_900))
        #expect(try await shop.dynamic.policy(of: Self.laptop) == ended)
        #expect(try await shop.dynamic.round() == [])
        await #expect(throws: Problem.self) { try await shop.dynamic.set(off, of: Self.laptop, by: "otto", Preconditions(version: 1)) }
    }

    @Test("where dynamic pricing is off, policies are kept and decide nothing, and what was decided ends", arguments: StoreEngine.allCases)
    func disabled(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        for _ in 0..<100 { shop.demand.view(Self.laptop) }
        _ = try await shop.dynamic.round()
        _ = try await shop.dynamic.set(Self.policy, of: Self.laptop, by: "olga", .none)
        #expect(try await price(shop).adjustment != nil)
        let off = DynamicPrices(database: shop.database, sources: shop.sources, demand: DemandCounter(isOn: false), isEnabled: false)
        #expect(try await off.round() == [Seed.productID(1)])
        #expect(try await price(shop).adjustment == nil)
        #expect(try await off.round() == [])
        off.demand.view(Self.laptop)
        #expect(off.demand.take().isEmpty)
        let kept = try await off.policy(of: Self.laptop)
        #expect(kept.policy == Self.policy && !kept.isInForce)
    }

    @Test("a base price outside of the bounds, or in another currency, is left alone", arguments: StoreEngine.allCases)
    func outside(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        for _ in 0..<100 { shop.demand.view(Self.laptop) }
        _ = try await shop.dynamic.round()
        _ = try await shop.dynamic.set(Self.policy, of: Self.laptop, by: "olga", .none)
        shop.clock.advance(.seconds(1))
        for base in [Self.dollars(99_999), Self.dollars(150_001), Money(amountMinor: 120_000, currency: .eur)] {
            _ = try await shop.prices.set(Self.laptop, .init(base: base), Preconditions(ifMatch: "*", ifNoneMatch: nil))
            let price = try await price(shop)
            #expect(price.price == base && price.adjustment == nil)
            shop.clock.advance(.seconds(1))
        }
    }

    @Test("what nobody has set is said to be missing, and old demand is deleted", arguments: StoreEngine.allCases)
    func missing(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        #expect(try await refusal { try await shop.dynamic.policy(of: Self.laptop) }?.code == .dynamicPolicyNotFound)
        #expect(try await refusal { try await shop.dynamic.policy(of: .sku("NOPE")) }?.code == .priceNotFound)
        #expect(try await refusal { try await shop.dynamic.set(Self.policy, of: .sku("NOPE"), by: "olga", .none) }?.code == .priceNotFound)
        shop.demand.view(Self.laptop)
        shop.demand.view(.sku("NOPE"))
        _ = try await shop.dynamic.round()
        #expect(try await shop.rowCounts()["product_demand"] == 1)
        shop.clock.advance(.seconds(86_400))
        #expect(try await shop.dynamic.sweep(limit: 10) == 0)
        shop.clock.advance(.seconds(120))
        #expect(try await shop.dynamic.sweep(limit: 10) == 1)
    }

    @Test("replicas add up what they have seen, and decide once", arguments: StoreEngine.allCases)
    func replicas(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        _ = try await shop.dynamic.set(Self.policy, of: Self.laptop, by: "olga", .none)
        let replicas = (0..<4).map { _ in
            DynamicPrices(database: shop.database, sources: shop.sources, demand: DemandCounter(isOn: true), isEnabled: true)
        }
        for replica in replicas { for _ in 0..<5 { replica.demand.view(Self.laptop) } }
        let changed = try await withThrowingTaskGroup(of: Int.self) { group in
            for replica in replicas { group.addTask { try await replica.round().count } }
            return try await group.reduce(0, +)
        }
        #expect(changed == 1)
        #expect(try await price(shop).adjustment?.reason == "demand 20 in 60 min, from 20 on × 1.1")
    }

    @Test("counting is bounded: more products than fit are left out")
    func bounded() {
        let counter = DemandCounter(isOn: true)
        for number in 0..<(DemandCounter.mostProducts + 5) { counter.view(.id(.test(number))) }
        counter.view(.id(.test(1)))
        let seen = counter.take()
        #expect(seen.count == DemandCounter.mostProducts && seen[.id(.test(1))] == Demand(views: 2))
        #expect(counter.take().isEmpty)
    }
}
