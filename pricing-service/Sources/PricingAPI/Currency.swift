/// A currency of ISO 4217 that this shop can count in: one with 0, 2 or 3 digits behind the point.
///
/// Codes outside the table (funds codes, metals, withdrawn currencies, the few with 4 digits) are not currencies here.
public struct Currency: Hashable, Sendable, LosslessStringConvertible {
    /// Three capital letters, such as `USD`.
    public let code: String
    /// Digits of the minor unit: 0 (`JPY`), 2 (`USD`) or 3 (`KWD`).
    public let minorDigits: Int

    /// Nil unless `text` is exactly a code of the table; codes are capital letters.
    public init?(_ text: String) {
        guard text.utf8.count == 3 else { return nil }
        let digits: Int
        if Self.twoDigits.contains(text) {
            digits = 2
        } else if Self.noDigits.contains(text) {
            digits = 0
        } else if Self.threeDigits.contains(text) {
            digits = 3
        } else {
            return nil
        }
        self.init(known: text, digits)
    }

    public var description: String { code }

    private init(known code: String, _ minorDigits: Int) {
        self.code = code
        self.minorDigits = minorDigits
    }

    public static let usd = Currency(known: "USD", 2)
    public static let eur = Currency(known: "EUR", 2)
    public static let gbp = Currency(known: "GBP", 2)
    public static let jpy = Currency(known: "JPY", 0)
    public static let kwd = Currency(known: "KWD", 3)

    /// Every code, sorted.
    public static var codes: [String] { noDigits.union(twoDigits).union(threeDigits).sorted() }

    private static let noDigits = set("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF")
    private static let threeDigits = set("BHD IQD JOD KWD LYD OMR TND")
    private static let twoDigits = set(
        """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK \
        DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD \
        KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP \
        PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH \
        USD UYU UZS VES WST XCD YER ZAR ZMW
        """
    )

    private static func set(_ codes: String) -> Set<String> { Set(codes.split(separator: " ").map(String.init)) }
}
