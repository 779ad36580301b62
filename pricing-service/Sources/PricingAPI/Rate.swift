/// A decimal factor, exact: `value / 10^scale`. `Rate(value: 725, scale: 4)` is 0.0725, a tax of 7.25 %;
/// `Rate(value: 1497, scale: 1)` is 149.7, yen for a dollar.
public struct Rate: Hashable, Sendable, CustomStringConvertible {
    /// 0 … 10^12.
    public let value: Int64
    /// Digits behind the point, 0 … 9.
    public let scale: Int

    public static let largestValue: Int64 = 1_000_000_000_000
    public static let largestScale = 9
    /// A share (of a discount or a tax) has at most 6 digits behind the point, 0.0001 %: two of them and an amount fit into 128 bits with room to spare.
    public static let largestShareScale = 6
    /// 10^`largestShareScale`.
    public static let largestShareValue: Int64 = 1_000_000

    /// Nil out of bounds.
    public init?(value: Int64, scale: Int) {
        guard (0...Self.largestValue).contains(value), (0...Self.largestScale).contains(scale) else { return nil }
        self.value = value
        self.scale = scale
    }

    private init(trusted value: Int64, _ scale: Int) {
        self.value = value
        self.scale = scale
    }

    public static let zero = Rate(trusted: 0, 0)
    public static let one = Rate(trusted: 1, 0)

    /// `count` hundredths of a percent; 725 is 7.25 %. Bounds as for `value`.
    public static func basisPoints(_ count: Int64) -> Rate { Rate(trusted: min(max(count, 0), largestValue), 4) }

    /// Whether this is a share of something: 0 … 1 with at most `largestShareScale` digits.
    public var isShare: Bool { scale <= Self.largestShareScale && Int128(value) <= denominator }

    /// 10^scale.
    public var denominator: Int128 { Decimal.powersOfTen[scale] }

    /// For people: `7.25 %`, `15 %`. Without zeros that say nothing.
    public var percent: String {
        // A hundred times as much is the point two digits further right.
        var (digits, places) = (Int128(value) * 100, scale)
        while places > 0, digits % 10 == 0 { (digits, places) = (digits / 10, places - 1) }
        guard places > 0 else { return "\(digits) %" }
        let text = String(digits)
        let padded = String(repeating: "0", count: max(0, places + 1 - text.utf8.count)) + text
        return "\(padded.dropLast(places)).\(padded.suffix(places)) %"
    }

    /// Decimal notation, such as `0.0725`.
    public var description: String {
        guard scale > 0 else { return String(value) }
        let digits = String(value)
        let padded = String(repeating: "0", count: max(0, scale + 1 - digits.utf8.count)) + digits
        return "\(padded.dropLast(scale)).\(padded.suffix(scale))"
    }
}

/// Wide integer arithmetic that refuses instead of trapping.
public enum Decimal {
    /// 10^0 … 10^18.
    public static let powersOfTen: [Int128] = (0...18).map { (0..<$0).reduce(into: Int128(1)) { power, _ in power *= 10 } }

    /// The product. Throws `outOfRange` beyond 128 bits.
    public static func product(_ factors: Int128...) throws(MoneyError) -> Int128 {
        var product: Int128 = 1
        for factor in factors {
            let (next, overflow) = product.multipliedReportingOverflow(by: factor)
            if overflow { throw MoneyError(.outOfRange) }
            product = next
        }
        return product
    }

    /// `numerator / denominator`, rounded to the nearest integer and, halfway between two, to the even one. `denominator` > 0.
    public static func halfEven(_ numerator: Int128, over denominator: Int128) -> Int128 {
        var (quotient, remainder) = numerator.quotientAndRemainder(dividingBy: denominator)
        if remainder < 0 {
            quotient -= 1
            remainder += denominator
        }
        // Compared by subtraction: twice the remainder might not fit.
        let rest = denominator - remainder
        return remainder > rest || remainder == rest && quotient % 2 != 0 ? quotient + 1 : quotient
    }
}
