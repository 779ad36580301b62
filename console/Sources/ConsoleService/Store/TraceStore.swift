import Synchronization

/// Traces in memory, bounded by spans and by bytes. When there is no room, the oldest trace goes, whole: half a trace misleads.
///
/// A trace is as old as the first of its spans that came. Nothing is kept on disk, and nothing waits here: each call is a few microseconds
/// under one lock, and what a reader gets is a copy that shares its bytes with the store.
final class TraceStore: Sendable {
    struct Limits: Sendable {
        var spans: Int
        var bytes: Int
        /// Of one trace: so that one that never ends cannot drive all others out.
        var spansOfTrace = 2000

        var bytesOfTrace: Int { bytes / 4 }
    }

    /// What has come since the start, and what is there.
    struct Counts: Sendable, Hashable {
        var spans = 0
        var bytes = 0
        var traces = 0
        var received = 0
        var repeated = 0
        var dropped = 0
        var rejected = 0
        var evictedTraces = 0
        var dataPoints = 0
        var logRecords = 0
    }

    /// What a list is narrowed to; nil narrows nothing.
    struct Filter: Sendable {
        var service: String?
        var hasErrors: Bool?
        /// Nanoseconds.
        var leastDuration: UInt64?
        var orderID: String?

        func covers(_ trace: StoredTrace) -> Bool {
            if let service, !trace.services.contains(service) { return false }
            if let hasErrors, hasErrors != (trace.errors > 0) { return false }
            if let leastDuration, trace.duration < leastDuration { return false }
            if let orderID, !trace.orderIDs.contains(orderID) { return false }
            return true
        }
    }

    private struct State {
        /// By age. A trace's number is its place here, plus the number of those that have gone.
        var queue: [TraceID?] = []
        var gone = 0
        var traces: [TraceID: (number: Int, trace: StoredTrace)] = [:]
        /// The last few senders, so that batches of the same one share what it says of itself.
        var resources: [ReceivedResource] = []
        var counts = Counts()
    }

    private let state = Mutex(State())
    let limits: Limits

    /// Senders that are remembered; a shop has a handful.
    private static let mostResources = 32

    init(_ limits: Limits) { self.limits = limits }

    /// - Returns: how many spans were not kept because their trace is full.
    func add(_ export: TraceExport) -> Int {
        state.withLock { state in
            var dropped = 0
            var sender: (told: ReceivedResource, kept: ReceivedResource)?
            for span in export.spans {
                var isNewResource = false
                if sender?.told !== span.resource {
                    let shared = Self.shared(span.resource, &state)
                    sender = (span.resource, shared.resource)
                    isNewResource = shared.isNew
                }
                // Taken out of the dictionary, so that it is changed in place and not copied.
                let known = state.traces.removeValue(forKey: span.traceID)
                var entry = known ?? (state.gone + state.queue.count, StoredTrace(id: span.traceID))
                if known == nil { state.queue.append(span.traceID) }
                let outcome = entry.trace.add(
                    span, resource: sender?.kept ?? span.resource, newResourceBytes: isNewResource ? span.resource.size : 0,
                    mostSpans: limits.spansOfTrace, mostBytes: limits.bytesOfTrace)
                if known == nil, entry.trace.spans.isEmpty { state.queue.removeLast() } else { state.traces[span.traceID] = entry }
                switch outcome {
                case .added(let size):
                    state.counts.spans += 1
                    state.counts.bytes += size
                    evict(&state)
                case .known: state.counts.repeated += 1
                case .dropped: dropped += 1
                }
            }
            state.counts.received += export.spans.count
            state.counts.dropped += dropped
            state.counts.rejected += export.rejected
            state.counts.traces = state.traces.count
            return dropped
        }
    }

    func count(dataPoints: Int = 0, logRecords: Int = 0) {
        state.withLock { state in
            state.counts.dataPoints += dataPoints
            state.counts.logRecords += logRecords
        }
    }

    var counts: Counts { state.withLock(\.counts) }

    /// The services of the traces that are there, by name.
    var services: [String] {
        state.withLock { state in state.traces.values.reduce(into: Set<String>()) { $0.formUnion($1.trace.services) } }.sorted()
    }

    func trace(_ id: TraceID) -> StoredTrace? { state.withLock { $0.traces[id]?.trace } }

    /// Traces, the one that began to come last first.
    /// - Parameter before: the number of the last one of the page before.
    /// - Returns: at most `limit` traces, and, if there are more, the number to go on from.
    func list(_ filter: Filter, limit: Int, before: Int? = nil) -> (traces: [StoredTrace], next: Int?) {
        state.withLock { state in
            var found: [StoredTrace] = []
            var number = min(before ?? .max, state.gone + state.queue.count)
            var last = number
            while number > state.gone {
                number -= 1
                guard let id = state.queue[number - state.gone], let trace = state.traces[id]?.trace, filter.covers(trace) else { continue }
                if found.count == limit { return (found, last) }
                found.append(trace)
                last = number
            }
            return (found, nil)
        }
    }

    private func evict(_ state: inout State) {
        var first = 0
        while state.counts.spans > limits.spans || state.counts.bytes > limits.bytes, first < state.queue.count {
            if let id = state.queue[first], let trace = state.traces.removeValue(forKey: id)?.trace {
                state.counts.spans -= trace.spans.count
                state.counts.bytes -= trace.bytes
                state.counts.evictedTraces += 1
                state.queue[first] = nil
            }
            first += 1
        }
        // Many at once, so that moving the rest up costs little a trace.
        guard first >= 256 else { return }
        state.queue.removeFirst(first)
        state.gone += first
    }

    /// An equal resource that is known, or this one, known from now on.
    private static func shared(_ resource: ReceivedResource, _ state: inout State) -> (resource: ReceivedResource, isNew: Bool) {
        if let known = state.resources.last(where: { $0 === resource || $0.size == resource.size && $0.attributes == resource.attributes }) {
            return (known, false)
        }
        if state.resources.count == mostResources { state.resources.removeFirst() }
        state.resources.append(resource)
        return (resource, true)
    }
}
