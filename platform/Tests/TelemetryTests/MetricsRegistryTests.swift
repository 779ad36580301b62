import Metrics
import Testing

@testable import Telemetry

@Suite struct MetricsRegistryTests {
    static let work = MetricDefinition(
        name: "work.duration", unit: .seconds, kind: .histogram, description: "Time of a piece of work.", buckets: [0.1, 0.5, 1])

    private func make(_ definitions: MetricDefinition...) -> MetricsRegistry { MetricsRegistry(definitions: definitions) }

    private func values(_ registry: MetricsRegistry, _ name: String) -> [[String: String]: SeriesValue] {
        let series = registry.collect().filter { $0.definition.name == name }.flatMap(\.series)
        return Dictionary(
            uniqueKeysWithValues: series.map { series in
                (Dictionary(uniqueKeysWithValues: series.labels.labels.map { ($0.name, $0.value) }), series.value)
            })
    }

    @Test("a value falls into the first bucket whose bound it does not exceed")
    func buckets() {
        let registry = make(Self.work)
        let recorder = Recorder(label: "work.duration", dimensions: [], aggregate: true, factory: registry)
        for value in [0, 0.1, 0.100001, 0.5, 1, 1.5, 100] { recorder.record(value) }
        recorder.record(Double.nan)
        recorder.record(Double.infinity)
        let expected = HistogramSnapshot(bounds: [0.1, 0.5, 1], counts: [2, 2, 1, 2], sum: 0 + 0.1 + 0.100001 + 0.5 + 1 + 1.5 + 100)
        #expect(values(registry, "work.duration") == [[:]: .histogram(expected)])
    }

    @Test("a timer records in the unit of its metric", arguments: [(MetricUnit.seconds, 0.25), (.milliseconds, 250), (MetricUnit("us"), 250_000)])
    func timerUnits(_ unit: MetricUnit, _ sum: Double) {
        let registry = make(MetricDefinition(name: "t", unit: unit, kind: .histogram, description: ""))
        let timer = Timer(label: "t", dimensions: [], factory: registry)
        timer.recordMilliseconds(250)
        timer.recordNanoseconds(-5)
        guard case .histogram(let histogram)? = values(registry, "t")[[:]] else {
            Issue.record("no histogram")
            return
        }
        #expect(abs(histogram.sum - sum) < sum * 1e-9)
        #expect(histogram.count == 2)
        #expect(histogram.counts[0] == 1)
        // The advised bounds are in seconds: 0.25 s is the seventh of them whatever the metric's unit.
        #expect(histogram.counts[6] == 1)
    }

    @Test("bounds are sorted, without doubles and what is not finite")
    func bounds() {
        let definition = MetricDefinition(name: "h", unit: .one, kind: .histogram, description: "", buckets: [5, 1, .infinity, 1, .nan, 3])
        #expect(definition.buckets == [1, 3, 5])
        let milliseconds = MetricDefinition(name: "ms", unit: .milliseconds, kind: .histogram, description: "").buckets
        #expect(milliseconds == [5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000])
        #expect(MetricDefinition(name: "c", unit: .one, kind: .counter, description: "", buckets: [1]).buckets.isEmpty)
    }

    @Test("a counter adds whole and fractional amounts, and never falls")
    func counters() {
        let registry = make()
        let whole = Counter(label: "whole", dimensions: [], factory: registry)
        whole.increment(by: 3)
        whole.increment(by: -5)
        let fractional = FloatingPointCounter(label: "fractional", dimensions: [], factory: registry)
        fractional.increment(by: 0.5)
        fractional.increment(by: 0.25)
        fractional.increment(by: -0.5)
        fractional.increment(by: Double.nan)
        let full = Counter(label: "full", dimensions: [], factory: registry)
        full.increment(by: Int64.max)
        full.increment(by: Int64.max)
        #expect(values(registry, "whole") == [[:]: .number(3)])
        #expect(values(registry, "fractional") == [[:]: .number(0.75)])
        #expect(values(registry, "full") == [[:]: .number(Double(Int64.max))])
    }

    @Test("a meter goes up and down; a gauge keeps the last value")
    func gauges() {
        let registry = make()
        let meter = Meter(label: "meter", dimensions: [], factory: registry)
        meter.set(5)
        meter.increment(by: 2.5)
        meter.decrement()
        let gauge = Gauge(label: "gauge", dimensions: [], factory: registry)
        gauge.record(1)
        gauge.record(-2.5)
        #expect(values(registry, "meter") == [[:]: .number(6.5)])
        #expect(values(registry, "gauge") == [[:]: .number(-2.5)])
    }

    @Test("the same labels are the same series, whichever comes first")
    func labelOrder() {
        let registry = make()
        Counter(label: "c", dimensions: [("a", "1"), ("b", "2")], factory: registry).increment()
        Counter(label: "c", dimensions: [("b", "2"), ("a", "1"), ("empty", "")], factory: registry).increment()
        Counter(label: "c", dimensions: [("a", "x"), ("b", "2"), ("a", "1")], factory: registry).increment()
        #expect(values(registry, "c") == [["a": "1", "b": "2"]: .number(3)])
    }

