import Basics
import Database
import PricingAPI
import TestKit
import Testing

@testable import PricingService

/// Codes that each shopper may use so many times.
@Suite struct ShopperLimitTests {
    private func limited(_ shop: Shop, _ limit: Int64?, usageLimit: Int64? = nil) async throws {
        try await shop.add(
            DiscountRule(
                code: "EACH", effect: .fixed(Money(amountMinor: 100, currency: .usd)), usageLimit: usageLimit, usageLimitPerShopper: limit))
    }

    @Test("a shopper redeems a code so many times, and another shopper is not touched by it", arguments: StoreEngine.allCases)
    func limit(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        try await limited(shop, 2)
        let quote = try await shop.quote(codes: ["EACH", "SAVE5"])
        for number in 0..<2 { _ = try await shop.redemptions.redeem(quote.id, for: .test(500 + number), by: "alice") }
        let before = try await shop.rowCounts()
        #expect(try await refusal { try await shop.redemptions.redeem(quote.id, for: .test(502), by: "alice") }?.code == .discountUsedByShopper)
        #expect(try await refusal { try await shop.redemptions.redeem(quote.id, for: .test(502)) }?.code == .shopperUnknown)
        // Nothing of a refusal stays, not even the count of the code that was counted before.
        #expect(try await shop.rowCounts() == before)
        #expect(try await shop.timesUsed("SAVE5") == 2)
        #expect(try await shop.timesUsed("EACH") == 2)
        _ = try await shop.redemptions.redeem(quote.id, for: .test(502), by: "bob")
        // A duplicate is no second use, whoever is said to order.
        for _ in 0..<3 { _ = try await shop.redemptions.redeem(quote.id, for: .test(502), by: "bob") }
        #expect(try await shop.timesUsed("EACH") == 3)
    }

    @Test("an undo gives the use back to the shopper it was for, once", arguments: StoreEngine.allCases)
    func undo(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        try await limited(shop, 1)
        let quote = try await shop.quote(codes: ["EACH"])
        _ = try await shop.redemptions.redeem(quote.id, for: .test(500), by: "alice")
        #expect(try await refusal { try await shop.redemptions.redeem(quote.id, for: .test(501), by: "alice") }?.code == .discountUsedByShopper)
        for _ in 0..<3 { _ = try await shop.redemptions.undo(quote.id, for: .test(500)) }
        _ = try await shop.redemptions.redeem(quote.id, for: .test(501), by: "alice")
        #expect(try await refusal { try await shop.redemptions.redeem(quote.id, for: .test(502), by: "alice") }?.code == .discountUsedByShopper)
        #expect(try await shop.timesUsed("EACH") == 1)
    }

    @Test("what was redeemed before the limit counts towards it", arguments: StoreEngine.allCases)
    func later(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        try await limited(shop, nil)
        let quote = try await shop.quote(codes: ["EACH"])
        _ = try await shop.redemptions.redeem(quote.id, for: .test(500), by: "alice")
        _ = try await shop.redemptions.redeem(quote.id, for: .test(501))
        var rule = try await shop.discounts.discount("EACH").rule
        rule.usageLimitPerShopper = 1
        _ = try await shop.discounts.replace("EACH", with: rule, version: 1)
        #expect(try await refusal { try await shop.redemptions.redeem(quote.id, for: .test(502), by: "alice") }?.code == .discountUsedByShopper)
        // The one without a shopper is given back without one.
        _ = try await shop.redemptions.undo(quote.id, for: .test(501))
        #expect(try await shop.timesUsed("EACH") == 1)
    }

    @Test(
        "of many orders that redeem at once, both limits let exactly so many through, and undos give exactly theirs back",
        arguments: StoreEngine.allCases)
    func concurrently(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        try await limited(shop, 3, usageLimit: 25)
        let quote = try await shop.quote(codes: ["EACH"])
        let redemptions = shop.redemptions
        // Ten shoppers with twelve orders each, every call sent twice.
        let outcomes = try await withThrowingTaskGroup(of: (Int, PricingErrorCode?).self) { group in
            for number in 0..<240 {
                let order = number % 120
                group.addTask {
                    (order, try await refusal { try await redemptions.redeem(quote.id, for: .test(1000 + order), by: "shopper-\(order % 10)") }?.code)
                }
            }
            return try await group.reduce(into: [(Int, PricingErrorCode?)]()) { $0.append($1) }
        }
        let redeemed = Set(outcomes.filter { $0.1 == nil }.map(\.0))
        #expect(redeemed.count == 25)
        #expect(try await shop.timesUsed("EACH") == 25)
        #expect(Set(outcomes.compactMap(\.1)).isSubset(of: [.discountExhausted, .discountUsedByShopper]))
        let perShopper = Dictionary(grouping: redeemed) { $0 % 10 }.mapValues(\.count)
        #expect(perShopper.values.allSatisfy { $0 <= 3 })
        let rows = try await shop.database.query("SELECT shopper, times_used FROM discount_shoppers WHERE times_used > 0 ORDER BY shopper")
        let counted = try rows.map { "\(try $0.decode("shopper", as: String.self)) \(try $0.decode("times_used", as: Int.self))" }
        #expect(counted == perShopper.sorted { $0.key < $1.key }.map { "shopper-\($0.key) \($0.value)" })
        try await withThrowingTaskGroup(of: Void.self) { group in
            for order in redeemed { for _ in 0..<2 { group.addTask { _ = try await redemptions.undo(quote.id, for: .test(1000 + order)) } } }
            try await group.waitForAll()
        }
        #expect(try await shop.timesUsed("EACH") == 0)
        #expect(try await shop.database.query("SELECT 1 AS one FROM discount_shoppers WHERE times_used > 0").isEmpty)
    }
}
