import Basics
import Database
import PricingAPI
import TestKit
import Testing

@testable import PricingService

/// Redemptions as a participant of the order's saga.
@Suite struct RedemptionTests {
    private static let order = Identifier.test(500)

    @Test("a redemption counts each code of the quote once", arguments: StoreEngine.allCases)
    func redeems(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let quote = try await shop.quote(codes: ["SAVE5", "WELCOME10"])
        let redemption = try await shop.redemptions.redeem(quote.id, for: Self.order)
        #expect(redemption.state == .redeemed)
        #expect(redemption.codes == ["WELCOME10", "SAVE5"])
        #expect(try await shop.timesUsed("SAVE5") == 1)
        #expect(try await shop.timesUsed("WELCOME10") == 1)
        #expect(try await shop.timesUsed("BULK") == 0)
    }

    @Test("a duplicate gets the stored answer and counts nothing, also after the quote's end", arguments: StoreEngine.allCases)
    func duplicate(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let quote = try await shop.quote(codes: ["LIMITED"])
        let first = try await shop.redemptions.redeem(quote.id, for: Self.order)
        shop.clock.advance(.seconds(3600))
        #expect(try await shop.redemptions.redeem(quote.id, for: Self.order) == first)
        #expect(try await shop.timesUsed("LIMITED") == 1)
    }

    @Test("an undo gives the count back, once", arguments: StoreEngine.allCases)
    func undo(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let quote = try await shop.quote(codes: ["LIMITED"])
        let redeemed = try await shop.redemptions.redeem(quote.id, for: Self.order)
        shop.clock.advance(.seconds(5))
        let undone = try await shop.redemptions.undo(quote.id, for: Self.order)
        #expect(undone.state == .undone && undone.redeemedAt == redeemed.redeemedAt && undone.undoneAt == shop.clock.now)
        shop.clock.advance(.seconds(5))
        #expect(try await shop.redemptions.undo(quote.id, for: Self.order) == undone)
        #expect(try await shop.timesUsed("LIMITED") == 0)
    }

    @Test("an undo that comes first is recorded, and the late redemption is refused", arguments: StoreEngine.allCases)
    func undoFirst(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let quote = try await shop.quote(codes: ["LIMITED"])
        let undone = try await shop.redemptions.undo(quote.id, for: Self.order)
        #expect(undone.state == .undone && undone.redeemedAt == nil && undone.codes.isEmpty)
        #expect(try await refusal { try await shop.redemptions.redeem(quote.id, for: Self.order) }?.code == .alreadyUndone)
        #expect(try await shop.timesUsed("LIMITED") == 0)
        // Another order is not touched by it.
        _ = try await shop.redemptions.redeem(quote.id, for: .test(501))
        #expect(try await shop.timesUsed("LIMITED") == 1)
    }

    @Test("an undo of an unknown quote is recorded as well", arguments: StoreEngine.allCases)
    func undoOfNothing(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let first = try await shop.redemptions.undo(.test(9), for: Self.order)
        #expect(first.state == .undone)
        #expect(try await shop.redemptions.undo(.test(9), for: Self.order) == first)
        #expect(try await refusal { try await shop.redemptions.redeem(.test(9), for: Self.order) }?.code == .alreadyUndone)
    }

    @Test("a redemption after its undo stays refused", arguments: StoreEngine.allCases)
    func redeemAfterUndo(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let quote = try await shop.quote()
        _ = try await shop.redemptions.redeem(quote.id, for: Self.order)
        _ = try await shop.redemptions.undo(quote.id, for: Self.order)
        #expect(try await refusal { try await shop.redemptions.redeem(quote.id, for: Self.order) }?.code == .alreadyUndone)
    }

    @Test("an unknown quote and an ended one are refused, and nothing is recorded", arguments: StoreEngine.allCases)
    func refused(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let quote = try await shop.quote(codes: ["LIMITED"])
        let before = try await shop.rowCounts()
        #expect(try await refusal { try await shop.redemptions.redeem(.test(9), for: Self.order) }?.code == .quoteNotFound)
        shop.clock.advance(.seconds(900) - .microseconds(1))
        _ = try await shop.redemptions.redeem(quote.id, for: .test(501))
        shop.clock.advance(.microseconds(1))
        #expect(try await refusal { try await shop.redemptions.redeem(quote.id, for: Self.order) }?.code == .quoteExpired)
        #expect(try await shop.rowCounts()["redemptions"] == before["redemptions"]! + 1)
    }