    @Test("label sets beyond the bound go to one overflow series, and are counted")
    func labelBound() {
        let registry = make(MetricDefinition(name: "c", unit: .one, kind: .counter, description: "", maximumSeries: 3))
        for round in 1...2 {
            for value in 0..<10 { Counter(label: "c", dimensions: [("id", "\(value)")], factory: registry).increment(by: round) }
        }
        #expect(
            values(registry, "c") == [
                ["id": "0"]: .number(3), ["id": "1"]: .number(3), ["id": "2"]: .number(3), ["otel.metric.overflow": "true"]: .number(21),
            ])
        #expect(values(registry, "telemetry.series.overflows") == [[:]: .number(14)])
    }

    @Test("a metric that sets no bound has one of 1,000 series")
    func standardBound() {
        let registry = make()
        for value in 0..<1500 { Counter(label: "c", dimensions: [("id", "\(value)")], factory: registry).increment() }
        #expect(values(registry, "c").count == 1001)
        #expect(values(registry, "c")[["otel.metric.overflow": "true"]] == .number(500))
    }

    @Test("a long label value is cut, so that a request cannot fill the memory with one")
    func longLabels() throws {
        let registry = make()
        Counter(label: "c", dimensions: [("path", String(repeating: "x", count: 100_000))], factory: registry).increment()
        let labels = try #require(values(registry, "c").keys.first)
        #expect(try #require(labels["path"]).utf8.count < 300)
    }

    @Test("names are bounded too")
    func nameBound() {
        let registry = make()
        for name in 0..<1200 { Counter(label: "c\(name)", dimensions: [], factory: registry).increment() }
        #expect(values(registry, "c999") == [[:]: .number(1)])
        #expect(values(registry, "c1000").isEmpty)
        #expect(values(registry, "telemetry.metrics.rejected") == [[:]: .number(200)])
    }

    @Test("a name keeps its kind: another one's values are refused and counted")
    func kinds() {
        let registry = make(Self.work, MetricDefinition(name: "level", unit: .one, kind: .gauge, description: ""))
        Counter(label: "work.duration", dimensions: [], factory: registry).increment()
        Timer(label: "level", dimensions: [], factory: registry).recordNanoseconds(1)
        Meter(label: "work.duration", dimensions: [], factory: registry).set(1)
        Recorder(label: "level", dimensions: [], aggregate: true, factory: registry).record(7)
        #expect(values(registry, "level") == [[:]: .number(7)])
        #expect(values(registry, "telemetry.metrics.rejected") == [[:]: .number(3)])
    }

    @Test("two names that the exposition could not tell apart are not both taken")
    func sameExpositionName() {
        let registry = make()
        Counter(label: "a.b", dimensions: [], factory: registry).increment()
        Counter(label: "a_b", dimensions: [], factory: registry).increment()
        registry.observe(MetricDefinition(name: "telemetry.metrics.rejected", unit: .count("lookup"), kind: .counter, description: "")) { 99 }
        #expect(values(registry, "a_b").isEmpty)
        #expect(values(registry, "telemetry.metrics.rejected") == [[:]: .number(2)])
    }

    @Test("an observed metric is read at each scrape, and left out while it has no value")
    func observed() {
        let registry = make()
        let reads = Counter(label: "reads", dimensions: [], factory: registry)
        registry.observe(MetricDefinition(name: "pool.size", unit: .count("connection"), kind: .gauge, description: "")) {
            reads.increment()
            return 4
        }
        registry.observe(MetricDefinition(name: "absent", unit: .one, kind: .gauge, description: "")) { nil }
        #expect(values(registry, "pool.size") == [[:]: .number(4)])
        #expect(values(registry, "absent").isEmpty)
        #expect(values(registry, "reads") == [[:]: .number(3)])
    }

    @Test("nothing is lost when tasks record at once")
    func concurrency() async {
        let registry = make(Self.work)
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for _ in 0..<2000 {
                        Counter(label: "c", dimensions: [("task", "\(task % 2)")], factory: registry).increment()
                        FloatingPointCounter(label: "f", dimensions: [], factory: registry).increment(by: 0.5)
                        Meter(label: "m", dimensions: [], factory: registry).increment(by: 1)
                        Recorder(label: "work.duration", dimensions: [], aggregate: true, factory: registry).record(0.25)
                    }
                }
            }
        }
        #expect(values(registry, "c") == [["task": "0"]: .number(8000), ["task": "1"]: .number(8000)])
        #expect(values(registry, "f") == [[:]: .number(8000)])
        #expect(values(registry, "m") == [[:]: .number(16_000)])
        let expected = HistogramSnapshot(bounds: [0.1, 0.5, 1], counts: [0, 16_000, 0, 0], sum: 4000)
        #expect(values(registry, "work.duration") == [[:]: .histogram(expected)])
    }
}
