import HTTPPath
import PricingAPI

/// Which codes to use where the customer leaves it to the service.
///
/// The rule, whole: codes that would be refused alone are left out. The others are taken priority by priority, the highest first: of each
/// priority, that selection which may stand together, and beside what was chosen before, and leaves the customer the least to pay. Of
/// selections that cost the same, the one with fewer codes, so that no limited code is used for nothing; then the one whose codes come
/// first in the alphabet.
///
/// With one priority for all, no selection that may stand together is cheaper than the one that is chosen.
struct Choice {
    private let order: Order
    private var usable: [ScopedCode] = []
    private var notUsed: [UnusedCode]

    init(of order: Order) throws(Refusal) {
        self.order = order
        notUsed = order.notUsed
        var seen: Set<String> = []
        for code in order.codes {
            guard seen.insert(code.rule.code).inserted else { throw Refusal(.invalidBody, at: code.pointer, "\(code.rule.code) is named twice") }
            let scoped = ScopedCode(code, in: order)
            do throws(Refusal) {
                try order.check(scoped)
                usable.append(scoped)
            } catch {
                notUsed.append(UnusedCode(code: code.rule.code, reason: error.code.description, detail: error.errors.first?.detail ?? error.detail))
            }
        }
        usable.sort { $0.rule.code < $1.rule.code }
    }

    func breakdown() throws(Refusal) -> Breakdown {
        var chosen: [ScopedCode] = []
        for priority in Set(usable.map(\.rule.priority)).sorted(by: >) {
            chosen = try best(adding: usable.filter { $0.rule.priority == priority }, to: chosen)
        }
        var breakdown = try order.breakdown(using: Stacking.sorted(chosen))
        breakdown.notUsed = (notUsed + left(by: chosen)).sorted { $0.code < $1.code }
        return breakdown
    }

    /// Every selection is calculated: at most 2^6 of them.
    private func best(adding candidates: [ScopedCode], to chosen: [ScopedCode]) throws(Refusal) -> [ScopedCode] {
        var best: (codes: [ScopedCode], total: Int64)?
        var failure: Refusal?
        for selection in 0..<(1 << candidates.count) {
            let codes = chosen + candidates.indices.filter { selection & (1 << $0) != 0 }.map { candidates[$0] }
            guard Stacking.conflict(among: codes) == nil else { continue }
            do throws(Refusal) {
                let total = try order.breakdown(using: Stacking.sorted(codes)).totals.total.amountMinor
                if best.map({ Self.isBetter((codes, total), than: $0) }) ?? true { best = (codes, total) }
            } catch {
                // With tax on top an order may be too large without its discounts, and not with them.
                failure = error
            }
        }
        if let best { return best.codes }
        throw failure ?? Refusal(.amountTooLarge, "The amount is too large.")
    }

    private static func isBetter(_ a: (codes: [ScopedCode], total: Int64), than b: (codes: [ScopedCode], total: Int64)) -> Bool {
        if a.total != b.total { return a.total < b.total }
        if a.codes.count != b.codes.count { return a.codes.count < b.codes.count }
        return a.codes.map(\.rule.code).lexicographicallyPrecedes(b.codes.map(\.rule.code))
    }

    private func left(by chosen: [ScopedCode]) -> [UnusedCode] {
        let used = Set(chosen.map(\.rule.code))
        return usable.filter { !used.contains($0.rule.code) }.map { code in
            let conflict = Stacking.conflict(among: chosen + [code])
            let detail =
                conflict == nil
                ? "\(code.rule.code) would not make the order cheaper"
                : "\(code.rule.code) cannot stand beside \(chosen.map(\.rule.code).joined(separator: ", ")), which is better for the customer or comes first"
            return UnusedCode(code: code.rule.code, reason: UnusedCode.notChosen, detail: detail)
        }
    }
}
