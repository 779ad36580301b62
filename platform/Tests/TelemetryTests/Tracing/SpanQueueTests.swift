import CoreMetrics
import Synchronization
import Testing
import Tracing

@testable import Telemetry

@Suite("The queue of spans")
struct SpanQueueTests {
    private let registry = MetricsRegistry()
    private let wakes = Wakes()

    private final class Wakes: Sendable {
        let count = Atomic<Int>(0)
    }

    private func queue(_ capacity: Int, _ batch: Int) -> SpanQueue {
        SpanQueue(
            capacity: capacity, batchSize: batch, dropped: registry.makeCounter(label: "dropped", dimensions: []),
            wake: { [wakes] in wakes.count.add(1, ordering: .relaxed) })
    }

    private func put(_ count: Int, into queue: SpanQueue) {
        let root = TelemetryTracer(sink: queue).begin("root")
        for index in 0..<count { root.record(child: "\(index)", kind: .internal, start: 1, end: 2, attributes: []) }
    }

    private var dropped: Double {
        registry.collect().first { $0.definition.name == "dropped" }?.series.first.flatMap { if case .number(let n) = $0.value { n } else { nil } }
            ?? -1
    }

    @Test("what is more than it holds is dropped and counted, and the oldest stay")
    func bound() {
        let queue = queue(10, 4)
        put(13, into: queue)
        #expect(queue.count == 10)
        #expect(dropped == 3)
        #expect(queue.next().map(\.name) == ["0", "1", "2", "3"])
        #expect(queue.next().map(\.name) == ["4", "5", "6", "7"])
        #expect(queue.next().map(\.name) == ["8", "9"])
        #expect(queue.next().isEmpty)
    }

    @Test("the exporter is woken when a batch is full, and not for each span")
    func wakesOnce() {
        let queue = queue(100, 4)
        put(3, into: queue)
        #expect(wakes.count.load(ordering: .relaxed) == 0)
        put(20, into: queue)
        #expect(wakes.count.load(ordering: .relaxed) == 1)
        _ = queue.next()
        while queue.count > 0 { _ = queue.next() }
        put(4, into: queue)
        #expect(wakes.count.load(ordering: .relaxed) == 2)
    }

    @Test("a closed one takes nothing more and says what it gave up")
    func close() {
        let queue = queue(10, 4)
        put(3, into: queue)
        #expect(queue.close() == 3)
        put(2, into: queue)
        #expect(queue.count == 0)
        #expect(dropped == 2)
    }
}
