import Basics
import Database
import PricingAPI

/// The dated tables: exchange rates and tax rules. A change is a whole new table, in force from a time on, and every table is kept;
/// `If-Match` is honoured, and not required, since nothing of the old table is kept in the new one.
struct Tables: Sendable {
    let database: any Database
    let sources: Sources

    /// Which table is meant.
    enum Choice: Hashable, Sendable {
        /// The one in force.
        case now
        /// The one that was in force at a time, as was known then; for a time to come, the one that will be as far as is known.
        case at(Timestamp)
        /// A table of the history.
        case version(Int64)
    }

    func exchange(_ choice: Choice = .now) async throws -> ExchangeTable {
        guard let table = try await Store(database).exchangeTable(stored(choice)) else { throw Self.notFound }
        return table
    }

    func taxes(_ choice: Choice = .now) async throws -> TaxTable {
        guard let table = try await Store(database).taxTable(stored(choice)) else { throw Self.notFound }
        return table
    }

    /// The tables below a version, newest first.
    func exchangeHistory(below version: Int64, limit: Int) async throws -> [TableRecord] {
        try await Store(database).exchangeHistory(below: version, limit: limit)
    }

    /// As `exchangeHistory`.
    func taxHistory(below version: Int64, limit: Int) async throws -> [TableRecord] {
        try await Store(database).taxHistory(below: version, limit: limit)
    }

    private func stored(_ choice: Choice) -> Store.TableChoice {
        switch choice {
        case .now: .inForce(at: sources.now())
        case .at(let time): .inForce(at: time, known: time)
        case .version(let version): .version(version)
        }
    }

    /// - Parameter validFrom: from now on, if nil.
    func setExchange(
        _ rates: [Currency: Rate], validFrom: Timestamp?, by actor: String, because reason: String? = nil, _ preconditions: Preconditions
    ) async throws -> ExchangeTable {
        let audit = Audit(by: actor, at: sources.now(), reason: reason)
        return try await database.withTransaction { transaction in
            let store = Store(transaction)
            try await store.lockExchangeTables()
            try preconditions.checkChange(of: try await store.exchangeTable(at: audit.at)?.version, required: false)
            let start = validFrom ?? audit.at
            let version = try await store.insertExchangeTable(rates, validFrom: start, audit)
            return ExchangeTable(version: version, validFrom: start, validUntil: try await store.nextExchangeTable(after: start), rates: rates)
        }
    }

    /// - Parameter validFrom: from now on, if nil.
    func setTaxes(
        _ rules: [TaxRule], validFrom: Timestamp?, by actor: String, because reason: String? = nil, _ preconditions: Preconditions
    ) async throws -> TaxTable {
        let audit = Audit(by: actor, at: sources.now(), reason: reason)
        return try await database.withTransaction { transaction in
            let store = Store(transaction)
            try await store.lockTaxTables()
            try preconditions.checkChange(of: try await store.taxTable(at: audit.at)?.version, required: false)
            let start = validFrom ?? audit.at
            let version = try await store.insertTaxTable(rules, validFrom: start, audit)
            return TaxTable(version: version, validFrom: start, validUntil: try await store.nextTaxTable(after: start), rules: rules)
        }
    }

    private static let notFound = Refusal(.tableNotFound, "There is no such table, or none in force yet.")
}
