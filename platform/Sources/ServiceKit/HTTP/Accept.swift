import HTTPTypes
public import Hummingbird

extension Request {
    /// Which of the media types that a route offers the caller likes best (RFC 9110, 12.5.1).
    ///
    /// The one with the highest quality; of those, one that is named rather than covered by `*`; of those, the one named first. Where none
    /// is acceptable, or nothing is said, or it cannot be read, it is the first offered: an answer is better than a refusal, and a caller
    /// can see its type.
    /// - Parameter offered: lower-case, without parameters; at least one. Parameters of a range other than `q` are passed over.
    public func preferredMediaType(of offered: [String]) -> String {
        let accept = headers[values: .accept].joined(separator: ",")
        let ranges = accept.split(separator: ",").prefix(50).enumerated().compactMap { MediaRange($1, place: $0) }
        var best: (type: String, rank: MediaRange.Rank)?
        for type in offered {
            // The most specific range that covers a type says its quality.
            guard let range = ranges.filter({ $0.covers(type) }).max(by: { $0.specificity < $1.specificity }), range.rank.quality > 0 else {
                continue
            }
            if best.map({ $0.rank < range.rank }) ?? true { best = (type, range.rank) }
        }
        return best?.type ?? offered[0]
    }
}

/// One element of `Accept`, such as `text/*;q=0.5`.
private struct MediaRange {
    struct Rank: Comparable {
        /// Thousandths.
        var quality: Int
        var specificity: Int
        var place: Int

        static func < (a: Rank, b: Rank) -> Bool { (a.quality, a.specificity, -a.place) < (b.quality, b.specificity, -b.place) }
    }

    let type: String
    let rank: Rank
    var specificity: Int { rank.specificity }

    /// nil where it is no media range.
    init?(_ text: Substring, place: Int) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map { String($0).trimmed.lowercased() }
        type = parts[0]
        let halves = type.split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2, !halves[0].isEmpty, !halves[1].isEmpty, halves[0] != "*" || halves[1] == "*" else { return nil }
        var quality = 1000
        for parameter in parts.dropFirst() where parameter.hasPrefix("q=") {
            guard let value = Double(parameter.dropFirst(2)), (0...1).contains(value) else { return nil }
            quality = Int(value * 1000)
        }
        rank = Rank(quality: quality, specificity: halves[0] == "*" ? 0 : halves[1] == "*" ? 1 : 2, place: place)
    }

    func covers(_ other: String) -> Bool {
        switch specificity {
        case 0: true
        case 1: other.hasPrefix(type.dropLast())
        default: other == type
        }
    }
}
