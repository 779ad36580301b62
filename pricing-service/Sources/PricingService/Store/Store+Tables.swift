import Basics
import Database
import PricingAPI

extension Store {
    /// The exchange table in force, if there is one.
    func exchangeTable(at now: Timestamp) async throws -> ExchangeTable? {
        let rows = try await runner.query(
            """
            SELECT t.version, t.valid_from, r.currency, r.rate_value, r.rate_scale FROM exchange_tables t
            JOIN exchange_rates r ON r.version = t.version WHERE t.version = \(Self.versionInForce(of: "exchange_tables", at: now))
            """
        )
        guard let first = rows.first else { return nil }
        var rates: [Currency: Rate] = [:]
        for row in rows { rates[try row.currency("currency")] = try row.rate("rate_value", "rate_scale") }
        return ExchangeTable(version: try first.decode("version"), validFrom: try first.decode("valid_from"), rates: rates)
    }

    /// The tax table in force, if there is one.
    func taxTable(at now: Timestamp) async throws -> TaxTable? {
        let rows = try await runner.query(
            """
            SELECT t.version, t.valid_from, r.region, r.rate_value, r.rate_scale, r.mode FROM tax_tables t
            JOIN tax_rules r ON r.version = t.version WHERE t.version = \(Self.versionInForce(of: "tax_tables", at: now))
            ORDER BY r.region
            """
        )
        guard let first = rows.first else { return nil }
        let rules = try rows.map { row in
            guard let mode = TaxRule.Mode(rawValue: try row.decode("mode")) else { throw StoredValueError(type: "TaxRule.Mode") }
            return TaxRule(region: try row.decode("region"), rate: try row.rate("rate_value", "rate_scale"), mode: mode)
        }
        return TaxTable(version: try first.decode("version"), validFrom: try first.decode("valid_from"), rules: rules)
    }

    /// Has the exchange tables to itself until the transaction ends: what is added is what comes after those that were seen.
    func lockExchangeTables() async throws { try await lock("exchange_tables") }

    func lockTaxTables() async throws { try await lock("tax_tables") }

    /// Adds a table with the next version and gives that. Within a transaction that holds their lock only.
    func insertExchangeTable(_ rates: [Currency: Rate], validFrom: Timestamp, at now: Timestamp) async throws -> Int64 {
        let version = try await insertTable("exchange_tables", validFrom: validFrom, at: now)
        let rows = rates.map { currency, rate -> SQL in "(\(version), \(currency.code), \(rate.value), \(rate.scale))" }
        try await runner.execute("INSERT INTO exchange_rates (version, currency, rate_value, rate_scale) VALUES \(rows.joined(separator: ", "))")
        return version
    }

    /// Adds a table with the next version and gives that. Within a transaction that holds their lock only.
    func insertTaxTable(_ rules: [TaxRule], validFrom: Timestamp, at now: Timestamp) async throws -> Int64 {
        let version = try await insertTable("tax_tables", validFrom: validFrom, at: now)
        let rows = rules.map { rule -> SQL in "(\(version), \(rule.region), \(rule.rate.value), \(rule.rate.scale), \(rule.mode.rawValue))" }
        try await runner.execute("INSERT INTO tax_rules (version, region, rate_value, rate_scale, mode) VALUES \(rows.joined(separator: ", "))")
        return version
    }

    private func insertTable(_ table: String, validFrom: Timestamp, at now: Timestamp) async throws -> Int64 {
        let rows = try await runner.query(
            """
            INSERT INTO \(raw: table) (version, valid_from, created_at)
            SELECT COALESCE(MAX(version), 0) + 1, \(validFrom), \(now) FROM \(raw: table) WHERE true RETURNING version
            """
        )
        guard let version: Int64 = try rows.first?.decode("version") else { throw StoredValueError(type: "table version") }
        return version
    }
}
