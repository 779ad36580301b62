import Synchronization
import TestKit
import Testing

@testable import ConsoleService

struct TraceStoreTests {
    private func names(_ store: TraceStore, _ filter: TraceStore.Filter = .init()) -> [String] {
        store.list(filter, limit: 100).traces.map { String($0.id.description.suffix(2)) }
    }

    @Test("beyond the bound of spans the oldest traces go, whole")
    func spans() throws {
        let store = TraceStore(.init(spans: 5, bytes: 1 << 20))
        _ = store.add(try export("a", SpanSketch(trace: 1, id: 1), SpanSketch(trace: 1, id: 2), SpanSketch(trace: 2, id: 1)))
        _ = store.add(try export("a", SpanSketch(trace: 3, id: 1), SpanSketch(trace: 3, id: 2)))
        #expect(names(store) == ["03", "02", "01"])
        _ = store.add(try export("a", SpanSketch(trace: 2, id: 2)))
        #expect(names(store) == ["03", "02"])
        #expect(store.counts.spans == 4)
        #expect(store.counts.evictedTraces == 1)
        #expect(store.trace(try #require(TraceID(SpanSketch.traceText(1)))) == nil)
    }

    @Test("beyond the bound of bytes too, and what is counted is what is there")
    func bytes() throws {
        let store = TraceStore(.init(spans: 100_000, bytes: 100_000))
        for number in 1...200 {
            _ = store.add(try export("a", SpanSketch(trace: UInt8(number), id: 1, name: String(repeating: "n", count: 2000))))
            #expect(store.counts.bytes <= 100_000)
        }
        let held = store.list(.init(), limit: 1000).traces
        #expect((20...50).contains(held.count))
        #expect(held.reduce(0) { $0 + $1.bytes } == store.counts.bytes)
        #expect(held.reduce(0) { $0 + $1.spans.count } == store.counts.spans)
        #expect(held.first?.id.description == SpanSketch.traceText(200))
    }

    @Test("one trace cannot drive all others out: it is cut, and says so")
    func endless() throws {
        var limits = TraceStore.Limits(spans: 1000, bytes: 1 << 20)
        limits.spansOfTrace = 10
        let store = TraceStore(limits)
        _ = store.add(try export("a", SpanSketch(trace: 1, id: 1)))
        let dropped = store.add(try TraceExport(exportMessage("a", (1...50).map { SpanSketch(trace: 2, id: $0) })))
        #expect(dropped == 40)
        #expect(names(store) == ["02", "01"])
        #expect(store.trace(try #require(TraceID(SpanSketch.traceText(2))))?.dropped == 40)
    }

    @Test("a batch that is sent again changes nothing")
    func repeated() throws {
        let store = TraceStore(.init(spans: 100, bytes: 1 << 20))
        let batch = try export("a", SpanSketch(id: 1, failure: "x"), SpanSketch(id: 2))
        _ = store.add(batch)
        let before = store.counts
        #expect(store.add(batch) == 0)
        #expect(store.counts.spans == before.spans && store.counts.bytes == before.bytes && store.counts.repeated == 2)
        #expect(store.list(.init(), limit: 1).traces.first?.errors == 1)
    }

    @Test("a trace is named after its root, whenever that comes; as long as it has not, after its earliest span")
    func name() throws {
        let store = TraceStore(.init(spans: 100, bytes: 1 << 20))
        func name() -> String? { store.list(.init(), limit: 1).traces.first.map { "\($0.name) \($0.service)" } }
        _ = store.add(try export("b", SpanSketch(id: 3, parent: 2, name: "late", start: 5)))
        #expect(name() == "late b")
        _ = store.add(try export("b", SpanSketch(id: 2, parent: 1, name: "early", start: 1, end: 30)))
        #expect(name() == "early b")
        _ = store.add(try export("a", SpanSketch(id: 1, name: "root", start: 2, end: 20)))
        #expect(name() == "root a")
        let trace = try #require(store.list(.init(), limit: 1).traces.first)
        #expect(trace.duration == 29_000_000)
        #expect(trace.services == ["b", "a"])
    }

