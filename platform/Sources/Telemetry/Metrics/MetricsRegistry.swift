public import CoreMetrics
internal import Synchronization

/// All metrics of a process: swift-metrics' factory, and what a scrape reads.
///
/// Asking twice for the same name and labels gives the same series, from any thread; what is held is bounded. A name is of one kind,
/// the declared one or else the first that is asked for: a handler of another kind works, but its values are seen by nobody and
/// counted in `telemetry.metrics.rejected`. Series live as long as the registry, destroyed or not: they are shared, and a counter
/// that vanishes and comes back would read as a restart.
public final class MetricsRegistry: MetricsFactory {
    /// Metrics, declared and not. Names come from code, not from requests: the bound is for a mistake.
    static let maximumNames = 1000
    /// Each costs time at every scrape.
    static let maximumObservers = 100

    private struct State {
        var families: [String: Family] = [:]
        /// Every name taken in the text exposition, so that no two metrics share one.
        var expositionNames: Set<String> = []
        var observers: [Observer] = []
    }

    private struct Observer {
        let definitions: [MetricDefinition]
        let read: @Sendable () -> [Double?]
    }

    private let definitions: [String: MetricDefinition]
    private let state: Mutex<State>
    private let overflows = Atomic<Int64>(0)
    private let rejections = Atomic<Int64>(0)

    /// - Parameter definitions: Of two with the same name, the later one counts. A name that is not declared is recorded all the
    ///   same, and shown as `(undeclared)`.
    public init(definitions: [MetricDefinition] = MetricDefinition.platform) {
        self.definitions = Dictionary(definitions.map { ($0.name, $0) }) { $1 }
        var state = State()
        for own in [MetricDefinition.telemetryOverflows, .telemetryRejections] {
            state.expositionNames.formUnion(PrometheusText.names(of: own))
        }
        self.state = Mutex(state)
    }

    /// Adds a metric that is read at each scrape, on the thread that scrapes: `read` is to be quick, and nil leaves the metric out.
    /// A name already in use is refused, and counted in `telemetry.metrics.rejected`.
    public func observe(_ definition: MetricDefinition, read: @escaping @Sendable () -> Double?) {
        observe([definition]) { [read()] }
    }

    /// The same for several metrics that come from one reading: `read` gives a value for each, in order.
    func observe(_ definitions: [MetricDefinition], read: @escaping @Sendable () -> [Double?]) {
        let accepted = state.withLock { state in
            let names = definitions.flatMap { PrometheusText.names(of: $0) }
            guard state.observers.count < Self.maximumObservers, state.expositionNames.isDisjoint(with: names) else { return false }
            state.expositionNames.formUnion(names)
            state.observers.append(Observer(definitions: definitions, read: read))
            return true
        }
        if !accepted { reject() }
    }

