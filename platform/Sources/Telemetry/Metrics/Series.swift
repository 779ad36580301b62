internal import CoreMetrics
internal import Synchronization

/// The labels of one series, in one order whatever the order they were given in.
struct LabelSet: Hashable, Sendable {
    struct Label: Hashable, Sendable {
        let name: String
        var value: String
    }

    /// Bytes of one value; a longer one is cut, before it is compared.
    static let maximumValueBytes = 256

    /// By name; each once, none with an empty value (which means absent, to Prometheus).
    let labels: [Label]

    init(_ dimensions: [(String, String)]) {
        var labels: [Label] = []
        labels.reserveCapacity(dimensions.count)
        for (name, value) in dimensions {
            let value = LogFields.bounded(value, Self.maximumValueBytes)
            if let index = labels.firstIndex(where: { $0.name == name }) {
                labels[index].value = value
            } else {
                labels.append(Label(name: name, value: value))
            }
        }
        labels.removeAll { $0.value.isEmpty }
        if labels.count > 1 { labels.sort { $0.name < $1.name } }
        self.labels = labels
    }

    /// OpenTelemetry's name for the series that takes what is beyond the bound.
    static let overflow = LabelSet([("otel.metric.overflow", "true")])
}

enum Series: Sendable {
    case counter(CounterSeries)
    case gauge(GaugeSeries)
    case histogram(HistogramSeries)

    init(_ definition: MetricDefinition) {
        switch definition.kind {
        case .counter: self = .counter(CounterSeries())
        case .upDownCounter, .gauge: self = .gauge(GaugeSeries())
        case .histogram: self = .histogram(HistogramSeries(bounds: definition.buckets, secondsPerUnit: definition.unit.seconds ?? 1))
        }
    }

    var value: SeriesValue {
        switch self {
        case .counter(let series): .number(series.value)
        case .gauge(let series): .number(series.value)
        case .histogram(let series): .histogram(series.snapshot)
        }
    }
}

/// What a series holds at one moment.
enum SeriesValue: Sendable, Equatable {
    case number(Double)
    case histogram(HistogramSnapshot)
}

struct HistogramSnapshot: Sendable, Equatable {
    var bounds: [Double]
    /// Not cumulative; one more than ``bounds``, the last for what is above all of them.
    var counts: [UInt64]
    var sum: Double
    /// In the order of their buckets, at most one for each.
    var exemplars: [Exemplar] = []
    var count: UInt64 { counts.reduce(0, &+) }

    func exemplar(ofBucket index: Int) -> Exemplar? {
        exemplars.last { exemplar in (bounds.firstIndex { exemplar.value <= $0 } ?? bounds.count) == index }
    }
}

/// A value that was recorded within a trace that is exported: the way from a bar of a chart to a request.
struct Exemplar: Sendable, Equatable {
    var value: Double
    /// See ``Ticks``.
    var time: Int64
    var traceID: TraceID
    var spanID: SpanID
}

/// A sum that only grows: what is negative, or no number, is ignored.
///
/// Whole and fractional amounts are kept apart, so that counting stays exact above 2^53.
final class CounterSeries: CounterHandler, FloatingPointCounterHandler {
    private let whole = Atomic<Int64>(0)
    private let fractional = Atomic<UInt64>(Double(0).bitPattern)

    var value: Double { Double(whole.load(ordering: .relaxed)) + Double(bitPattern: fractional.load(ordering: .relaxed)) }

    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        var current = whole.load(ordering: .relaxed)
        while true {
            let (sum, overflow) = current.addingReportingOverflow(amount)
            let outcome = whole.weakCompareExchange(expected: current, desired: overflow ? .max : sum, ordering: .relaxed)
            if outcome.exchanged { return }
            current = outcome.original
        }
    }

    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        fractional.add(amount)
    }

    func reset() {
        whole.store(0, ordering: .relaxed)
        fractional.store(Double(0).bitPattern, ordering: .relaxed)
    }
}

/// The last value set, or a sum that also falls.
final class GaugeSeries: MeterHandler, RecorderHandler {
    private let bits = Atomic<UInt64>(Double(0).bitPattern)

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
    func increment(by amount: Double) { bits.add(amount) }
    func decrement(by amount: Double) { bits.add(-amount) }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }
}

/// A distribution over fixed buckets. A lock rather than an atomic per bucket: the sum and the counts of one scrape belong together.
final class HistogramSeries: RecorderHandler, TimerHandler {
    private struct State {
        var counts: [UInt64]
        var sum: Double = 0
        /// The last one of each bucket; empty until there is one.
        var exemplars: [Exemplar?] = []
    }

    private let bounds: [Double]
    private let nanosecondsPerUnit: Double
    private let state: Mutex<State>

    init(bounds: [Double], secondsPerUnit: Double) {
        self.bounds = bounds
        nanosecondsPerUnit = 1e9 * secondsPerUnit
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    var snapshot: HistogramSnapshot {
        let state = state.withLock { $0 }
        return HistogramSnapshot(bounds: bounds, counts: state.counts, sum: state.sum, exemplars: state.exemplars.compactMap { $0 })
    }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) { record(value, in: TraceSpan.current) }

    /// A duration in the metric's own unit; below zero (a clock that was set back) counts as zero.
    func recordNanoseconds(_ duration: Int64) { record(nanoseconds: duration, in: TraceSpan.current) }

    func record(nanoseconds duration: Int64, in span: TraceSpan?) { record(Double(max(0, duration)) / nanosecondsPerUnit, in: span) }

    /// A value that is no finite number would spoil the sum for ever: it is ignored.
    /// - Parameter span: becomes the exemplar if it is exported.
    func record(_ value: Double, in span: TraceSpan?) {
        guard value.isFinite else { return }
        // Few buckets, and most values in the first of them: a scan is quicker than a binary search.
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        let exemplar = span.flatMap { span in
            span.isRecording && span.identity.isSampled
                ? Exemplar(value: value, time: Ticks.now(), traceID: span.identity.traceID, spanID: span.identity.spanID) : nil
        }
        state.withLock { state in
            state.counts[bucket] &+= 1
            state.sum += value
            guard let exemplar else { return }
            if state.exemplars.isEmpty { state.exemplars = Array(repeating: nil, count: bounds.count + 1) }
            state.exemplars[bucket] = exemplar
        }
    }
}

extension Atomic where Value == UInt64 {
    /// Adds to the bits of a `Double`.
    fileprivate borrowing func add(_ amount: Double) {
        var current = load(ordering: .relaxed)
        while true {
            let sum = Double(bitPattern: current) + amount
            let outcome = weakCompareExchange(expected: current, desired: sum.bitPattern, ordering: .relaxed)
            if outcome.exchanged { return }
            current = outcome.original
        }
    }
}