    @Test("a list is narrowed by service, outcome, time and order")
    func filters() throws {
        let store = TraceStore(.init(spans: 100, bytes: 1 << 20))
        _ = store.add(try export("a", SpanSketch(trace: 1, id: 1, end: 5, order: "o-1")))
        _ = store.add(try export("b", SpanSketch(trace: 1, id: 2, parent: 1), SpanSketch(trace: 2, id: 1, end: 50, failure: "x", order: "o-2")))
        _ = store.add(try export("a", SpanSketch(trace: 3, id: 1, end: 500, order: "o-1")))
        #expect(names(store, .init(service: "b")) == ["02", "01"])
        #expect(names(store, .init(hasErrors: true)) == ["02"])
        #expect(names(store, .init(hasErrors: false)) == ["03", "01"])
        #expect(names(store, .init(leastDuration: 50_000_000)) == ["03", "02"])
        #expect(names(store, .init(orderID: "o-1")) == ["03", "01"])
        #expect(names(store, .init(service: "a", orderID: "o-2")) == [])
        #expect(store.services == ["a", "b"])
    }

    @Test("pages hold together while traces come and go")
    func pages() throws {
        let store = TraceStore(.init(spans: 10, bytes: 1 << 20))
        for number in 1...10 { _ = store.add(try export("a", SpanSketch(trace: UInt8(number), id: 1))) }
        let first = store.list(.init(), limit: 4)
        #expect(first.traces.map(\.id.low) == [10, 9, 8, 7])
        for number in 11...13 { _ = store.add(try export("a", SpanSketch(trace: UInt8(number), id: 1))) }
        let second = store.list(.init(), limit: 4, before: first.next)
        #expect(second.traces.map(\.id.low) == [6, 5, 4])
        #expect(second.next == nil)
        #expect(store.list(.init(), limit: 4, before: 0).traces.isEmpty)
        #expect(store.list(.init(), limit: 4, before: .max).traces.map(\.id.low) == [13, 12, 11, 10])
    }

    @Test("many traces, each gone by the time the next hundred have come, leave nothing behind")
    func churn() throws {
        let store = TraceStore(.init(spans: 100, bytes: 1 << 20))
        var random = SplitMix64(seed: 3)
        for _ in 0..<3000 {
            let trace = [UInt8](repeating: 1, count: 8) + SpanSketch.bytes(.random(in: .min ... .max, using: &random))
            let span = Message(.bytes(1, trace), .bytes(2, SpanSketch.bytes(1)), .text(5, "x"))
            _ = store.add(try TraceExport(Message(.message(1, Message(.message(2, Message(.message(2, span)))))).bytes))
        }
        #expect(store.counts.traces == 100)
        #expect(store.counts.evictedTraces == 2900)
        #expect(store.list(.init(), limit: 200).traces.count == 100)
    }

    @Test("writers and readers at the same time see whole traces only")
    func concurrency() async throws {
        let store = TraceStore(.init(spans: 200, bytes: 1 << 20))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                group.addTask {
                    for number in 0..<100 {
                        let spans = (1...5).map { SpanSketch(trace: UInt8(writer * 60 + number % 60 + 1), id: UInt64($0 + number * 10)) }
                        _ = store.add(try TraceExport(exportMessage("s\(writer)", spans)))
                    }
                }
            }
            group.addTask {
                for _ in 0..<200 {
                    for trace in store.list(.init(), limit: 50).traces { #expect(Waterfall(trace).rows.count == trace.spans.count) }
                    await Task.yield()
                }
            }
            try await group.waitForAll()
        }
        #expect(store.counts.received == 2000)
        #expect(store.counts.spans <= 200)
    }
}
