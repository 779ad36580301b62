import Basics
import Database
import PricingAPI
import Synchronization
import TestKit

@testable import PricingService

/// The use cases on a seeded store of their own, with a clock and ids that a test controls.
final class Shop: Sendable {
    let database: any Database
    let sources: Sources
    let clock: SharedClock

    static let start = Timestamp("2026-11-24T05:46:00Z")!

    /// - Parameters:
    ///   - attempts: on PostgreSQL: 1 where a deadlock is to be seen, and not to be run again.
    init(_ engine: StoreEngine = .sqlite, seeded: Bool = true, attempts: Int = 10) async throws {
        database = try await engine.open(attempts: attempts)
        let clock = SharedClock(Self.start)
        self.clock = clock
        sources = Sources(now: { clock.now }, makeID: { clock.nextID() })
        try await migrate(database, PricingApp.migrations(), now: sources.now)
        if seeded { _ = try await Seed.plant(PackageResources.prices_csv, in: database, sources) }
    }

    static let signer = QuoteSigner(key: Array(repeating: 7, count: 32))

    var prices: Prices { Prices(database: database, sources: sources) }
    var quotes: Quotes { Quotes(sources: sources, signer: Self.signer, lifetime: .seconds(900)) }
    var redemptions: Redemptions { Redemptions(database: database, sources: sources, signer: Self.signer) }
    var discounts: Discounts { Discounts(database: database, sources: sources) }
    var tables: Tables { Tables(database: database, sources: sources) }
    /// Dynamic pricing that is on, with a counter that a test may fill.
    let demand = DemandCounter(isOn: true)
    var dynamic: DynamicPrices { DynamicPrices(database: database, sources: sources, demand: demand, isEnabled: true) }

    func quote(
        _ lines: [(String, Int64)] = [("LAPTOP-001", 1)], codes: [String] = [], combine: QuoteRequest.Combination = .all,
        in currency: Currency = .usd, region: String = "NONE"
    ) async throws -> Quote {
        let request = Self.request(lines, codes: codes, combine: combine, in: currency, region: region)
        let quotes = quotes
        return try await database.withTransaction { try await quotes.create(request, on: $0) }
    }

    static func request(
        _ lines: [(String, Int64)] = [("LAPTOP-001", 1)], codes: [String] = [], combine: QuoteRequest.Combination = .all,
        in currency: Currency = .usd, region: String = "NONE"
    ) -> QuoteRequest {
        QuoteRequest(
            lines: lines.map { .init(product: ProductReference($0.0)!, quantity: $0.1) }, discountCodes: codes, combine: combine, currency: currency,
            taxRegion: region
        )
    }

    func add(_ rule: DiscountRule) async throws { try await discounts.insert(discounts.make(rule), on: database) }

    func timesUsed(_ code: String) async throws -> Int64 { try await discounts.discount(code).timesUsed }

    /// Rows of every table, by name: what a refusal must leave as it was.
    func rowCounts() async throws -> [String: Int] {
        var counts: [String: Int] = [:]
        let tables = SQL(
            sqlite: "SELECT name FROM sqlite_master WHERE type = 'table'",
            postgres: "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = current_schema()")
        for row in try await database.query(tables) {
            let name: String = try row.decode("name")
            counts[name] = try await database.query("SELECT COUNT(*) AS n FROM \(raw: name)").first?.decode("n")
        }
        return counts
    }
}

/// A clock that stands still until it is told, and ids that count.
final class SharedClock: Sendable {
    private let state: Mutex<(now: Timestamp, ids: UInt64)>

    init(_ now: Timestamp) { state = Mutex((now, 0)) }

    var now: Timestamp { state.withLock { $0.now } }

    func advance(_ duration: Duration) { state.withLock { $0.now = $0.now + duration } }

    func nextID() -> Identifier {
        state.withLock { state in
            state.ids += 1
            return Identifier(at: state.now, random: (0, state.ids))
        }
    }
}

/// What a call was refused with; nil if it was not.
func refusal(of body: () async throws -> some Any) async throws -> Refusal? {
    do {
        _ = try await body()
        return nil
    } catch let refusal as Refusal {
        return refusal
    }
}

// What is changed, by the version it was read in.

extension Preconditions {
    init(version: Int64?) throws { try self.init(ifMatch: version.map { "\"\($0)\"" }, ifNoneMatch: nil) }
}

extension Prices {
    func set(_ product: ProductReference, _ change: Change, _ preconditions: Preconditions) async throws -> (entry: PriceEntry, isNew: Bool) {
        try await set(product, change, by: "olga", preconditions)
    }

    func set(_ product: ProductReference, _ change: Change, version: Int64?) async throws -> (entry: PriceEntry, isNew: Bool) {
        try await set(product, change, Preconditions(version: version))
    }
}

extension Discounts {
    func replace(_ code: String, with rule: DiscountRule, version: Int64?) async throws -> Discount {
        try await replace(code, with: rule, Preconditions(version: version))
    }

    func withdraw(_ code: String, version: Int64?) async throws { try await withdraw(code, Preconditions(version: version)) }
}

extension Tables {
    func setExchange(_ rates: [Currency: Rate], validFrom: Timestamp?, _ preconditions: Preconditions) async throws -> ExchangeTable {
        try await setExchange(rates, validFrom: validFrom, by: "olga", preconditions)
    }

    func setTaxes(_ rules: [TaxRule], validFrom: Timestamp?, _ preconditions: Preconditions) async throws -> TaxTable {
        try await setTaxes(rules, validFrom: validFrom, by: "olga", preconditions)
    }
}
