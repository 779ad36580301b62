import Basics
import PricingAPI

extension Order {
    /// What the order costs.
    ///
    /// Shares (volume, percentage) are taken from each line exactly, as fractions of 128 bits, and the line is rounded half even once,
    /// after the last of them. Fixed amounts are then split over the lines by largest remainder. Tax is per line. Nothing gets below
    /// zero, and each column of the lines sums to the total.
    ///
    /// Throws a `Refusal` for codes that do not fit together or do not apply, and `amountTooLarge` where an amount exceeds
    /// `Money.largestAmountMinor`; whether a code is in force or used up is the caller's business.
    func breakdown() throws(Refusal) -> Breakdown {
        let codes = try Stacking.ordered(codes)
        var priced = try pricedLines()
        var subtotal: Int128 = 0
        for line in priced { subtotal += Int128(line.subtotal) }
        for code in codes {
            try check(code, subtotal: subtotal)
            let touched = try touchedLines(code)
            switch code.rule.effect {
            case .volume(let tiers):
                for index in touched {
                    let tier = tiers.last { $0.minQuantity <= priced[index].quantity }
                    try priced[index].take(tier?.rate ?? .zero, code: code.rule.code, kind: .volume)
                }
            case .percentage(let rate):
                for index in touched { try priced[index].take(rate, code: code.rule.code, kind: .percentage) }
            case .fixed(let amount):
                let wanted = try converted(amount, for: code)
                let left = touched.map { priced[$0].left }
                let whole = left.reduce(into: Int128(0)) { $0 += Int128($1) }
                let taken = Int64(min(Int128(wanted.amountMinor), whole))
                for (index, part) in zip(touched, largestRemainder(taken, over: left)) {
                    priced[index].take(part, code: code.rule.code)
                }
            }
        }
        return try sum(priced, codes: codes.map(\.rule.code))
    }

    private func pricedLines() throws(Refusal) -> [PricedLine] {
        var priced: [PricedLine] = []
        for (index, line) in lines.enumerated() {
            let wide = Int128(line.unitPrice.amountMinor) * Int128(line.quantity)
            guard let subtotal = try? Money(exactly: wide, currency) else { throw Self.tooLarge("/lines/\(index)/quantity") }
            priced.append(PricedLine(quantity: line.quantity, subtotal: subtotal.amountMinor))
        }
        return priced
    }

    private func check(_ code: Code, subtotal: Int128) throws(Refusal) {
        guard let minimum = code.rule.minimumSpend else { return }
        let wanted = try converted(minimum, for: code)
        guard subtotal >= Int128(wanted.amountMinor) else {
            throw Refusal(.minimumSpendNotMet, at: code.pointer, "\(code.rule.code) needs an order of at least \(wanted)")
        }
    }

    private func touchedLines(_ code: Code) throws(Refusal) -> [Int] {
        guard !code.rule.products.isEmpty else { return Array(lines.indices) }
        let touched = lines.indices.filter {
            code.rule.products.contains(lines[$0].sku) || code.rule.products.contains(lines[$0].productID.description)
        }
        if touched.isEmpty { throw Refusal(.discountNotApplicable, at: code.pointer, "\(code.rule.code) is for none of these products") }
        return touched
    }

    private func converted(_ money: Money, for code: Code) throws(Refusal) -> Money {
        do throws(MoneyError) {
            if let converted = try exchange.convert(money, to: currency) { return converted }
        } catch {
            throw Self.tooLarge(code.pointer)
        }
        throw Refusal(.currencyNotOffered, at: code.pointer, "\(code.rule.code) is in \(money.currency), which has no exchange rate")
    }

    private func sum(_ priced: [PricedLine], codes: [String]) throws(Refusal) -> Breakdown {
        var totals = Totals.zero(currency)
        var out: [BreakdownLine] = []
        for (index, (line, priced)) in zip(lines, priced).enumerated() {
            do throws(MoneyError) {
                let amounts = try amounts(priced)
                totals = try totals.adding(amounts)
                out.append(
                    BreakdownLine(
                        productID: line.productID, sku: line.sku, quantity: line.quantity, unitPrice: line.unitPrice,
                        discounts: priced.taken.map { AppliedDiscount(code: $0.code, kind: $0.kind, amount: money($0.amount)) },
                        amounts: amounts
                    )
                )
            } catch {
                throw Self.tooLarge("/lines/\(index)")
            }
        }
        return Breakdown(currency: currency, taxRegion: taxRegion, taxRule: tax, discountCodes: codes, lines: out, totals: totals)
    }

    private func amounts(_ line: PricedLine) throws(MoneyError) -> Totals {
        let left = Int128(line.left)
        let rate = Int128(tax.rate.value)
        let scale = tax.rate.denominator
        let net: Int128
        let taxed: Int128
        switch tax.mode {
        case .exclusive:
            net = left
            taxed = Decimal.halfEven(try Decimal.product(left, rate), over: scale)
        case .inclusive:
            taxed = Decimal.halfEven(try Decimal.product(left, rate), over: scale + rate)
            net = left - taxed
        }
        return Totals(
            subtotal: money(line.subtotal), discount: money(line.subtotal - line.left), net: try Money(exactly: net, currency),
            tax: try Money(exactly: taxed, currency), total: try Money(exactly: net + taxed, currency)
        )
    }

    private func money(_ amount: Int64) -> Money { Money(amountMinor: amount, currency: currency) }

    private static func tooLarge(_ pointer: String) -> Refusal {
        Refusal(.amountTooLarge, at: pointer, "the amount would exceed \(Money.largestAmountMinor) minor units")
    }
}

/// A line while discounts are being taken off it. What is left is exact until the first fixed amount: `numerator / denominator`.
private struct PricedLine {
    let quantity: Int64
    /// In minor units, as all amounts here.
    let subtotal: Int64
    private(set) var left: Int64
    private(set) var taken: [(code: String, kind: DiscountKind, amount: Int64)] = []
    private var numerator: Int128
    private var denominator: Int128 = 1

    init(quantity: Int64, subtotal: Int64) {
        self.quantity = quantity
        self.subtotal = subtotal
        left = subtotal
        numerator = Int128(subtotal)
    }

    /// Takes a share off. What the line shows as taken is the difference of two rounded amounts, so the parts sum up; the amount itself
    /// is always rounded from the exact one, so however many shares are taken it is rounded once.
    mutating func take(_ share: Rate, code: String, kind: DiscountKind) throws(Refusal) {
        do throws(MoneyError) {
            numerator = try Decimal.product(numerator, share.denominator - Int128(share.value))
            denominator = try Decimal.product(denominator, share.denominator)
        } catch {
            throw Refusal(.amountTooLarge, "The amount is too large for a discount this fine.")
        }
        // A share of at most one leaves something between zero and what there was.
        let rounded = Int64(clamping: Decimal.halfEven(numerator, over: denominator))
        taken.append((code, kind, left - rounded))
        left = rounded
    }

    /// Takes an amount off, at most what is left.
    mutating func take(_ amount: Int64, code: String) {
        taken.append((code, .fixed, amount))
        left -= amount
    }
}
