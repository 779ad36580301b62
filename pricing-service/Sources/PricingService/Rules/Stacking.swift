import Basics
import PricingAPI

/// Which discounts may stand together, and in which order they apply.
///
/// The rule, whole:
/// - Codes apply by kind: offers, then volume, then percentage, then fixed amounts; within a kind by priority, the higher first, then by
///   code. The order in which the caller names them changes nothing.
/// - A line takes at most one offer, one volume code and one percentage. So two codes of such a kind stand together where no line is
///   touched by both. Fixed amounts stand together in any number.
/// - A code that is not stackable refuses all company.
enum Stacking {
    /// The codes in the order in which they apply; refuses what may not stand together, and a code that is named twice.
    static func ordered(_ codes: [ScopedCode]) throws(Refusal) -> [ScopedCode] {
        if let conflict = conflict(among: codes) { throw conflict }
        return sorted(codes)
    }

    static func sorted(_ codes: [ScopedCode]) -> [ScopedCode] {
        codes.sorted { former, latter in
            let (a, b) = (former.rule, latter.rule)
            if rank(a.kind) != rank(b.kind) { return rank(a.kind) < rank(b.kind) }
            return a.priority != b.priority ? a.priority > b.priority : a.code < b.code
        }
    }

    /// Why the codes may not stand together; nil if they may.
    static func conflict(among codes: [ScopedCode]) -> Refusal? {
        if codes.count > 1, let loner = codes.first(where: { !$0.rule.stackable }) {
            return Refusal(.discountNotStackable, at: loner.pointer, "\(loner.rule.code) cannot be combined with another code")
        }
        let ordered = codes.sorted { ($0.rule.code, $0.pointer.utf8.count, $0.pointer) < ($1.rule.code, $1.pointer.utf8.count, $1.pointer) }
        for (index, former) in ordered.enumerated() {
            for latter in ordered.dropFirst(index + 1) {
                if former.rule.code == latter.rule.code {
                    return Refusal(.invalidBody, at: later(former, latter), "\(latter.rule.code) is named twice")
                }
                if former.rule.kind == latter.rule.kind, latter.rule.kind != .fixed, former.scope.meets(latter.scope) {
                    return Refusal(
                        .discountNotStackable, at: later(former, latter),
                        "\(former.rule.code) and \(latter.rule.code) are both \(latter.rule.kind.rawValue) discounts; a line takes at most one"
                    )
                }
            }
        }
        return nil
    }

    private static func rank(_ kind: DiscountKind) -> Int {
        switch kind {
        case .buyXGetY: 0
        case .volume: 1
        case .percentage: 2
        case .fixed: 3
        }
    }

    /// The one the caller named second.
    private static func later(_ a: ScopedCode, _ b: ScopedCode) -> String {
        (a.pointer.utf8.count, a.pointer) < (b.pointer.utf8.count, b.pointer) ? b.pointer : a.pointer
    }
}
