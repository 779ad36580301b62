internal import NIOCore
internal import Synchronization

/// Tells the collector all metrics, at an interval.
final class MetricExporter: Sendable {
    private let registry: MetricsRegistry
    private let temporality: Temporality
    private let sender: OTLPSender
    private let encoder: OTLPEncoder
    private let counts: ExportCounts
    private let begun: UInt64
    private let state: Mutex<State>

    private struct State {
        var deltas = MetricDeltas()
        /// The last export that was taken; see ``Ticks``.
        var exportedAt: Int64
    }

    init(_ registry: MetricsRegistry, _ temporality: Temporality, _ sender: OTLPSender, _ encoder: OTLPEncoder, _ counts: ExportCounts) {
        self.registry = registry
        self.temporality = temporality
        self.sender = sender
        self.encoder = encoder
        self.counts = counts
        let now = Ticks.now()
        begun = OTLPEncoder.time(now, Ticks.toUnixTime())
        state = Mutex(State(exportedAt: now))
    }

    /// One export. Not to be called while another is going on.
    func export() async {
        let metrics = registry.collect()
        let (now, offset) = (Ticks.now(), Ticks.toUnixTime())
        let (exports, previous) = state.withLock { state in
            let exports =
                temporality == .delta
                ? state.deltas.since(metrics, exemplarsAfter: state.exportedAt)
                : metrics.map { metric in
                    MetricExport(definition: metric.definition, points: metric.series.map { .init(labels: $0.labels, value: $0.value) })
                }
            return (exports, state.exportedAt)
        }
        let points = exports.reduce(0) { $0 + $1.points.count }
        guard points > 0 else { return }
        let times = OTLPEncoder.Times(begun: begun, previous: OTLPEncoder.time(previous, offset), now: OTLPEncoder.time(now, offset))
        let outcome = await sender.send(encoder.metrics(exports, temporality, times, offset: offset))
        // What was not told now is part of the next export, so it is not lost; only what the collector refuses for good is.
        guard outcome != .gaveUp else { return }
        counts.count(outcome, items: points)
        state.withLock { state in
            state.deltas.commit(metrics)
            state.exportedAt = now
        }
    }

    func hurry() { sender.hurry() }
}
