import PricingAPI

@testable import PricingService

/// What is wrong with a breakdown, one sentence each: nothing, ever. The laws are those of `docs/pricing.md`, and know nothing of how the
/// breakdown came about.
func violations(of breakdown: Breakdown) -> [String] {
    var out: [String] = []
    func demand(_ holds: Bool, _ law: @autoclosure () -> String) { if !holds { out.append(law()) } }
    let columns: [(String, KeyPath<Totals, Money>)] = [
        ("subtotal", \.subtotal), ("discount", \.discount), ("net", \.net), ("tax", \.tax), ("total", \.total),
    ]
    for (name, column) in columns {
        let sum = breakdown.lines.reduce(into: Int128(0)) { $0 += Int128($1.amounts[keyPath: column].amountMinor) }
        demand(sum == Int128(breakdown.totals[keyPath: column].amountMinor), "the lines' \(name) sums to \(sum), not to the total's")
    }
    func check(_ amounts: Totals, _ place: String) {
        for (name, column) in columns {
            let money = amounts[keyPath: column]
            demand(money.amountMinor >= 0, "\(place): \(name) is negative")
            demand(money.amountMinor <= Money.largestAmountMinor, "\(place): \(name) is too large")
            demand(money.currency == breakdown.currency, "\(place): \(name) is in another currency")
        }
        demand(amounts.net.amountMinor + amounts.tax.amountMinor == amounts.total.amountMinor, "\(place): net and tax are not the total")
        demand(amounts.discount.amountMinor <= amounts.subtotal.amountMinor, "\(place): more is taken than there was")
        let left = amounts.subtotal.amountMinor - amounts.discount.amountMinor
        let charged = breakdown.taxRule.mode == .exclusive ? amounts.net : amounts.total
        demand(left == charged.amountMinor, "\(place): what is left is not what is charged")
    }
    check(breakdown.totals, "totals")
    for (index, line) in breakdown.lines.enumerated() {
        let place = "line \(index)"
        check(line.amounts, place)
        let list = Int128(line.unitPrice.amountMinor) * Int128(line.quantity)
        demand(Int128(line.amounts.subtotal.amountMinor) == list, "\(place): the subtotal is not price times quantity")
        let taken = line.discounts.reduce(into: Int128(0)) { $0 += Int128($1.amount.amountMinor) }
        demand(taken == Int128(line.amounts.discount.amountMinor), "\(place): its discounts do not sum up")
        demand(line.discounts.allSatisfy { $0.amount.amountMinor >= 0 }, "\(place): a discount is negative")
        demand(line.discounts.allSatisfy { !$0.reason.isEmpty }, "\(place): a discount without a reason")
        let order = line.discounts.map { breakdown.discountCodes.firstIndex(of: $0.code) ?? -1 }
        demand(!order.contains(-1) && order == order.sorted(), "\(place): its discounts are not in the order applied")
        for kind in DiscountKind.allCases where kind != .fixed {
            demand(line.discounts.count { $0.kind == kind } <= 1, "\(place): two \(kind.rawValue) discounts")
        }
        // Tax: within half a minor unit of the exact share.
        let rate = Int128(breakdown.taxRule.rate.value)
        let scale = breakdown.taxRule.rate.denominator + (breakdown.taxRule.mode == .inclusive ? rate : 0)
        let left = Int128(line.amounts.subtotal.amountMinor - line.amounts.discount.amountMinor)
        let distance = (2 * Int128(line.amounts.tax.amountMinor) * scale - 2 * left * rate).magnitude
        demand(
            distance < scale.magnitude || distance == scale.magnitude && line.amounts.tax.amountMinor % 2 == 0,
            "\(place): the tax is not the rounded share")
    }
    demand(breakdown.discounts.map(\.code) == breakdown.discountCodes, "the codes' amounts are not those of the codes")
    for discount in breakdown.discounts {
        let sum = breakdown.lines.flatMap(\.discounts).filter { $0.code == discount.code }.reduce(into: Int128(0)) {
            $0 += Int128($1.amount.amountMinor)
        }
        demand(sum == Int128(discount.amount.amountMinor), "\(discount.code) does not sum up over the lines")
    }
    demand(Set(breakdown.discountCodes).isDisjoint(with: breakdown.notUsed.map(\.code)), "a code is used and not used")
    demand(breakdown.notUsed.allSatisfy { !$0.reason.isEmpty && !$0.detail.isEmpty }, "a code is left out without a reason")
    return out
}
