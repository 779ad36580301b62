import Basics
import Database
import PricingAPI

extension Store {
    /// Which of the dated tables is meant.
    enum TableChoice: Sendable {
        /// The one in force at a time; of those that were known by `known`, if that is said.
        case inForce(at: Timestamp, known: Timestamp? = nil)
        case version(Int64)

        /// The condition on `t`, and when the table ends.
        fileprivate func sql(_ table: String) -> (condition: SQL, end: SQL) {
            switch self {
            case .inForce(let time, let known):
                (
                    "t.version = \(Store.versionInForce(of: table, at: time, known: known))", Store.nextStart(of: table, after: time, known: known)
                )
            // A table of the history is shown as it was set; when another took over is in the history.
            case .version(let version): ("t.version = \(version)", SQL(sqlite: "NULL", postgres: "NULL::timestamptz"))
            }
        }
    }

    /// The exchange table in force, if there is one.
    func exchangeTable(at now: Timestamp) async throws -> ExchangeTable? { try await exchangeTable(.inForce(at: now)) }

    func exchangeTable(_ choice: TableChoice) async throws -> ExchangeTable? {
        let (condition, end) = choice.sql("exchange_tables")
        let rows = try await runner.query(
            """
            SELECT t.version, t.valid_from, \(end) AS valid_until, r.currency, r.rate_value, r.rate_scale FROM exchange_tables t
            JOIN exchange_rates r ON r.version = t.version WHERE \(condition)
            """
        )
        guard let first = rows.first else { return nil }
        var rates: [Currency: Rate] = [:]
        for row in rows { rates[try row.currency("currency")] = try row.rate("rate_value", "rate_scale") }
        return ExchangeTable(
            version: try first.decode("version"), validFrom: try first.decode("valid_from"), validUntil: try first.decode("valid_until"), rates: rates
        )
    }

    /// The tax table in force, if there is one.
    func taxTable(at now: Timestamp) async throws -> TaxTable? { try await taxTable(.inForce(at: now)) }

    func taxTable(_ choice: TableChoice) async throws -> TaxTable? {
        let (condition, end) = choice.sql("tax_tables")
        let rows = try await runner.query(
            """
            SELECT t.version, t.valid_from, \(end) AS valid_until, r.region, r.rate_value, r.rate_scale, r.mode FROM tax_tables t
            JOIN tax_rules r ON r.version = t.version WHERE \(condition) ORDER BY r.region
            """
        )
        guard let first = rows.first else { return nil }
        let rules = try rows.map { row in
            guard let mode = TaxRule.Mode(rawValue: try row.decode("mode")) else { throw StoredValueError(type: "TaxRule.Mode") }
            return TaxRule(region: try row.decode("region"), rate: try row.rate("rate_value", "rate_scale"), mode: mode)
        }
        return TaxTable(
            version: try first.decode("version"), validFrom: try first.decode("valid_from"), validUntil: try first.decode("valid_until"), rules: rules
        )
    }

    /// Up to `limit` tables below a version, newest first, without what is in them.
    func exchangeHistory(below version: Int64, limit: Int) async throws -> [TableRecord] {
        try await history("exchange_tables", below: version, limit: limit)
    }

    /// As `exchangeHistory`.
    func taxHistory(below version: Int64, limit: Int) async throws -> [TableRecord] {
        try await history("tax_tables", below: version, limit: limit)
    }

    private func history(_ table: String, below version: Int64, limit: Int) async throws -> [TableRecord] {
        try await runner.query(
            """
            SELECT version, valid_from, created_at, created_by, reason FROM \(raw: table)
            WHERE version < \(version) ORDER BY version DESC LIMIT \(limit)
            """
        ).map { row in
            TableRecord(
                version: try row.decode("version"), validFrom: try row.decode("valid_from"), createdAt: try row.decode("created_at"),
                createdBy: try row.decode("created_by"), reason: try row.decode("reason"))
        }
    }

    /// When a table that begins at `time` is over; nil as far as is known.
    func nextExchangeTable(after time: Timestamp) async throws -> Timestamp? { try await next("exchange_tables", after: time) }

    /// As `nextExchangeTable`.
    func nextTaxTable(after time: Timestamp) async throws -> Timestamp? { try await next("tax_tables", after: time) }

    private func next(_ table: String, after time: Timestamp) async throws -> Timestamp? {
        try await runner.query("SELECT \(Self.nextStart(of: table, after: time, known: nil)) AS next_from").first?.decode("next_from")
    }

    /// Has the exchange tables to itself until the transaction ends: what is added is what comes after those that were seen.
    func lockExchangeTables() async throws { try await lock("exchange_tables") }

    func lockTaxTables() async throws { try await lock("tax_tables") }

    /// Adds a table with the next version and gives that. Within a transaction that holds their lock only.
    func insertExchangeTable(_ rates: [Currency: Rate], validFrom: Timestamp, _ audit: Audit) async throws -> Int64 {
        let version = try await insertTable("exchange_tables", validFrom: validFrom, audit)
        let rows = rates.map { currency, rate -> SQL in "(\(version), \(currency.code), \(rate.value), \(rate.scale))" }
        try await runner.execute("INSERT INTO exchange_rates (version, currency, rate_value, rate_scale) VALUES \(rows.joined(separator: ", "))")
        return version
    }

    /// Adds a table with the next version and gives that. Within a transaction that holds their lock only.
    func insertTaxTable(_ rules: [TaxRule], validFrom: Timestamp, _ audit: Audit) async throws -> Int64 {
        let version = try await insertTable("tax_tables", validFrom: validFrom, audit)
        let rows = rules.map { rule -> SQL in "(\(version), \(rule.region), \(rule.rate.value), \(rule.rate.scale), \(rule.mode.rawValue))" }
        try await runner.execute("INSERT INTO tax_rules (version, region, rate_value, rate_scale, mode) VALUES \(rows.joined(separator: ", "))")
        return version
    }

    private func insertTable(_ table: String, validFrom: Timestamp, _ audit: Audit) async throws -> Int64 {
        let who: SQL = SQL(
            sqlite: "\(audit.by), \(audit.reason)", postgres: "\(audit.by)::text, \(audit.reason)::text")
        let rows = try await runner.query(
            """
            INSERT INTO \(raw: table) (version, valid_from, created_at, created_by, reason)
            SELECT COALESCE(MAX(version), 0) + 1, \(validFrom), \(audit.at), \(who) FROM \(raw: table) WHERE true RETURNING version
            """
        )
        guard let version: Int64 = try rows.first?.decode("version") else { throw StoredValueError(type: "table version") }
        return version
    }
}
