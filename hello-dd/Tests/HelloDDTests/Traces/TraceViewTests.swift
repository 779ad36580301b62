import HTTPPath
import Testing

@testable import HelloDD

struct TraceViewTests {
    private static func span(
        _ name: String, _ service: String, depth: Int = 0, at offset: Int = 0, for duration: Int = 1, more: String = ""
    ) -> String {
        """
        {"name": "\(name)", "service": "\(service)", "depth": \(depth), "offsetNanoseconds": \(offset * 1_000_000), "durationNanoseconds": \(duration * 1_000_000),
         "status": "unset", "attributes": [], "events": [] \(more)}
        """
    }

    private static func trace(_ spans: String...) throws -> JSON {
        let text = """
            {"traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "name": "POST /api/v1/orders", "service": "api-gateway",
             "startTime": "2026-11-24T13:00:00.123Z", "durationNanoseconds": 40000000, "spanCount": \(spans.count), "errorCount": 1,
             "services": ["api-gateway", "pricing-service"], "orderIds": ["o-1"], "droppedSpans": 0, "orphanCount": 0,
             "spans": [\(spans.joined(separator: ","))]}
            """
        return try JSON.parse(Array(text.utf8))
    }

    @Test("a trace is a tree with bars, each as long as its span took")
    func waterfall() throws {
        let trace = try Self.trace(
            Self.span("POST /api/v1/orders", "api-gateway", for: 40), Self.span("quote", "pricing-service", depth: 1, at: 10, for: 20),
            Self.span("SELECT", "pricing-service", depth: 2, at: 15, for: 5), Self.span("capture", "api-gateway", depth: 1, at: 30, for: 10))
        #expect(
            TraceView(width: 80, style: .plain).lines(trace) == [
                "POST /api/v1/orders  api-gateway",
                "trace 4bf92f3577b34da6a3ce929d0e0e4736  2026-11-24T13:00:00.123Z  40.0 ms, 4 spans, 1 error",
                "order o-1",
                "POST /api/v1/orders   api-gateway     ████████████████████████████████   40.0 ms",
                "├ quote               pricing-service         ████████████████           20.0 ms",
                "│ └ SELECT            pricing-service             ████                   5.00 ms",
                "└ capture             api-gateway                             ████████   10.0 ms",
            ])
    }

    @Test("a failed span is marked without colours too, and says why below")
    func failure() throws {
        let because =
            #", "status": "error", "events": [{"name": "exception", "offsetNanoseconds": 5, "attributes": [{"key": "exception.message", "value": "sold out"}]}]"#
        let failed = Self.span("reserve", "inventory-service").replacing(
            #""status": "unset", "attributes": [], "events": []"#, with: #""attributes": [] "# + because)
        let lines = TraceView(width: 80, style: .plain).lines(try Self.trace(failed))
        #expect(lines.contains { $0.hasPrefix("✗ reserve ") })
        #expect(lines.last == "✗ inventory-service: reserve: sold out")
    }

    @Test("no line is wider than asked, whatever the names are", arguments: [60, 80, 137])
    func widths(width: Int) throws {
        let names = [
            "x", String(repeating: "very long ", count: 50), "日本語のスパン名がここに入ります", "e\\u0301e\\u0301", "\\u202egnp.exe", "a\\u0000b\\u001b[2Jc", "🛒🛒🛒",
        ]
        let spans = names.enumerated().map { Self.span($1, "service-\($1)", depth: $0 * 5, at: $0, for: 3) }
        let text = spans.joined(separator: ",")
        let trace = try JSON.parse(Array("{\"services\": [], \"spans\": [\(text)]}".utf8))
        let lines = TraceView(width: width, style: .plain).lines(trace).dropFirst(2)
        #expect(lines.map { TextWidth.columns($0) } == Array(repeating: width, count: names.count))
        let all = lines.joined()
        #expect(!all.unicodeScalars.contains { $0.value < 32 || $0.value == 0x202E })
        #expect(all.contains("a^@b"))
    }

    @Test("colours are there if wanted, and take no columns")
    func colours() throws {
        let trace = try Self.trace(Self.span("a", "api-gateway"))
        let plain = TraceView(width: 80, style: .plain).lines(trace)
        let coloured = TraceView(width: 80, style: Style(isOn: true)).lines(trace)
        #expect(coloured.contains { $0.contains("\u{1B}[34m") })
        #expect(coloured.map { $0.replacing(/\u{1B}\[\d+m/, with: "") } == plain)
    }

    @Test("details are attributes and events, one a line, safe to print")
    func details() throws {
        let more =
            #""attributes": [{"key": "db.query.text", "value": "SELECT 1"}, {"key": "n", "value": 3}], "events": [{"name": "wait", "offsetNanoseconds": 2500, "attributes": [{"key": "k", "value": "a\nb"}]}]"#
        let span = Self.span("a", "api-gateway").replacing(#""attributes": [], "events": []"#, with: more)
        let lines = TraceView(width: 80, style: .plain, details: true).lines(try Self.trace(span))
        #expect(lines.suffix(3) == ["      db.query.text = SELECT 1", "      n = 3", "      +2.50 µs wait k=a^Jb"])
    }

    @Test(
        "a time has three digits that count",
        arguments: [
            (0, "0 ns"), (999, "999 ns"), (1000, "1.00 µs"), (12_345, "12.3 µs"), (999_999, "999 µs"), (1_234_567, "1.23 ms"),
            (45_600_000, "45.6 ms"),
            (999_999_999, "999 ms"), (1_500_000_000, "1.50 s"), (59_900_000_000, "59.9 s"), (125_000_000_000, "2 min 5 s"),
        ] as [(Int64, String)])
    func times(nanoseconds: Int64, text: String) {
        #expect(TraceView.time(nanoseconds) == text)
    }

    @Test("the lines of a tree end where its last branch does")
    func trees() {
        #expect(TraceView.trees([0, 1, 2, 2, 1, 2]) == ["", "├ ", "│ ├ ", "│ └ ", "└ ", "  └ "])
        #expect(TraceView.trees([0, 0, 1]) == ["", "", "└ "])
        #expect(TraceView.trees([]) == [])
        #expect(TraceView.trees([0, 1, 2, 3, 1]) == ["", "├ ", "│ └ ", "│   └ ", "└ "])
    }

    @Test("a bar is never invisible and never beyond the edge")
    func bars() {
        #expect(TraceView.bar(offset: 0, duration: 0, total: 100, width: 10) == "█         ")
        #expect(TraceView.bar(offset: 100, duration: 0, total: 100, width: 10) == "         █")
        #expect(TraceView.bar(offset: 50, duration: 50, total: 100, width: 10) == "     █████")
        #expect(TraceView.bar(offset: .max - 1, duration: 1, total: .max, width: 10) == "         █")
    }
}