    // MARK: MetricsFactory

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        counter(label, dimensions)
    }

    public func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        counter(label, dimensions)
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        if case .gauge(let gauge) = series(label, dimensions, else: .gauge, .unspecified) { return gauge }
        reject()
        return GaugeSeries()
    }

    /// With `aggregate` a distribution, without it (swift-metrics' `Gauge`) the last value; a declaration counts more than either.
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        switch series(label, dimensions, else: aggregate ? .histogram : .gauge, .unspecified) {
        case .gauge(let gauge): return gauge
        case .histogram(let histogram): return histogram
        case .counter, nil:
            reject()
            return GaugeSeries()
        }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        if case .histogram(let histogram) = series(label, dimensions, else: .histogram, .seconds) { return histogram }
        reject()
        return HistogramSeries(bounds: [], secondsPerUnit: 1)
    }

    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}

    private func counter(_ label: String, _ dimensions: [(String, String)]) -> CounterSeries {
        if case .counter(let counter) = series(label, dimensions, else: .counter, .unspecified) { return counter }
        reject()
        return CounterSeries()
    }

    // MARK: Series

    /// The series of a name and its labels; nil if there can be none of that name.
    private func series(
        _ name: String, _ dimensions: [(String, String)], else kind: MetricDefinition.Kind, _ unit: MetricUnit
    ) -> Series? {
        guard let family = family(name, else: kind, unit) else { return nil }
        let (series, overflowed) = family.series(LabelSet(dimensions))
        if overflowed { overflows.wrappingAdd(1, ordering: .relaxed) }
        return series
    }

    private func family(_ name: String, else kind: MetricDefinition.Kind, _ unit: MetricUnit) -> Family? {
        state.withLock { state in
            if let family = state.families[name] { return family }
            let declared = definitions[name]
            let definition = declared ?? MetricDefinition(name: name, unit: unit, kind: kind, description: "")
            let names = PrometheusText.names(of: definition)
            guard state.families.count < Self.maximumNames, state.expositionNames.isDisjoint(with: names) else { return nil }
            state.expositionNames.formUnion(names)
            let family = Family(definition, isDeclared: declared != nil)
            state.families[name] = family
            return family
        }
    }

    private func reject() { rejections.wrappingAdd(1, ordering: .relaxed) }

    // MARK: Reading

    /// Every metric with its series, in the order of names and labels. Each series is whole in itself; series are read one after the other.
    func collect() -> [MetricSnapshot] {
        var metrics: [MetricSnapshot] = []
        // First, and without the lock: what they read may itself record.
        for observer in state.withLock({ $0.observers }) {
            for (definition, value) in zip(observer.definitions, observer.read()) {
                if let value { metrics.append(MetricSnapshot(definition, value)) }
            }
        }
        metrics += state.withLock { Array($0.families.values) }.map { $0.snapshot }
        metrics.append(MetricSnapshot(.telemetryOverflows, Double(overflows.load(ordering: .relaxed))))
        metrics.append(MetricSnapshot(.telemetryRejections, Double(rejections.load(ordering: .relaxed))))
        return metrics.sorted { $0.definition.name < $1.definition.name }
    }

    /// Prometheus' text format 0.0.4 (`Content-Type: text/plain; version=0.0.4; charset=utf-8`), in a fixed order; names by
    /// OpenTelemetry's rules: dots become underscores, then the unit, then `_total` for a counter.
    public func renderPrometheus() -> String { PrometheusText.render(collect()) }

    /// OpenMetrics 1.0 (`Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8`): the same, with exemplars.
    public func renderOpenMetrics() -> String { PrometheusText.render(collect(), .openMetrics) }

    /// The series of a histogram and its labels, for whoever keeps it: cheaper than asking for it each time, and it takes exemplars.
    /// A name that is not a histogram's gives one that nobody sees.
    public func histogram(_ definition: MetricDefinition, _ dimensions: [(String, String)]) -> Histogram {
        if case .histogram(let series) = series(definition.name, dimensions, else: .histogram, .seconds) { return Histogram(series: series) }
        reject()
        return Histogram(series: HistogramSeries(bounds: [], secondsPerUnit: 1))
    }
}

/// One series of a histogram.
public struct Histogram: Sendable {
    fileprivate let series: HistogramSeries

    /// - Parameter span: becomes the exemplar, if it is exported.
    public func record(nanoseconds: Int64, in span: TraceSpan?) { series.record(nanoseconds: nanoseconds, in: span) }

    /// In the metric's own unit.
    public func record(_ value: Double, in span: TraceSpan?) { series.record(value, in: span) }
}

/// A metric and its values at one moment.
struct MetricSnapshot: Sendable {
    let definition: MetricDefinition
    let isDeclared: Bool
    /// By labels, ascending.
    let series: [(labels: LabelSet, value: SeriesValue)]

    init(_ definition: MetricDefinition, isDeclared: Bool = true, series: [(labels: LabelSet, value: SeriesValue)]) {
        self.definition = definition
        self.isDeclared = isDeclared
        self.series = series
    }

    init(_ definition: MetricDefinition, _ value: Double) {
        self.init(definition, series: [(LabelSet([]), .number(value))])
    }
}

/// A metric and its series.
private final class Family: Sendable {
    private let definition: MetricDefinition
    private let isDeclared: Bool
    private let series: Mutex<[LabelSet: Series]> = Mutex([:])

    init(_ definition: MetricDefinition, isDeclared: Bool) {
        self.definition = definition
        self.isDeclared = isDeclared
    }

    func series(_ labels: LabelSet) -> (Series, overflowed: Bool) {
        series.withLock { series in
            if let known = series[labels] { return (known, labels == .overflow) }
            // The overflow series is one more than the bound allows.
            guard series.count < definition.maximumSeries else {
                if let known = series[.overflow] { return (known, true) }
                let overflow = Series(definition)
                series[.overflow] = overflow
                return (overflow, true)
            }
            let new = Series(definition)
            series[labels] = new
            return (new, false)
        }
    }

    var snapshot: MetricSnapshot {
        let all = series.withLock { Array($0) }
        let ordered = all.sorted { a, b in
            a.key.labels.lexicographicallyPrecedes(b.key.labels) { ($0.name, $0.value) < ($1.name, $1.value) }
        }
        return MetricSnapshot(definition, isDeclared: isDeclared, series: ordered.map { ($0.key, $0.value.value) })
    }
}
