import Basics
import PricingAPI

/// Which discounts may stand together, and in which order they apply.
///
/// The rule, whole: codes apply by kind (volume, then percentage, then fixed), within a kind by code; the order in which the caller
/// names them changes nothing. At most one volume and one percentage code to a quote, any number of fixed ones. A code that is not
/// stackable refuses all company.
enum Stacking {
    static func ordered(_ codes: [Order.Code]) throws(Refusal) -> [Order.Code] {
        if codes.count > 1, let loner = codes.first(where: { !$0.rule.stackable }) {
            throw Refusal(.discountNotStackable, at: loner.pointer, "\(loner.rule.code) cannot be combined with another code")
        }
        let ordered = codes.sorted { (rank($0.rule.kind), $0.rule.code) < (rank($1.rule.kind), $1.rule.code) }
        for (former, latter) in zip(ordered, ordered.dropFirst()) {
            if former.rule.code == latter.rule.code {
                throw Refusal(.invalidBody, at: later(former, latter), "\(latter.rule.code) is named twice")
            }
            if former.rule.kind == latter.rule.kind, latter.rule.kind != .fixed {
                throw Refusal(
                    .discountNotStackable, at: later(former, latter),
                    "\(former.rule.code) and \(latter.rule.code) are both \(latter.rule.kind.rawValue) discounts; at most one may be used"
                )
            }
        }
        return ordered
    }

    private static func rank(_ kind: DiscountKind) -> Int {
        switch kind {
        case .volume: 0
        case .percentage: 1
        case .fixed: 2
        }
    }

    /// The one the caller named second.
    private static func later(_ a: Order.Code, _ b: Order.Code) -> String {
        (a.pointer.utf8.count, a.pointer) < (b.pointer.utf8.count, b.pointer) ? b.pointer : a.pointer
    }
}
