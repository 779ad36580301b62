package import CoreMetrics
internal import Synchronization

/// Spans that wait for their export. Bounded: when the collector is slow or gone, what is more is dropped and counted, and nobody waits.
package final class SpanQueue: SpanSink {
    private struct State {
        var spans: [SpanRecord] = []
        var isClosed = false
    }

    let capacity: Int
    /// Spans that are worth an export of their own.
    let batchSize: Int
    private let state: Mutex<State>
    private let dropped: any CounterHandler
    private let wake: @Sendable () -> Void

    /// - Parameters:
    ///   - dropped: counts spans that found the queue full.
    ///   - wake: called when a batch is full, at most once for each; must be quick.
    package init(capacity: Int, batchSize: Int, dropped: any CounterHandler, wake: @escaping @Sendable () -> Void) {
        precondition(capacity > 0 && batchSize > 0)
        self.capacity = capacity
        self.batchSize = min(batchSize, capacity)
        self.dropped = dropped
        self.wake = wake
        var state = State()
        state.spans.reserveCapacity(self.batchSize)
        self.state = Mutex(state)
    }

    var count: Int { state.withLock { $0.spans.count } }

    package func take(_ span: consuming SpanRecord) {
        let span = span
        let count = state.withLock { state -> Int? in
            guard state.spans.count < capacity, !state.isClosed else { return nil }
            state.spans.append(span)
            return state.spans.count
        }
        if count == nil { dropped.increment(by: 1) }
        if count == batchSize { wake() }
    }

    /// Up to a batch, oldest first.
    package func next() -> [SpanRecord] {
        var batch: [SpanRecord] = []
        batch.reserveCapacity(batchSize)
        state.withLock { state in
            if state.spans.count <= batchSize {
                swap(&batch, &state.spans)
            } else {
                batch.append(contentsOf: state.spans[..<batchSize])
                state.spans.removeFirst(batchSize)
            }
        }
        return batch
    }

    /// Takes no more, and gives up what is left: how many those are.
    func close() -> Int {
        state.withLock { state in
            state.isClosed = true
            defer { state.spans = [] }
            return state.spans.count
        }
    }
}
