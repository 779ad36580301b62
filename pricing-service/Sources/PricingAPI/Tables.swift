public import Basics

/// The exchange rates in force from a time on: units of each currency for one unit of `base`.
public struct ExchangeTable: Hashable, Sendable {
    /// Every rate is against this one currency; any two others convert through it, in one step and with one rounding.
    public static let base = Currency.usd
    /// Rates in one table.
    public static let mostRates = 200

    /// 1 for the first table; the `ETag`.
    public var version: Int64
    public var validFrom: Timestamp
    /// When the next table takes over; nil as far as is known.
    public var validUntil: Timestamp?
    /// Above zero; `base` itself is not listed.
    public var rates: [Currency: Rate]

    public init(version: Int64, validFrom: Timestamp, validUntil: Timestamp? = nil, rates: [Currency: Rate]) {
        self.version = version
        self.validFrom = validFrom
        self.validUntil = validUntil
        self.rates = rates
    }

    public func rate(_ currency: Currency) -> Rate? { currency == Self.base ? .one : rates[currency] }

    /// `money` in `currency`, rounded half even once; nil if the table lacks one of the two currencies. The same currency costs no rate.
    /// Throws `outOfRange` beyond `Money.largestAmountMinor`.
    public func convert(_ money: Money, to currency: Currency) throws(MoneyError) -> Money? {
        if money.currency == currency { return money }
        guard let from = rate(money.currency), let to = rate(currency), from.value > 0, to.value > 0 else { return nil }
        let numerator = try Decimal.product(
            Int128(money.amountMinor), Int128(to.value), from.denominator, Decimal.powersOfTen[currency.minorDigits]
        )
        let denominator = try Decimal.product(Int128(from.value), to.denominator, Decimal.powersOfTen[money.currency.minorDigits])
        return try Money(exactly: Decimal.halfEven(numerator, over: denominator), currency)
    }
}

/// The tax rules in force from a time on.
public struct TaxTable: Hashable, Sendable {
    /// Rules in one table.
    public static let mostRules = 1000

    /// 1 for the first table; the `ETag`.
    public var version: Int64
    public var validFrom: Timestamp
    /// When the next table takes over; nil as far as is known.
    public var validUntil: Timestamp?
    /// One a region.
    public var rules: [String: TaxRule]

    public init(version: Int64, validFrom: Timestamp, validUntil: Timestamp? = nil, rules: [TaxRule]) {
        self.version = version
        self.validFrom = validFrom
        self.validUntil = validUntil
        self.rules = Dictionary(rules.map { ($0.region, $0) }, uniquingKeysWith: { $1 })
    }

    /// The region's own rule, else its country's: `DE-BY` finds `DE`. `NONE` is free of tax unless a table says otherwise.
    public func rule(for region: String) -> TaxRule? {
        if let rule = rules[region] { return rule }
        if region == "NONE" { return TaxRule(region: region, rate: .zero, mode: .exclusive) }
        return region.contains("-") ? rules[String(region.prefix(2))] : nil
    }
}

/// One table of the history: who put it there, when, and why. The table itself is read by its version.
public struct TableRecord: Hashable, Sendable {
    public var version: Int64
    public var validFrom: Timestamp
    public var createdAt: Timestamp
    /// Nil in tables of before this was kept.
    public var createdBy: String?
    /// At most 500 characters.
    public var reason: String?

    public init(version: Int64, validFrom: Timestamp, createdAt: Timestamp, createdBy: String?, reason: String?) {
        self.version = version
        self.validFrom = validFrom
        self.createdAt = createdAt
        self.createdBy = createdBy
        self.reason = reason
    }
}
