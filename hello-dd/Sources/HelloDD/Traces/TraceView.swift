internal import HTTPPath
internal import NIOCore

/// A trace as lines for a terminal: a tree of spans at the left, their time as bars at the right.
struct TraceView: Sendable {
    static let leastWidth = 60

    let width: Int
    let style: Style
    /// Attributes and events below each span.
    let details: Bool

    init(width: Int, style: Style, details: Bool = false) {
        self.width = max(Self.leastWidth, width)
        self.style = style
        self.details = details
    }

    /// - Parameter trace: as the console's `GET /api/v1/traces/{traceId}` answers.
    func lines(_ trace: JSON) -> [String] {
        let rows = (trace["spans"]?.array ?? []).map(Row.init)
        let services = (trace["services"]?.array ?? []).compactMap(\.string)
        let columns = Columns(width: width, rows: rows)
        let total = max(1, rows.map { $0.offset + $0.duration }.max() ?? 1)
        var lines = header(trace)
        for (row, tree) in zip(rows, Self.trees(rows.map(\.depth))) {
            lines.append(line(row, tree, columns, services, total: total))
            if details { lines += row.details.map { style.paint("      " + TextWidth.singleLine($0), .quiet) } }
        }
        let failures = rows.filter(\.isError)
        for row in failures.prefix(10) {
            // The reason is what matters, so it keeps its place however long the names are.
            let place = TextWidth.cut("✗ \(TextWidth.singleLine(row.service)): \(TextWidth.singleLine(row.name))", width)
            lines.append(style.paint(row.reason.map { TextWidth.cut("\(place): \(TextWidth.singleLine($0))", 2 * width) } ?? place, .bad))
        }
        if failures.count > 10 { lines.append(style.paint("✗ and \(failures.count - 10) more", .bad)) }
        return lines
    }

    private func header(_ trace: JSON) -> [String] {
        let spans = trace["spanCount"]?.integer ?? 0
        let errors = trace["errorCount"]?.integer ?? 0
        var about = [
            Self.time(trace["durationNanoseconds"]?.integer ?? 0), spans == 1 ? "1 span" : "\(spans) spans",
            errors == 0 ? "no errors" : style.paint(errors == 1 ? "1 error" : "\(errors) errors", .bad),
        ]
        if let orphans = trace["orphanCount"]?.integer, orphans > 0 {
            about.append(style.paint("\(orphans) whose parent has not come", .warning))
        }
        if let dropped = trace["droppedSpans"]?.integer, dropped > 0 { about.append(style.paint("\(dropped) not kept", .warning)) }
        let name = TextWidth.singleLine(trace["name"]?.string ?? "?")
        let service = TextWidth.singleLine(trace["service"]?.string ?? "?")
        var lines = [
            style.paint(name, .strong) + "  \(service)",
            "trace \(trace["traceId"]?.string ?? "?")  \(trace["startTime"]?.string ?? "")  " + about.joined(separator: ", "),
        ]
        let orders = (trace["orderIds"]?.array ?? []).compactMap(\.string).map(TextWidth.singleLine)
        if !orders.isEmpty { lines.append((orders.count == 1 ? "order " : "orders ") + orders.joined(separator: ", ")) }
        return lines
    }

    private func line(_ row: Row, _ tree: String, _ columns: Columns, _ services: [String], total: Int64) -> String {
        let mark = row.isError ? "✗ " : ""
        let name = TextWidth.fitted(tree + mark + TextWidth.singleLine(row.name), columns.name)
        let service = TextWidth.fitted(TextWidth.singleLine(row.service), columns.service)
        let index = services.firstIndex(of: row.service) ?? 0
        let bar = Self.bar(offset: row.offset, duration: row.duration, total: total, width: columns.bar)
        let time = Self.time(row.duration)
        let padding = String(repeating: " ", count: max(0, Columns.time - TextWidth.columns(time)))
        return [
            row.isError ? style.paint(name, .bad) : name, style.service(row.service, as: service, index: index),
            row.isError ? style.paint(bar, .bad) : style.service(row.service, as: bar, index: index), padding + time,
        ].joined(separator: " ")
    }

    /// How the width is shared: the names get what they need, up to half of it.
    struct Columns: Hashable {
        static let time = 9
        var name: Int
        var service: Int
        var bar: Int

        fileprivate init(width: Int, rows: [Row]) {
            service = min(18, rows.map { TextWidth.columns(TextWidth.singleLine($0.service)) }.max() ?? 0)
            let longest = rows.map { TextWidth.columns(TextWidth.singleLine($0.name)) + 2 * min($0.depth, TraceView.mostIndents) + 2 }.max() ?? 0
            let left = width - service - Self.time - 3
            name = min(longest, left * 3 / 5)
            bar = left - name
        }
    }

