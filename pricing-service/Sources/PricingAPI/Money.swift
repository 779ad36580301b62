/// An amount of money: whole minor units of a currency (cents of `USD`, yen of `JPY`, fils of `KWD`). Never a floating-point number.
public struct Money: Hashable, Sendable, CustomStringConvertible {
    /// In minor units.
    public var amountMinor: Int64
    public var currency: Currency

    public init(amountMinor: Int64, currency: Currency) {
        self.amountMinor = amountMinor
        self.currency = currency
    }

    /// The largest amount anywhere on the wire, in minor units: below 2^53, so that every JSON reader keeps it exact.
    public static let largestAmountMinor: Int64 = 1_000_000_000_000_000
    /// The largest price of one piece, in minor units: what is above it is a typing error, not a price.
    public static let largestUnitPriceMinor: Int64 = 10_000_000_000_000

    public static func zero(_ currency: Currency) -> Money { Money(amountMinor: 0, currency: currency) }

    /// For people and logs: `19.99 USD`, `500 JPY`, `-0.005 KWD`.
    public var description: String {
        let digits = String(amountMinor.magnitude)
        let sign = amountMinor < 0 ? "-" : ""
        guard currency.minorDigits > 0 else { return "\(sign)\(digits) \(currency)" }
        let padded = String(repeating: "0", count: max(0, currency.minorDigits + 1 - digits.utf8.count)) + digits
        return "\(sign)\(padded.dropLast(currency.minorDigits)).\(padded.suffix(currency.minorDigits)) \(currency)"
    }

    /// The sum. Throws `outOfRange` beyond `largestAmountMinor`, `currencyMismatch` for two currencies.
    public func adding(_ other: Money) throws(MoneyError) -> Money {
        guard currency == other.currency else { throw MoneyError(.currencyMismatch) }
        return try Money(exactly: Int128(amountMinor) + Int128(other.amountMinor), currency)
    }

    /// `count` times as much. Throws `outOfRange` beyond `largestAmountMinor`.
    public func multiplied(by count: Int64) throws(MoneyError) -> Money {
        // 64 by 64 bits always fit into 128.
        try Money(exactly: Int128(amountMinor) * Int128(count), currency)
    }

    /// Narrows a wide intermediate. Throws `outOfRange` beyond `largestAmountMinor` on either side.
    public init(exactly wide: Int128, _ currency: Currency) throws(MoneyError) {
        guard wide.magnitude <= UInt128(Self.largestAmountMinor) else { throw MoneyError(.outOfRange) }
        self.init(amountMinor: Int64(wide), currency: currency)
    }
}

/// Why a calculation with money has no answer.
public struct MoneyError: Error, Hashable, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        /// The result would exceed `Money.largestAmountMinor`, or an intermediate 128 bits.
        public static let outOfRange = Code(description: "out_of_range")
        /// Two amounts of different currencies met.
        public static let currencyMismatch = Code(description: "currency_mismatch")
    }

    public let code: Code

    public init(_ code: Code) { self.code = code }

    public var description: String {
        code == .outOfRange ? "the amount is larger than \(Money.largestAmountMinor) minor units" : "the amounts are in different currencies"
    }
}
