internal import CoreMetrics
internal import Metrics
internal import Synchronization

/// The series of a histogram of durations, kept by what tells them apart: asking swift-metrics for one costs more than recording in it.
public final class DurationSeries<Key: Hashable & Sendable>: Sendable {
    /// Keys are made of what code fixes (routes, codes, statuses); the bound is for a mistake.
    private static var mostKept: Int { 1000 }

    private let definition: MetricDefinition
    private let labels: @Sendable (Key) -> [(String, String)]
    private let kept = Mutex<[Key: Metrics.Timer]>([:])

    /// - Parameter labels: those of one key; an empty value counts as absent.
    public init(_ definition: MetricDefinition, labels: @escaping @Sendable (Key) -> [(String, String)]) {
        self.definition = definition
        self.labels = labels
    }

    public func record(nanoseconds: Int64, _ key: Key) { timer(key).recordNanoseconds(nanoseconds) }

    private func timer(_ key: Key) -> Metrics.Timer {
        kept.withLock { kept in
            if let timer = kept[key] { return timer }
            let timer = Metrics.Timer(label: definition.name, dimensions: labels(key))
            if kept.count < Self.mostKept { kept[key] = timer }
            return timer
        }
    }
}
