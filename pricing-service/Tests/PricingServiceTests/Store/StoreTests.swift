import Basics
import Database
import PricingAPI
import TestKit
import Testing

@testable import PricingService

/// What the statements themselves promise, whatever the use cases checked before: on an engine where transactions run side by side, only
/// this decides between two of them.
@Suite struct StoreTests {
    @Test("a change from another version changes nothing", arguments: StoreEngine.allCases)
    func versions(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let store = Store(shop.database)
        #expect(try await !store.advanceProduct(Seed.productID(1), from: 2))
        #expect(try await store.advanceProduct(Seed.productID(1), from: 1))
        #expect(try await !store.advanceProduct(Seed.productID(1), from: 1))
        let rule = Seed.discounts[0]
        #expect(try await store.updateDiscount(rule, from: 2, at: shop.clock.now) == nil)
        #expect(try await store.updateDiscount(rule, from: 1, at: shop.clock.now)?.version == 2)
        #expect(try await !store.withdrawDiscount(rule.code, from: 1, at: shop.clock.now))
        #expect(try await store.withdrawDiscount(rule.code, from: 2, at: shop.clock.now))
        #expect(try await !store.withdrawDiscount(rule.code, from: 2, at: shop.clock.now))
    }

    @Test("a redemption is recorded once, and an order holds one", arguments: StoreEngine.allCases)
    func redemptions(engine: StoreEngine) async throws {
        let store = Store(try await Shop(engine).database)
        func redemption(_ quote: Int, _ order: Int, _ state: Redemption.State = .redeemed) -> Redemption {
            Redemption(
                quoteID: .test(quote), orderID: .test(order), state: state, codes: ["A", "B"], redeemedAt: state == .redeemed ? Shop.start : nil,
                undoneAt: state == .undone ? Shop.start : nil)
        }
        #expect(try await store.insertRedemption(redemption(1, 1)))
        #expect(try await !store.insertRedemption(redemption(1, 1, .undone)))
        #expect(try await !store.insertRedemption(redemption(2, 1)))
        #expect(try await store.insertRedemption(redemption(2, 1, .undone)))
        #expect(try await store.redemption(of: .test(1), by: .test(1)) == redemption(1, 1))
        #expect(try await store.redemption(of: .test(2), by: .test(1)) == redemption(2, 1, .undone))
        #expect(try await store.undoRedemption(of: .test(1), by: .test(1), at: Shop.start) != nil)
        #expect(try await store.undoRedemption(of: .test(1), by: .test(1), at: Shop.start) == nil)
    }

    @Test(
        "the schema refuses what no use case would write", arguments: StoreEngine.allCases,
        [
            "UPDATE discounts SET times_used = -1", "UPDATE price_entries SET amount_minor = -1", "UPDATE exchange_rates SET rate_value = 0",
            "UPDATE tax_rules SET mode = 'other'", "UPDATE price_entries SET valid_until = valid_from", "UPDATE priced_products SET sku = 'SAME'",
            "INSERT INTO redemptions (quote_id, order_id, state, codes) SELECT product_id, product_id, 'undone', '' FROM priced_products",
        ])
    func constraints(engine: StoreEngine, statement: String) async throws {
        let shop = try await Shop(engine)
        let error = await #expect(throws: DatabaseError.self) { try await shop.database.execute("\(raw: statement)") }
        #expect(error?.code == .checkViolation || error?.code == .uniqueViolation)
    }
}