    /// A span as this view needs it.
    fileprivate struct Row {
        let name: String
        let service: String
        let depth: Int
        let offset: Int64
        let duration: Int64
        let isError: Bool
        let reason: String?
        let details: [String]

        init(_ span: JSON) {
            name = span["name"]?.string ?? "?"
            service = span["service"]?.string ?? "?"
            depth = Int(clamping: span["depth"]?.integer ?? 0)
            offset = max(0, span["offsetNanoseconds"]?.integer ?? 0)
            duration = max(0, min(span["durationNanoseconds"]?.integer ?? 0, .max - offset))
            isError = span["status"]?.string == "error"
            let events = span["events"]?.array ?? []
            let exception = events.first { $0["name"]?.string == "exception" }.map { Self.pairs($0["attributes"]) } ?? []
            reason =
                span["statusMessage"]?.string ?? exception.first { $0.key == "exception.message" }?.value
                ?? Self.pairs(span["attributes"]).first { $0.key == "error.type" }?.value
            details =
                Self.pairs(span["attributes"]).map { "\($0.key) = \($0.value)" }
                + events.map { event in
                    let pairs = Self.pairs(event["attributes"]).map { " \($0.key)=\($0.value)" }.joined()
                    return "+\(TraceView.time(event["offsetNanoseconds"]?.integer ?? 0)) \(event["name"]?.string ?? "?")\(pairs)"
                }
        }

        private static func pairs(_ attributes: JSON?) -> [(key: String, value: String)] {
            (attributes?.array ?? []).map { attribute in
                let value = attribute["value"] ?? .null
                return (attribute["key"]?.string ?? "?", value.string ?? String(buffer: JSONWriter.bytes(value)))
            }
        }
    }

    // MARK: parts, each by itself

    /// Beyond it, deeper spans stand no further to the right.
    private static let mostIndents = 16

    /// The lines of a tree before each of its rows, which are in depth-first order: `│ ├ `.
    static func trees(_ depths: [Int]) -> [String] {
        var trees: [String] = []
        // Whether a row of this depth follows, before one that is less deep ends it; looked at from below.
        var follows: [Bool] = []
        for depth in depths.reversed() {
            let depth = min(depth, mostIndents)
            while follows.count <= depth { follows.append(false) }
            follows.removeLast(follows.count - depth - 1)
            var tree = ""
            if depth > 0 {
                for level in 1..<depth { tree += follows[level] ? "│ " : "  " }
                tree += follows[depth] ? "├ " : "└ "
            }
            follows[depth] = true
            trees.append(tree)
        }
        return trees.reversed()
    }

    /// At least one mark, however short the span is, and none beyond the edge.
    static func bar(offset: Int64, duration: Int64, total: Int64, width: Int) -> String {
        let scale = Double(width) / Double(total)
        let start = min(width - 1, Int(Double(offset) * scale))
        let length = max(1, min(width - start, Int((Double(duration) * scale).rounded())))
        return String(repeating: " ", count: start) + String(repeating: "█", count: length) + String(repeating: " ", count: width - start - length)
    }

    /// `812 ns`, `12.3 µs`, `4.56 ms`, `1.23 s`, `2 min 5 s`: three digits that count.
    static func time(_ nanoseconds: Int64) -> String {
        if nanoseconds < 1000 { return "\(nanoseconds) ns" }
        if nanoseconds >= 60_000_000_000 { return "\(nanoseconds / 60_000_000_000) min \(nanoseconds / 1_000_000_000 % 60) s" }
        var unit: Int64 = 1000
        for name in ["µs", "ms", "s"] {
            if nanoseconds < unit * 1000 || name == "s" {
                let decimals = nanoseconds < unit * 10 ? 2 : nanoseconds < unit * 100 ? 1 : 0
                let divisor = unit / [1, 10, 100][decimals]
                return "\(fixed(nanoseconds / divisor, decimals: decimals)) \(name)"
            }
            unit *= 1000
        }
        return "\(nanoseconds) ns"
    }

    /// The latest traces, one a line.
    static func table(_ traces: [JSON], style: Style) -> [String] {
        var table = Table(header: ["TRACE", "STARTED", "TIME", "SPANS", "SERVICE", "STATUS", "NAME"], rightAligned: [2, 3])
        table.rows = traces.map { trace in
            [
                trace["traceId"]?.string ?? "?", trace["startTime"]?.string ?? "?", time(trace["durationNanoseconds"]?.integer ?? 0),
                String(trace["spanCount"]?.integer ?? 0), TextWidth.fitted(TextWidth.singleLine(trace["service"]?.string ?? "?"), 17),
                trace["status"]?.string ?? "?", TextWidth.singleLine(trace["name"]?.string ?? "?"),
            ]
        }
        return table.lines { row, column, cell in
            guard row != nil else { return style.paint(cell, .quiet) }
            return column == 5 && cell.hasPrefix("error") ? style.paint(cell, .bad) : cell
        }
    }
}
