import HTTPPath
import NIOCore
import Testing

@testable import ConsoleService

struct WaterfallTests {
    private func waterfall(_ spans: SpanSketch...) throws -> Waterfall {
        let store = TraceStore(.init(spans: 10_000, bytes: 64 << 20))
        _ = store.add(try TraceExport(exportMessage("a", spans)))
        return Waterfall(try #require(store.list(.init(), limit: 1).traces.first))
    }

    private func shape(_ waterfall: Waterfall) -> [String] {
        waterfall.rows.map { "\($0.depth) \($0.span.name) +\($0.offset / 1_000_000)\($0.isOrphan ? " orphan" : "")" }
    }

    @Test("each span stands below its parent, siblings by their start")
    func order() throws {
        let rows = try waterfall(
            SpanSketch(id: 4, parent: 2, name: "grandchild", start: 3), SpanSketch(id: 3, parent: 1, name: "second", start: 6),
            SpanSketch(id: 2, parent: 1, name: "first", start: 2), SpanSketch(id: 1, name: "root", start: 1))
        #expect(shape(rows) == ["0 root +0", "1 first +1", "2 grandchild +2", "1 second +5"])
    }

    @Test("a span whose parent is not here is an orphan, and is shown all the same")
    func orphan() throws {
        let rows = try waterfall(
            SpanSketch(id: 1, name: "root"), SpanSketch(id: 9, parent: 8, name: "lost", start: 4),
            SpanSketch(id: 10, parent: 9, name: "its child", start: 5))
        #expect(shape(rows) == ["0 root +0", "0 lost +4 orphan", "1 its child +5"])
    }

    @Test("spans that are each other's parents, or their own, are shown once and end the walk")
    func rings() throws {
        let ring = try waterfall(SpanSketch(id: 1, parent: 2, name: "a"), SpanSketch(id: 2, parent: 1, name: "b", start: 1))
        #expect(shape(ring) == ["0 a +0 orphan", "1 b +1"])
        let own = try waterfall(SpanSketch(id: 1, parent: 1, name: "a"))
        #expect(shape(own) == ["0 a +0 orphan"])
    }

    @Test("a chain as long as a trace may be is walked without recursion")
    func chain() throws {
        let store = TraceStore(.init(spans: 10_000, bytes: 64 << 20))
        _ = store.add(try TraceExport(exportMessage("a", (1...2000).map { SpanSketch(id: $0, parent: $0 - 1) })))
        let rows = Waterfall(try #require(store.list(.init(), limit: 1).traces.first)).rows
        #expect(rows.map(\.depth) == Array(0..<2000))
    }

    @Test("times that make no sense are no reason to fail")
    func times() throws {
        let store = TraceStore(.init(spans: 100, bytes: 1 << 20))
        let spans = [
            Message(.bytes(1, SpanSketch.traceBytes(1)), .bytes(2, SpanSketch.bytes(1)), .fixed64(7, .max), .fixed64(8, 0)),
            Message(.bytes(1, SpanSketch.traceBytes(1)), .bytes(2, SpanSketch.bytes(2)), .fixed64(7, 0), .fixed64(8, .max)),
        ]
        _ = store.add(try TraceExport(Message(.message(1, Message(.message(2, Message(spans.map { .message(2, $0) }))))).bytes))
        let text = String(buffer: JSONWriter.bytes(TraceDetail(try #require(store.list(.init(), limit: 1).traces.first))))
        let json = try JSON.parse(Array(text.utf8))
        #expect(json["durationNanoseconds"]?.integer == .max)
        #expect(json["spans"]?.array?.count == 2)
    }

    @Test("an attribute's value keeps its type, and a number that JSON readers round is a text")
    func values() throws {
        func text(_ value: AttributeValue) -> String { String(buffer: JSONWriter.bytes(value)) }
        #expect(text(.string("<b>\"")) == #""<b>\"""#)
        #expect(text(.integer(1 << 53)) == "9007199254740992")
        #expect(text(.integer(.max)) == #""9223372036854775807""#)
        #expect(text(.integer(.min)) == #""-9223372036854775808""#)
        #expect(text(.double(.nan)) == #""nan""#)
        #expect(text(.double(1.5)) == "1.5")
        #expect(text(.bytes([0, 171])) == #""00ab""#)
        #expect(text(.array([.bool(true), .empty])) == "[true,null]")
        #expect(text(.map([Attribute(key: "k", value: .integer(1))])) == #"[{"key":"k","value":1}]"#)
    }
}
