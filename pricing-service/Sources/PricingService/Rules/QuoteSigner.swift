import Basics
import Crypto
import PricingAPI

/// Signs quotes, so that what this service promised can be told from what somebody wrote into its store.
struct QuoteSigner: Sendable {
    private let key: SymmetricKey

    /// At least 32 random bytes: as long as the digest.
    init(key: [UInt8]) { self.key = SymmetricKey(data: key) }

    static let shortestKey = 32

    /// `v1.` and the HMAC-SHA256 of the quote's canonical text, in hexadecimal.
    func signature(of quote: Quote) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Array(Self.canonicalText(quote).utf8), using: key)
        let digits = Array("0123456789abcdef".utf8)
        return "v1." + String(decoding: code.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Compared in constant time.
    func isValid(_ quote: Quote) -> Bool {
        let (expected, given) = (Array(signature(of: quote).utf8), Array(quote.signature.utf8))
        guard expected.count == given.count else { return false }
        return zip(expected, given).reduce(UInt8(0)) { $0 | $1.0 ^ $1.1 } == 0
    }

    /// Every field of the quote but the signature, each set apart: one line for the head, one a line, one for the totals.
    static func canonicalText(_ quote: Quote) -> String {
        let breakdown = quote.breakdown
        let rule = breakdown.taxRule
        var text = "hello-dd quote v1\n\(quote.id) \(quote.createdAt.microseconds) \(quote.validUntil.microseconds)\n"
        text += "\(breakdown.currency) \(breakdown.taxRegion) \(rule.region) \(rule.rate.value)/\(rule.rate.scale) \(rule.mode.rawValue)\n"
        text += "\(breakdown.discountCodes.joined(separator: ","))\n"
        for line in breakdown.lines {
            text += "\(line.productID) \(line.sku) \(line.quantity) \(line.unitPrice.amountMinor) \(amounts(line.amounts))"
            for discount in line.discounts { text += " \(discount.code)=\(discount.kind.rawValue):\(discount.amount.amountMinor)" }
            text += "\n"
        }
        return text + amounts(breakdown.totals) + "\n"
    }

    private static func amounts(_ totals: Totals) -> String {
        [totals.subtotal, totals.discount, totals.net, totals.tax, totals.total].map { String($0.amountMinor) }.joined(separator: " ")
    }
}
