import Basics
import Crypto
import HTTPPath
import NIOCore
import PricingAPI
import ServiceKit

/// Signs quotes, so that what this service promised can be told from what somebody wrote into its store.
///
/// A signature names its key, so keys can be changed while quotes are out: those of a key that is still accepted go on counting.
struct QuoteSigner: Sendable {
    let keys: SecretKeys

    init(keys: SecretKeys) { self.keys = keys }

    /// One key that stays.
    init(key: [UInt8]) { self.init(keys: SecretKeys([SecretKeys.Key(bytes: key)])) }

    /// What becomes of a signature.
    enum Verdict: Hashable, Sendable {
        case valid
        /// The key that it names was never this service's, or is retired.
        case unknownKey
        /// The quote is not what was signed.
        case altered
    }

    /// `v2.`, the id of the key that signs, `.`, and the HMAC-SHA256 of the quote in hexadecimal.
    func signature(of quote: Quote) -> String {
        let key = keys.signing
        return "v2.\(key.id)." + Self.code(Self.text(quote), key)
    }

    func verdict(on quote: Quote) -> Verdict {
        let parts = quote.signature.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        switch (parts.first, parts.count) {
        case ("v2", 3):
            guard let key = keys.accepted.first(where: { $0.id == parts[1] }) else { return .unknownKey }
            return Self.equal(Self.code(Self.text(quote), key), parts[2]) ? .valid : .altered
        case ("v1", 2):
            // Of the release before, which named no key. To be forgotten with the last of its quotes: see the changelog.
            return keys.accepted.contains { Self.equal(Self.code(Self.firstText(quote), $0), parts[1]) } ? .valid : .altered
        default: return .altered
        }
    }

    func isValid(_ quote: Quote) -> Bool { verdict(on: quote) == .valid }

    /// - Throws: `quote_signature_invalid`, with what is wrong.
    func check(_ quote: Quote) throws(Refusal) {
        switch verdict(on: quote) {
        case .valid: return
        case .unknownKey:
            throw Refusal(.quoteSignatureInvalid, "The quote is signed with a key that is not this service's, or no longer: ask for a new one.")
        case .altered: throw Refusal(.quoteSignatureInvalid, "The quote is not what this service signed: ask for a new one.")
        }
    }

    /// Every field of the quote but the signature, as it travels. JSON sets each apart, so no two quotes have the same text.
    static func text(_ quote: Quote) -> [UInt8] {
        var unsigned = quote
        unsigned.signature = ""
        return Array("hello-dd quote v2\n".utf8) + Array(JSONWriter.bytes(unsigned).readableBytesView)
    }

    private static func code(_ text: [UInt8], _ key: SecretKeys.Key) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: text, using: SymmetricKey(data: key.bytes))
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: code.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// In constant time.
    private static func equal(_ expected: String, _ given: String) -> Bool {
        let (expected, given) = (Array(expected.utf8), Array(given.utf8))
        guard expected.count == given.count else { return false }
        return zip(expected, given).reduce(UInt8(0)) { $0 | $1.0 ^ $1.1 } == 0
    }

    /// What `v1.` signed: the fields that there were, one line for the head, one a line, one for the totals.
    static func firstText(_ quote: Quote) -> [UInt8] {
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
        return Array((text + amounts(breakdown.totals) + "\n").utf8)
    }

    private static func amounts(_ totals: Totals) -> String {
        [totals.subtotal, totals.discount, totals.net, totals.tax, totals.total].map { String($0.amountMinor) }.joined(separator: " ")
    }
}
