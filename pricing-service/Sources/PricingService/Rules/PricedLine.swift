import PricingAPI

/// A line while discounts are being taken off it. What is left is exact until the first fixed amount: `numerator / denominator`.
///
/// Widths: the subtotal is at most 10^15, and a line meets at most one offer, one volume code and one percentage, each with a denominator
/// of at most 10^6. So `numerator` stays below 10^33, and 128 bits hold 1.7 × 10^38.
struct PricedLine {
    let quantity: Int64
    /// In minor units, as all amounts here.
    let unitPrice: Int64
    let subtotal: Int64
    private(set) var left: Int64
    private(set) var taken: [Taken] = []
    private var numerator: Int128
    private var denominator: Int128 = 1

    struct Taken {
        var rule: DiscountRule
        var amount: Int64
        var reason: String
    }

    init(quantity: Int64, unitPrice: Int64, subtotal: Int64) {
        self.quantity = quantity
        self.unitPrice = unitPrice
        self.subtotal = subtotal
        left = subtotal
        numerator = Int128(subtotal)
    }

    /// Takes a share off the price of some pieces. Only before anything else was taken.
    mutating func take(_ share: Rate, ofPieces pieces: Int64, for rule: DiscountRule) throws(Refusal) {
        do throws(MoneyError) {
            let charged = try Decimal.product(Int128(quantity), share.denominator) - (try Decimal.product(Int128(pieces), Int128(share.value)))
            numerator = try Decimal.product(Int128(unitPrice), charged)
            denominator = share.denominator
        } catch {
            throw Self.tooFine
        }
        let how = share == .one || Int128(share.value) == share.denominator ? "for nothing" : "at \(share.percent) less"
        settle(rule, "\(pieces) of \(quantity) pieces \(how)")
    }

    /// Takes a share off the line. What the line shows as taken is the difference of two rounded amounts, so the parts sum up; the amount
    /// itself is always rounded from the exact one, so however many shares are taken it is rounded once.
    mutating func take(_ share: Rate, for rule: DiscountRule, _ reason: String) throws(Refusal) {
        do throws(MoneyError) {
            numerator = try Decimal.product(numerator, share.denominator - Int128(share.value))
            denominator = try Decimal.product(denominator, share.denominator)
        } catch {
            throw Self.tooFine
        }
        settle(rule, reason)
    }

    private mutating func settle(_ rule: DiscountRule, _ reason: String) {
        // A share of at most one leaves something between zero and what there was.
        let rounded = Int64(clamping: Decimal.halfEven(numerator, over: denominator))
        taken.append(Taken(rule: rule, amount: left - rounded, reason: reason))
        left = rounded
    }

    /// Takes an amount off, at most what is left. No share may follow.
    mutating func take(_ amount: Int64, for rule: DiscountRule, _ reason: String) {
        taken.append(Taken(rule: rule, amount: amount, reason: reason))
        left -= amount
    }

    private static let tooFine = Refusal(.amountTooLarge, "The amount is too large for a discount this fine.")
}
