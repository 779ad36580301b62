import Basics
import PricingAPI

extension Order {
    /// What the order costs with these codes, which may stand together and are in the order in which they apply.
    ///
    /// Shares (offers, volume, percentage) are taken from each line exactly, as fractions of 128 bits, and the line is rounded half even
    /// once, after the last of them. Fixed amounts are then split over the lines by largest remainder. Tax is per line. Nothing gets below
    /// zero, and each column of the lines sums to the total.
    func breakdown(using codes: [ScopedCode]) throws(Refusal) -> Breakdown {
        var priced = try pricedLines()
        var ofCodes: [AppliedDiscount] = []
        for code in codes {
            try check(code)
            let reason = try apply(code, to: &priced)
            var amount = Money.zero(currency)
            for line in priced {
                guard let last = line.taken.last, last.rule.code == code.rule.code else { continue }
                do throws(MoneyError) { amount = try amount.adding(money(last.amount)) } catch { throw Self.tooLarge(code.pointer) }
            }
            ofCodes.append(AppliedDiscount(code: code.rule.code, kind: code.rule.kind, amount: amount, reason: reason))
        }
        return try sum(priced, ofCodes, exchange: used(by: codes))
    }

    /// Whether a code applies to the order at all.
    func check(_ code: ScopedCode) throws(Refusal) {
        let scope = code.scope
        if let minimum = code.rule.minimumSpend {
            let wanted = try converted(minimum, for: code)
            let subtotal = lines.reduce(into: Int128(0)) { $0 += Int128($1.unitPrice.amountMinor) * Int128($1.quantity) }
            guard subtotal >= Int128(wanted.amountMinor) else {
                throw Refusal(.minimumSpendNotMet, at: code.pointer, "\(code.rule.code) needs an order of at least \(wanted)")
            }
        }
        if scope.touched.isEmpty { throw Refusal(.discountNotApplicable, at: code.pointer, "\(code.rule.code) is for none of these products") }
        if let given = scope.given {
            if given.isEmpty {
                throw Refusal(.discountNotApplicable, at: code.pointer, "\(code.rule.code) gives a product that is not in the order")
            }
            if Set(scope.touched).isSubset(of: given) {
                throw Refusal(.discountNotApplicable, at: code.pointer, "\(code.rule.code) is for buying other products than those it gives")
            }
        }
        if case .fixed(let amount) = code.rule.effect { _ = try converted(amount, for: code) }
    }

    private func pricedLines() throws(Refusal) -> [PricedLine] {
        var priced: [PricedLine] = []
        priced.reserveCapacity(lines.count)
        for (index, line) in lines.enumerated() {
            let wide = Int128(line.unitPrice.amountMinor) * Int128(line.quantity)
            guard let subtotal = try? Money(exactly: wide, currency) else { throw Self.tooLarge("/lines/\(index)/quantity") }
            priced.append(PricedLine(quantity: line.quantity, unitPrice: line.unitPrice.amountMinor, subtotal: subtotal.amountMinor))
        }
        return priced
    }

    /// Takes a code off the lines it touches; gives its reason for the order as a whole.
    private func apply(_ code: ScopedCode, to priced: inout [PricedLine]) throws(Refusal) -> String {
        let (rule, scope) = (code.rule, code.scope)
        switch rule.effect {
        case .buyXGetY(let offer):
            let given = offer.given(in: lines, scope)
            for index in lines.indices {
                if let pieces = given[index] { try priced[index].take(offer.rate, ofPieces: pieces, for: rule) }
            }
            let pieces = given.values.reduce(0, +)
            return "buy \(offer.buyQuantity), get \(offer.getQuantity): \(pieces == 0 ? "too few pieces" : "\(pieces) given")"
        case .volume(let tiers):
            for index in scope.touched {
                let tier = tiers.last { $0.minQuantity <= priced[index].quantity }
                let reason = tier.map { "\($0.rate.percent) from \($0.minQuantity) pieces" } ?? "nothing below \(tiers[0].minQuantity) pieces"
                try priced[index].take(tier?.rate ?? .zero, for: rule, reason)
            }
            return "by the quantity of each line"
        case .percentage(let rate):
            for index in scope.touched { try priced[index].take(rate, for: rule, rate.percent) }
            return scope.touched.count == lines.count ? rate.percent : "\(rate.percent) of \(scope.touched.count) of \(lines.count) lines"
        case .fixed(let amount):
            let wanted = try converted(amount, for: code)
            let left = scope.touched.map { priced[$0].left }
            let whole = left.reduce(into: Int128(0)) { $0 += Int128($1) }
            let taken = Int64(min(Int128(wanted.amountMinor), whole))
            var reason = amount.currency == currency ? "\(amount)" : "\(amount), which is \(wanted)"
            if Int128(wanted.amountMinor) > whole { reason += ", and no more than there is" }
            let share = scope.touched.count == 1 ? reason : "a share of \(reason)"
            for (index, part) in zip(scope.touched, largestRemainder(taken, over: left)) { priced[index].take(part, for: rule, share) }
            return reason
        }
    }

    private func converted(_ money: Money, for code: ScopedCode) throws(Refusal) -> Money {
        do throws(MoneyError) {
            if let converted = try exchange.convert(money, to: currency) { return converted }
        } catch {
            throw Self.tooLarge(code.pointer)
        }
        throw Refusal(.currencyNotOffered, at: code.pointer, "\(code.rule.code) is in \(money.currency), which has no exchange rate")
    }

    /// The rates that prices and codes were converted with.
    private func used(by codes: [ScopedCode]) -> ExchangeUsed? {
        var foreign: Set<Currency> = []
        for line in lines { if let base = line.base { foreign.insert(base.currency) } }
        for code in codes {
            if case .fixed(let amount) = code.rule.effect { foreign.insert(amount.currency) }
            if let minimum = code.rule.minimumSpend { foreign.insert(minimum.currency) }
        }
        foreign.remove(currency)
        guard !foreign.isEmpty else { return nil }
        let rates = exchange.rates.filter { $0.key == currency || foreign.contains($0.key) }
        return ExchangeUsed(tableVersion: exchange.version, validFrom: exchange.validFrom, rates: rates)
    }

    private func sum(_ priced: [PricedLine], _ ofCodes: [AppliedDiscount], exchange: ExchangeUsed?) throws(Refusal) -> Breakdown {
        var totals = Totals.zero(currency)
        var out: [BreakdownLine] = []
        out.reserveCapacity(lines.count)
        for (index, (line, priced)) in zip(lines, priced).enumerated() {
            do throws(MoneyError) {
                let amounts = try amounts(priced)
                totals = try totals.adding(amounts)
                out.append(
                    BreakdownLine(
                        productID: line.productID, sku: line.sku, quantity: line.quantity, base: line.base, adjustment: line.adjustment,
                        unitPrice: line.unitPrice,
                        discounts: priced.taken.map {
                            AppliedDiscount(code: $0.rule.code, kind: $0.rule.kind, amount: money($0.amount), reason: $0.reason)
                        }, amounts: amounts
                    )
                )
            } catch {
                throw Self.tooLarge("/lines/\(index)")
            }
        }
        return Breakdown(
            currency: currency, taxRegion: taxRegion, taxRule: tax, discountCodes: ofCodes.map(\.code), discounts: ofCodes, exchange: exchange,
            lines: out, totals: totals)
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
