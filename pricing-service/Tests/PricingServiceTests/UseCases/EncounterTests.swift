import Basics
import Database
import HTTPPath
import Logging
import PricingAPI
import Synchronization
import TestKit
import Testing

@testable import PricingService

/// Calls that meet on PostgreSQL, where transactions run side by side; see `Encounter`.
@Suite("Two calls at the same moment") struct EncounterTests {
    /// What two calls meet at: names that no other scene of the store has.
    struct Scene: Sendable {
        let number: Int
        let shop: Shop
        var sku: String { "MEET-\(number)" }
        var product: Identifier { .test(10_000 + number) }
        var order: Identifier { .test(20_000 + number) }
        var code: String { "CODE-\(number)" }
        var otherCode: String { "MORE-\(number)" }
        var quotes: [Quote] = []
        /// Versions of the dated tables before.
        var exchange: Int64 = 0
        var taxes: Int64 = 0

        func prices(_ database: any Database) -> Prices { Prices(database: database, sources: shop.sources) }
        func discounts(_ database: any Database) -> Discounts { Discounts(database: database, sources: shop.sources) }
        func tables(_ database: any Database) -> Tables { Tables(database: database, sources: shop.sources) }
        func redemptions(_ database: any Database) -> Redemptions {
            Redemptions(database: database, sources: shop.sources, signer: Shop.signer)
        }
    }

    private typealias Call = Encounter<Scene>.Call

    /// A call whose refusals are answers.
    private static func call(_ body: @escaping @Sendable (Scene, any Database) async throws -> String) -> Call {
        { scene, database in
            do {
                return try await body(scene, database)
            } catch let refusal as Refusal {
                return "refused: \(refusal.code)"
            } catch let problem as Problem {
                return "refused: \(problem.code)"
            }
        }
    }

    private static func expectInTurn(
        _ calls: [(name: String, call: Call)], on shop: Shop, prepare: @escaping @Sendable (inout Scene) async throws -> Void,
        stored: @escaping @Sendable (Scene) async throws -> [String]
    ) async throws {
        let numbers = Mutex(0)
        let encounter = Encounter<Scene>(
            on: shop.database,
            scene: {
                var scene = Scene(
                    number: numbers.withLock { number in
                        number += 1
                        return number
                    }, shop: shop)
                try await prepare(&scene)
                return scene
            }, stored: stored)
        var waits = 0
        for first in calls {
            for second in calls { waits += try await encounter.expectInTurn("\(first.name) and \(second.name)", first.call, second.call) }
        }
        #expect(waits > 0, "the calls never met")
    }

    private static func dollars(_ amount: Int64) -> Money { Money(amountMinor: amount, currency: .usd) }

    private static func set(_ amount: Int64, _ ifMatch: String?, by product: @escaping @Sendable (Scene) -> ProductReference) -> Call {
        call { scene, database in
            let change = Prices.Change(base: dollars(amount), productID: scene.product, sku: scene.sku)
            let (entry, isNew) = try await scene.prices(database).set(product(scene), change, Preconditions(ifMatch: ifMatch, ifNoneMatch: nil))
            return "\(entry.version) \(isNew)"
        }
    }

    private static func entries(_ scene: Scene) async throws -> [String] {
        let products = try await scene.shop.database.query(
            "SELECT sku, version FROM priced_products WHERE product_id = \(scene.product) OR sku = \(scene.sku)")
        let history = try await scene.shop.database.query(
            "SELECT version, amount_minor FROM price_entries WHERE product_id = \(scene.product) ORDER BY version")
        return try products.map { "\(try $0.decode("sku", as: String.self) == scene.sku) \(try $0.decode("version", as: Int.self))" }
            + history.map { "\(try $0.decode("version", as: Int.self)): \(try $0.decode("amount_minor", as: Int.self))" }
    }

    @Test("prices of a known product")
    func prices() async throws {
        let shop = try await Shop(.postgres, seeded: false, attempts: 1)
        let calls = [
            ("a change of version 1", Self.set(100, "\"1\"") { .sku($0.sku) }), ("a change of any version", Self.set(200, "*") { .id($0.product) }),
            ("a change without a version", Self.set(300, nil) { .sku($0.sku) }),
        ]
        try await Self.expectInTurn(calls, on: shop) { scene in
            let change = Prices.Change(base: Self.dollars(1), productID: scene.product)
            _ = try await scene.prices(shop.database).set(.sku(scene.sku), change, .none)
        } stored: {
            try await Self.entries($0)
        }
    }

