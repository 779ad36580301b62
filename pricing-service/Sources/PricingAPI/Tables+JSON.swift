import Basics
public import HTTPPath

/// One row of an exchange table.
struct ExchangeRate: JSONReadable, JSONWritable {
    var currency: Currency
    var rate: Rate

    init(currency: Currency, rate: Rate) {
        self.currency = currency
        self.rate = rate
    }

    /// By currency.
    static func rows(_ rates: [Currency: Rate]) -> [ExchangeRate] {
        rates.sorted { $0.key.code < $1.key.code }.map { ExchangeRate(currency: $0.key, rate: $0.value) }
    }

    init(_ fields: Fields) {
        currency = fields.currency("currency")
        rate = fields.object("rate") { Rate($0, least: 1) } ?? .one
    }

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("currency", currency)
            $0.field("rate", rate)
        }
    }
}

extension ExchangeTable: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            version: fields.integer("version", 1 ... .max), validFrom: fields.timestamp("validFrom"),
            validUntil: fields.optionalTimestamp("validUntil"), rates: Self.rates(fields))
    }

    /// The `base` (checked) and `rates` of a table; a currency named twice, or the base among them, is an error at its place.
    public static func rates(_ fields: Fields) -> [Currency: Rate] {
        _ = fields.parsed("base", expected: base.code, { $0 == base.code ? $0 : nil })
        let rows = fields.list("rates", 1...mostRates, ExchangeRate.init)
        var rates: [Currency: Rate] = [:]
        for row in rows {
            if row.currency == base { fields.report("rates", "must not list the base, \(base)") }
            if rates.updateValue(row.rate, forKey: row.currency) != nil { fields.report("rates", "must list \(row.currency) only once") }
        }
        return rates
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("version", version)
            $0.field("base", Self.base)
            $0.field("validFrom", validFrom)
            $0.field("validUntil", validUntil)
            $0.field("rates", ExchangeRate.rows(rates))
        }
    }

    public var etag: String { tableTag(version, validUntil) }
}

extension TaxTable: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            version: fields.integer("version", 1 ... .max), validFrom: fields.timestamp("validFrom"),
            validUntil: fields.optionalTimestamp("validUntil"), rules: Self.rules(fields))
    }

    /// The `rules` of a table; a region named twice is an error.
    public static func rules(_ fields: Fields) -> [TaxRule] {
        let rules = fields.list("rules", 1...mostRules, TaxRule.init)
        var regions: Set<String> = []
        for rule in rules where !regions.insert(rule.region).inserted { fields.report("rules", "must list \(rule.region) only once") }
        return rules
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("version", version)
            $0.field("validFrom", validFrom)
            $0.field("validUntil", validUntil)
            $0.field("rules", rules.values.sorted { $0.region < $1.region })
        }
    }

    public var etag: String { tableTag(version, validUntil) }
}

/// Of a table as it is shown: a later table that is announced changes when this one ends. What `If-Match` compares is the part before `-`.
private func tableTag(_ version: Int64, _ validUntil: Timestamp?) -> String { "\"\(version)\(validUntil.map { "-\($0.microseconds)" } ?? "")\"" }

extension TableRecord: JSONWritable {
    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("version", version)
            $0.field("validFrom", validFrom)
            $0.field("createdAt", createdAt)
            $0.field("createdBy", createdBy)
            $0.field("reason", reason)
        }
    }
}
