internal import Basics

/// Brings lines of several services into the order of their times.
enum LogOrder {
    /// Lines of one service's log, in the order they were written.
    struct Excerpt: Hashable, Sendable {
        var service: Service
        var lines: [[UInt8]]
        /// When the last of them was written, to the second: the lines that people read name the time of day only.
        var lastWritten: Timestamp
    }

    private enum Stamp: Hashable {
        case full(Timestamp)
        /// Microseconds since midnight, UTC.
        case ofDay(Int64)
    }

    private static let day: Int64 = 86_400_000_000

    /// The lines of each service keep their order; a line without a time belongs to the one before it. Without times at all, one
    /// service follows the other.
    static func merged(_ excerpts: [Excerpt]) -> [(Service, [UInt8])] {
        var all: [(time: Timestamp, line: (Service, [UInt8]))] = []
        for excerpt in excerpts {
            var last = Timestamp(microseconds: .min)
            for (line, time) in zip(excerpt.lines, times(excerpt)) {
                // Never back: a clock that was set must not tear a service's lines apart.
                last = max(last, time ?? last)
                all.append((last, (excerpt.service, line)))
            }
        }
        return all.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element.line)
    }

    /// The day of a line that names none is found from the end: the last line was written when the file last changed, and a time of day
    /// that is later than the line after it is yesterday's.
    private static func times(_ excerpt: Excerpt) -> [Timestamp?] {
        var next = excerpt.lastWritten.microseconds + 1_000_000
        var times: [Timestamp?] = []
        for line in excerpt.lines.reversed() {
            switch stamp(of: line) {
            case .full(let time)?:
                next = time.microseconds
                times.append(time)
            case .ofDay(let time)?:
                var candidate = next / day * day + time
                // A second: lines of one moment may have been written in another order.
                if candidate > next + 1_000_000 { candidate -= day }
                next = min(next, candidate)
                times.append(Timestamp(microseconds: candidate))
            case nil: times.append(nil)
            }
        }
        return times.reversed()
    }

    /// `12:03:04.567` at the beginning of a line, or the first RFC 3339 time among its first 120 bytes, as in a field of a JSON one.
    private static func stamp(of line: [UInt8]) -> Stamp? {
        let head = line.prefix(120)
        if let time = Timestamp("1970-01-01T" + String(decoding: head.prefix(12), as: UTF8.self) + "Z") { return .ofDay(time.microseconds) }
        for start in head.indices where (48...57).contains(head[start]) {
            let candidate = head[start...].prefix { (48...58).contains($0) || "-.TZ+".utf8.contains($0) }
            if candidate.count >= 20, let time = Timestamp(String(decoding: candidate, as: UTF8.self)) { return .full(time) }
        }
        return nil
    }
}