    @Test("prices of a new product")
    func newPrices() async throws {
        let shop = try await Shop(.postgres, seeded: false, attempts: 1)
        let calls = [
            ("the first price, by SKU", Self.set(100, nil) { .sku($0.sku) }), ("the first price, by id", Self.set(200, nil) { .id($0.product) }),
            ("a change of any version", Self.set(300, "*") { .sku($0.sku) }),
            (
                "the first price of another product with the SKU",
                Self.call { scene, database in
                    let change = Prices.Change(base: Self.dollars(1), productID: .test(30_000 + scene.number), sku: scene.sku)
                    let (entry, isNew) = try await scene.prices(database).set(.id(.test(30_000 + scene.number)), change, .none)
                    return "other \(entry.version) \(isNew)"
                }
            ),
        ]
        try await Self.expectInTurn(calls, on: shop, prepare: { _ in }, stored: { try await Self.entries($0) })
    }

    @Test("a discount")
    func discounts() async throws {
        let shop = try await Shop(.postgres, attempts: 1)
        func replace(_ percent: Int64, _ ifMatch: String) -> Call {
            Self.call { scene, database in
                let rule = DiscountRule(code: scene.code, effect: .percentage(.basisPoints(percent * 100)), usageLimit: 1)
                let changed = try await scene.discounts(database).replace(scene.code, with: rule, Preconditions(ifMatch: ifMatch, ifNoneMatch: nil))
                return "\(changed.version) \(changed.timesUsed)"
            }
        }
        let calls: [(String, Call)] = [
            ("a change of version 1", replace(20, "\"1\"")), ("a change of any version", replace(30, "*")),
            (
                "withdrawing any version",
                Self.call { scene, database in
                    try await scene.discounts(database).withdraw(scene.code, Preconditions(ifMatch: "*", ifNoneMatch: nil))
                    return "withdrawn"
                }
            ),
            (
                "making it",
                Self.call { scene, database in
                    let discounts = scene.discounts(database)
                    let rule = DiscountRule(code: scene.code, effect: .percentage(.basisPoints(1)))
                    try await discounts.insert(discounts.make(rule), on: database)
                    return "made"
                }
            ),
            (
                "redeeming it",
                Self.call { scene, database in
                    "\(try await scene.redemptions(database).redeem(scene.quotes[0].id, for: scene.order).state)"
                }
            ),
        ]
        try await Self.expectInTurn(calls, on: shop) { scene in
            try await shop.add(DiscountRule(code: scene.code, effect: .percentage(.basisPoints(1000)), usageLimit: 1))
            scene.quotes = [try await shop.quote(codes: [scene.code])]
        } stored: { scene in
            try await shop.database.query(
                "SELECT version, rule, times_used, withdrawn_at FROM discounts WHERE code = \(scene.code) ORDER BY withdrawn_at NULLS LAST, version"
            ).map { row in
                """
                \(try row.decode("version", as: Int.self)) \(try row.decode("rule", as: String.self).replacing(scene.code, with: "CODE")) \
                \(try row.decode("times_used", as: Int.self)) \(try row.decode("withdrawn_at", as: Timestamp?.self) == nil)
                """
            }
        }
    }

    @Test("redemptions")
    func redemptions() async throws {
        let shop = try await Shop(.postgres, attempts: 1)
        func redeem(_ quote: Int, _ order: Int) -> Call {
            Self.call { scene, database in
                let order = Identifier.test(20_000 + scene.number + order * 10_000)
                return "\(try await scene.redemptions(database).redeem(scene.quotes[quote].id, for: order).state)"
            }
        }
        func undo(_ quote: Int) -> Call {
            Self.call { scene, database in
                let undone = try await scene.redemptions(database).undo(scene.quotes[quote].id, for: scene.order)
                return "\(undone.state) \(undone.redeemedAt != nil)"
            }
        }
        let calls = [
            ("redeeming a quote", redeem(0, 0)), ("another order redeeming it", redeem(0, 1)), ("the order redeeming another quote", redeem(1, 0)),
            ("undoing it", undo(0)), ("undoing the other", undo(1)),
        ]
        for isRedeemed in [false, true] {
            try await Self.expectInTurn(calls, on: shop) { scene in
                scene = Scene(number: scene.number + (isRedeemed ? 5000 : 0), shop: shop)
                try await shop.add(DiscountRule(code: scene.code, effect: .percentage(.basisPoints(1000)), usageLimit: 1))
                try await shop.add(DiscountRule(code: scene.otherCode, effect: .fixed(Self.dollars(100)), usageLimit: 1))
                // Both need both codes, so that they meet at two rows.
                scene.quotes = [
                    try await shop.quote(codes: [scene.code, scene.otherCode]), try await shop.quote(codes: [scene.otherCode, scene.code]),
                ]
                if isRedeemed { _ = try await scene.redemptions(shop.database).redeem(scene.quotes[0].id, for: scene.order) }
            } stored: { scene in
                var rows: [String] = []
                for (index, quote) in scene.quotes.enumerated() {
                    rows += try await shop.database.query(
                        "SELECT order_id, state FROM redemptions WHERE quote_id = \(quote.id) ORDER BY order_id"
                    ).map { "\(index) \(try $0.decode("order_id", as: Identifier.self) == scene.order) \(try $0.decode("state", as: String.self))" }
                }
                return rows + [String(try await shop.timesUsed(scene.code)), String(try await shop.timesUsed(scene.otherCode))]
            }
        }
    }

