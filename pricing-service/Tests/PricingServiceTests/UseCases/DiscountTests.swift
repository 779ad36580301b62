import Basics
import Database
import HTTPPath
import PricingAPI
import TestKit
import Testing

@testable import PricingService

@Suite struct DiscountTests {
    private static let rule = DiscountRule(
        code: "FULL-1", description: "All there is — “quoted”", effect: .volume([.init(minQuantity: 2, rate: .basisPoints(100))]),
        minimumSpend: Money(amountMinor: 100, currency: .jpy), products: ["LAPTOP-001"], startsAt: Shop.start, endsAt: Shop.start + .seconds(5),
        usageLimit: 7, stackable: false)

    @Test("a discount is read back as it was written", arguments: StoreEngine.allCases)
    func roundTrip(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        try await shop.add(Self.rule)
        let stored = try await shop.discounts.discount("FULL-1")
        #expect(stored.rule == Self.rule && stored.version == 1 && stored.timesUsed == 0)
    }

    @Test("a code is taken once; withdrawn, it may be made anew and begins to count anew", arguments: StoreEngine.allCases)
    func codes(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        try await shop.add(Self.rule)
        #expect(try await refusal { try await shop.add(Self.rule) }?.code == .discountExists)
        try await shop.discounts.withdraw("FULL-1", version: 1)
        #expect(try await refusal { try await shop.discounts.discount("FULL-1") }?.code == .discountNotFound)
        #expect(try await refusal { try await shop.discounts.withdraw("FULL-1", version: 1) }?.code == .discountNotFound)
        try await shop.add(Self.rule)
        #expect(try await shop.timesUsed("FULL-1") == 0)
    }

    @Test("a replaced rule moves the version and keeps what was counted", arguments: StoreEngine.allCases)
    func replaced(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let quote = try await shop.quote(codes: ["LIMITED"])
        _ = try await shop.redemptions.redeem(quote.id, for: .test(500))
        let changed = try await shop.discounts.replace(
            "LIMITED", with: DiscountRule(code: "LIMITED", effect: .percentage(.basisPoints(5)), usageLimit: 1), version: 1)
        #expect(changed.version == 2 && changed.timesUsed == 1 && changed.isExhausted)
        #expect(try await refusal { try await shop.quote(codes: ["LIMITED"]) }?.code == .discountExhausted)
        let renamed = try await refusal { try await shop.discounts.replace("LIMITED", with: Self.rule, version: 2) }
        #expect(renamed?.errors.first?.pointer == "/code")
    }

    @Test("a change from another version is refused", arguments: StoreEngine.allCases)
    func versions(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        await #expect(throws: Problem.self) { try await shop.discounts.withdraw("SAVE5", version: 2) }
        await #expect(throws: Problem.self) {
            try await shop.discounts.replace("BULK", with: DiscountRule(code: "BULK", effect: .percentage(.one)), version: 2)
        }
        let codes = ["AUDIO15", "BULK", "FIRST10", "LIMITED", "SAVE5", "THREEFOR2", "WELCOME10"]
        #expect(try await shop.discounts.list(after: "", limit: 10).map(\.rule.code) == codes)
    }

    @Test("a list goes on after a code", arguments: StoreEngine.allCases)
    func pages(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        #expect(try await shop.discounts.list(after: "BULK", limit: 2).map(\.rule.code) == ["FIRST10", "LIMITED"])
    }
}
