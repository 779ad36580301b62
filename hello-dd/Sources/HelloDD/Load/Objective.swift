import ArgumentParser
internal import Basics

/// A bound on what a run of load may meet, such as `p99=50ms`, `buy.max=2s`, `errors=0` or `errors=0.1%`.
struct Objective: ExpressibleByArgument, Hashable, Sendable {
    enum Bound: Hashable, Sendable {
        /// Of the times, 0 to 100.
        case percentile(Double, TimeSpan)
        case errors(Limit)
        case refused(Limit)
    }

    enum Limit: Hashable, Sendable {
        case count(Int)
        /// Of all that was sent, in percent.
        case share(Double)
    }

    struct Verdict: Sendable {
        let objective: Objective
        let isMet: Bool
        /// What was found instead of, or within, the bound.
        let found: String
    }

    let text: String
    let journey: Journey?
    let bound: Bound

    init?(argument: String) {
        let sides = argument.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
        guard sides.count == 2 else { return nil }
        var name = sides[0]
        var journey: Journey?
        for known in Journey.allCases where name.hasPrefix(known.rawValue + ".") {
            journey = known
            name.removeFirst(known.rawValue.count + 1)
        }
        switch name {
        case "errors", "refused":
            guard let limit = Self.limit(sides[1]) else { return nil }
            bound = name == "errors" ? .errors(limit) : .refused(limit)
        case "max", "p50", "p90", "p95", "p99", "p99.9":
            guard let span = TimeSpan(argument: sides[1]) else { return nil }
            bound = .percentile(name == "max" ? 100 : Double(name.dropFirst()) ?? 100, span)
        default: return nil
        }
        text = argument
        self.journey = journey
    }

    private static func limit(_ text: String) -> Limit? {
        if text.hasSuffix("%") {
            guard let share = Double(text.dropLast()), (0...100).contains(share) else { return nil }
            return .share(share)
        }
        guard let count = Int(text), count >= 0 else { return nil }
        return .count(count)
    }

    /// Where nothing was sent nothing is met: a run that asked nothing proves nothing.
    func verdict(on result: LoadResult) -> Verdict {
        let total = result.total(of: journey)
        guard total.sent > 0 else { return Verdict(objective: self, isMet: false, found: "nothing was sent") }
        switch bound {
        case .percentile(let percentile, let span):
            let found = percentile == 100 ? total.longest : total.percentile(percentile)
            return Verdict(objective: self, isMet: found <= span.value, found: "\(LoadResult.milliseconds(found)) ms")
        // A visitor that was left out got no answer.
        case .errors(let limit): return verdict(total.errors + (journey == nil ? result.leftOut : 0), of: total.sent, limit)
        case .refused(let limit): return verdict(total.refused, of: total.sent, limit)
        }
    }

    private func verdict(_ found: Int, of sent: Int, _ limit: Limit) -> Verdict {
        let isMet =
            switch limit {
            case .count(let count): found <= count
            case .share(let share): Double(found) * 100 <= share * Double(sent)
            }
        return Verdict(objective: self, isMet: isMet, found: "\(ImportView.grouped(found)) of \(ImportView.grouped(sent))")
    }
}
