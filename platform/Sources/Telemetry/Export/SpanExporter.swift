internal import CoreMetrics
internal import NIOCore

/// Takes spans from the queue, batch by batch, and sends them; nobody else waits for that.
final class SpanExporter: Sendable {
    struct Options: Sendable, Hashable {
        /// Spans that wait at most. OpenTelemetry's default, 2,048, is a tenth of a second of a busy gateway; this is about 8 MB.
        var capacity = 8192
        /// Spans in one request.
        var batchSize = 512
        /// How long a batch that is not full waits.
        var delay = Duration.seconds(5)
    }

    let queue: SpanQueue
    private let sender: OTLPSender
    private let encoder: OTLPEncoder
    private let counts: ExportCounts
    private let wakes: AsyncStream<Wake>
    private let waker: AsyncStream<Wake>.Continuation

    private enum Wake { case full, everything }

    init(_ options: Options, _ sender: OTLPSender, _ encoder: OTLPEncoder, _ counts: ExportCounts) {
        // One wake-up that was not seen yet is as good as many.
        let (wakes, waker) = AsyncStream.makeStream(of: Wake.self, bufferingPolicy: .bufferingNewest(1))
        self.wakes = wakes
        self.waker = waker
        self.sender = sender
        self.encoder = encoder
        self.counts = counts
        queue = SpanQueue(capacity: options.capacity, batchSize: options.batchSize, dropped: counts.dropped("queue_full")) { waker.yield(.full) }
    }

    /// Exports until ``stop()``, then what is left, and returns.
    func run() async {
        for await wake in wakes {
            while queue.count >= (wake == .everything ? 1 : queue.batchSize), !Task.isCancelled { await export(queue.next()) }
        }
        while queue.count > 0, !Task.isCancelled { await export(queue.next()) }
        counts.dropped("shutdown").increment(by: Int64(queue.close()))
    }

    /// Has everything exported that waits.
    func flush() { waker.yield(.everything) }

    func stop() {
        sender.hurry()
        waker.finish()
    }

    private func export(_ spans: [SpanRecord]) async {
        guard !spans.isEmpty else { return }
        let outcome = await sender.send(encoder.traces(spans, offset: Ticks.toUnixTime()))
        counts.count(outcome, items: spans.count)
    }
}

/// What became of the items of one signal, in the process' own metrics.
struct ExportCounts: Sendable {
    private let registry: MetricsRegistry
    private let signal: String
    private let exported: any CounterHandler
    private let queueFull: any CounterHandler
    private let rejected: any CounterHandler
    private let retriesExhausted: any CounterHandler
    private let shutdown: any CounterHandler

    init(_ registry: MetricsRegistry, signal: String) {
        self.registry = registry
        self.signal = signal
        // Made now and not at the first loss, so that zero is seen.
        func counter(_ definition: MetricDefinition, _ labels: [(String, String)]) -> any CounterHandler {
            registry.makeCounter(label: definition.name, dimensions: [("signal", signal)] + labels)
        }
        exported = counter(.telemetryExported, [])
        queueFull = counter(.telemetryDropped, [("reason", "queue_full")])
        rejected = counter(.telemetryDropped, [("reason", "rejected")])
        retriesExhausted = counter(.telemetryDropped, [("reason", "retries_exhausted")])
        shutdown = counter(.telemetryDropped, [("reason", "shutdown")])
    }

    func dropped(_ reason: String) -> any CounterHandler {
        switch reason {
        case "queue_full": queueFull
        case "rejected": rejected
        case "shutdown": shutdown
        default: retriesExhausted
        }
    }

    /// A request that the collector did not take.
    func failed(_ type: String) {
        registry.makeCounter(label: MetricDefinition.telemetryExportFailures.name, dimensions: [("signal", signal), ("error.type", type)])
            .increment(by: 1)
    }

    func count(_ outcome: OTLPSender.Outcome, items: Int) {
        switch outcome {
        case .taken(let refused):
            let refused = min(max(0, refused), items)
            exported.increment(by: Int64(items - refused))
            rejected.increment(by: Int64(refused))
        case .refused: rejected.increment(by: Int64(items))
        case .gaveUp: retriesExhausted.increment(by: Int64(items))
        }
    }
}