    @Test(
        "the last use of a limited code goes to one order; a refused redemption counts nothing and may be asked again",
        arguments: StoreEngine.allCases)
    func exhausted(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        try await shop.add(DiscountRule(code: "ONCE", effect: .fixed(Money(amountMinor: 100, currency: .usd)), usageLimit: 1))
        let quotes = [try await shop.quote(codes: ["ONCE", "SAVE5"]), try await shop.quote(codes: ["ONCE"])]
        _ = try await shop.redemptions.redeem(quotes[1].id, for: .test(501))
        #expect(try await refusal { try await shop.redemptions.redeem(quotes[0].id, for: Self.order) }?.code == .discountExhausted)
        #expect(try await shop.timesUsed("SAVE5") == 0)
        #expect(try await refusal { try await shop.quote(codes: ["ONCE"]) }?.code == .discountExhausted)
        _ = try await shop.redemptions.undo(quotes[1].id, for: .test(501))
        _ = try await shop.redemptions.redeem(quotes[0].id, for: Self.order)
        #expect(try await shop.timesUsed("ONCE") == 1)
    }

    @Test("of 200 orders that redeem at once, a code limited to 100 serves exactly 100", arguments: StoreEngine.allCases)
    func concurrently(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let quote = try await shop.quote(codes: ["LIMITED"])
        let redemptions = shop.redemptions
        let outcomes = try await withThrowingTaskGroup(of: PricingErrorCode?.self) { group in
            for number in 0..<200 {
                group.addTask { try await refusal { try await redemptions.redeem(quote.id, for: .test(1000 + number)) }?.code }
            }
            return try await group.reduce(into: [PricingErrorCode?: Int]()) { $0[$1, default: 0] += 1 }
        }
        #expect(outcomes == [nil: 100, .discountExhausted: 100])
        #expect(try await shop.timesUsed("LIMITED") == 100)
    }

    @Test("a redemption and its undo sent at once leave the order undone and nothing counted", arguments: StoreEngine.allCases)
    func race(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let quote = try await shop.quote(codes: ["LIMITED"])
        let redemptions = shop.redemptions
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<50 {
                group.addTask { _ = try await refusal { try await redemptions.redeem(quote.id, for: .test(2000 + number)) } }
                group.addTask { _ = try await redemptions.undo(quote.id, for: .test(2000 + number)) }
            }
            try await group.waitForAll()
        }
        #expect(try await shop.timesUsed("LIMITED") == 0)
        for number in 0..<50 {
            #expect(try await refusal { try await redemptions.redeem(quote.id, for: .test(2000 + number)) }?.code == .alreadyUndone)
        }
    }

    @Test("an order holds one quote at a time", arguments: StoreEngine.allCases)
    func oneQuote(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let quotes = [try await shop.quote(codes: ["LIMITED"]), try await shop.quote(codes: ["LIMITED"])]
        _ = try await shop.redemptions.redeem(quotes[0].id, for: Self.order)
        #expect(try await refusal { try await shop.redemptions.redeem(quotes[1].id, for: Self.order) }?.code == .orderAlreadyRedeemed)
        _ = try await shop.redemptions.undo(quotes[0].id, for: Self.order)
        _ = try await shop.redemptions.redeem(quotes[1].id, for: Self.order)
        #expect(try await shop.timesUsed("LIMITED") == 1)
    }

    @Test("a quote is redeemed at its price although its code was withdrawn and its price changed since", arguments: StoreEngine.allCases)
    func promise(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let quote = try await shop.quote(codes: ["WELCOME10"])
        shop.clock.advance(.seconds(1))
        try await shop.discounts.withdraw("WELCOME10", version: 1)
        _ = try await shop.prices.set(.sku("LAPTOP-001"), .init(base: Money(amountMinor: 1, currency: .usd)), version: 1)
        _ = try await shop.redemptions.redeem(quote.id, for: Self.order)
        #expect(try await shop.quotes.quote(quote.id, on: shop.database) == quote)
        #expect(try await refusal { try await shop.quote(codes: ["WELCOME10"]) }?.code == .discountUnknown)
    }

    @Test("a quote that somebody changed in the store is not redeemed", arguments: StoreEngine.allCases)
    func tampered(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let quote = try await shop.quote()
        try await shop.database.execute("UPDATE quotes SET body = replace(body, '129900', '129800') WHERE id = \(quote.id)")
        #expect(try await refusal { try await shop.redemptions.redeem(quote.id, for: Self.order) }?.code == .quoteSignatureInvalid)
    }
}