    @Test("dated tables")
    func tables() async throws {
        let shop = try await Shop(.postgres, attempts: 1)
        func setExchange(_ rate: Int64, _ isGuarded: Bool) -> Call {
            Self.call { scene, database in
                let preconditions = try Preconditions(ifMatch: isGuarded ? "\"\(scene.exchange)\"" : nil, ifNoneMatch: nil)
                let table = try await scene.tables(database).setExchange([.eur: Rate(value: rate, scale: 0)!], validFrom: nil, preconditions)
                return "\(table.version - scene.exchange)"
            }
        }
        func setTaxes(_ rate: Int64, _ isGuarded: Bool) -> Call {
            Self.call { scene, database in
                let preconditions = try Preconditions(ifMatch: isGuarded ? "\"\(scene.taxes)\"" : nil, ifNoneMatch: nil)
                let rule = TaxRule(region: "FR", rate: .basisPoints(rate), mode: .inclusive)
                let table = try await scene.tables(database).setTaxes([rule], validFrom: nil, preconditions)
                return "\(table.version - scene.taxes)"
            }
        }
        let calls = [
            ("rates for a version", setExchange(2, true)), ("rates for any version", setExchange(3, false)),
            ("taxes for a version", setTaxes(4, true)),
            ("taxes for any version", setTaxes(5, false)),
        ]
        try await Self.expectInTurn(calls, on: shop) { scene in
            scene.exchange = try await shop.tables.exchange().version
            scene.taxes = try await shop.tables.taxes().version
        } stored: { scene in
            let rates = try await shop.database.query(
                "SELECT version, rate_value FROM exchange_rates WHERE version > \(scene.exchange) ORDER BY version")
            let taxes = try await shop.database.query("SELECT version, rate_value FROM tax_rules WHERE version > \(scene.taxes) ORDER BY version")
            return try rates.map { "rates \(try $0.decode("version", as: Int64.self) - scene.exchange) \(try $0.decode("rate_value", as: Int.self))" }
                + taxes.map { "taxes \(try $0.decode("version", as: Int64.self) - scene.taxes) \(try $0.decode("rate_value", as: Int.self))" }
        }
    }

    @Test("replicas that start, and sweep")
    func replicas() async throws {
        let shop = try await Shop(.postgres, seeded: false, attempts: 1)
        // Few products, since every statement is a place to meet at.
        let csv = Array("sku,price_minor,currency\nONE,1,USD\nTWO,2,USD\n".utf8)
        let calls: [(String, Call)] = [
            ("planting", Self.call { scene, database in String(try await Seed.plant(csv, in: database, scene.shop.sources)) }),
            (
                "sweeping",
                Self.call { scene, database in
                    let retention = Retention(database: database, sources: scene.shop.sources, quotes: .seconds(60), logger: Logger(label: "test"))
                    return String(try await retention.sweep())
                }
            ),
        ]
        let start = shop.clock.now
        try await Self.expectInTurn(calls, on: shop) { scene in
            try await shop.database.execute(
                "TRUNCATE priced_products, price_entries, discounts, exchange_tables, exchange_rates, tax_tables, tax_rules, quotes, quote_discounts, discount_shoppers, dynamic_policies, price_decisions, product_demand"
            )
            let body = "{}"
            for number in 1...3 {
                try await shop.database.execute(
                    "INSERT INTO quotes (id, created_at, valid_until, body) VALUES (\(Identifier.test(number)), \(start - .seconds(300)), \(start - .seconds(200)), \(body))"
                )
            }
        } stored: { _ in
            let counts = try await shop.rowCounts()
            return counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        }
    }
}
