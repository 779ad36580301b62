import Basics
import Database
import PricingAPI

/// The dated tables: exchange rates and tax rules. A change is a whole new table, in force from a time on; `If-Match` is honoured, and
/// not required, since nothing of the old table is kept in it.
struct Tables: Sendable {
    let database: any Database
    let sources: Sources

    func exchange() async throws -> ExchangeTable {
        guard let table = try await Store(database).exchangeTable(at: sources.now()) else { throw Self.notFound }
        return table
    }

    func taxes() async throws -> TaxTable {
        guard let table = try await Store(database).taxTable(at: sources.now()) else { throw Self.notFound }
        return table
    }

    /// - Parameter validFrom: from now on, if nil.
    func setExchange(_ rates: [Currency: Rate], validFrom: Timestamp?, _ preconditions: Preconditions) async throws -> ExchangeTable {
        let now = sources.now()
        let start = validFrom ?? now
        return try await database.withTransaction { transaction in
            let store = Store(transaction)
            try await store.lockExchangeTables()
            try preconditions.checkChange(of: try await store.exchangeTable(at: now)?.version, required: false)
            let version = try await store.insertExchangeTable(rates, validFrom: start, at: now)
            return ExchangeTable(version: version, validFrom: start, rates: rates)
        }
    }

    /// - Parameter validFrom: from now on, if nil.
    func setTaxes(_ rules: [TaxRule], validFrom: Timestamp?, _ preconditions: Preconditions) async throws -> TaxTable {
        let now = sources.now()
        let start = validFrom ?? now
        return try await database.withTransaction { transaction in
            let store = Store(transaction)
            try await store.lockTaxTables()
            try preconditions.checkChange(of: try await store.taxTable(at: now)?.version, required: false)
            let version = try await store.insertTaxTable(rules, validFrom: start, at: now)
            return TaxTable(version: version, validFrom: start, rules: rules)
        }
    }

    private static let notFound = Refusal(.tableNotFound, "No such table is in force yet.")
}
