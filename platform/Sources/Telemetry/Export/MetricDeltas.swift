/// Turns what a registry holds into what came since the last export that was taken.
///
/// The mark moves only when the collector has taken an export: while it is away nothing is lost, and the next export says it all. If its
/// answer gets lost, what it took is told twice.
struct MetricDeltas: Sendable {
    private var previous: [String: [LabelSet: SeriesValue]] = [:]

    /// - Returns: every point for gauges and for sums that also fall; else those that changed.
    func since(_ metrics: [MetricSnapshot], exemplarsAfter ticks: Int64) -> [MetricExport] {
        metrics.map { metric in
            let definition = metric.definition
            guard definition.kind == .counter || definition.kind == .histogram else {
                return MetricExport(definition: definition, points: metric.series.map { .init(labels: $0.labels, value: $0.value) })
            }
            let known = previous[definition.name] ?? [:]
            let points = metric.series.compactMap { labels, value -> MetricExport.Point? in
                Self.difference(value, known[labels], ticks).map { MetricExport.Point(labels: labels, value: $0) }
            }
            return MetricExport(definition: definition, points: points)
        }
    }

    /// What was told is told.
    mutating func commit(_ metrics: [MetricSnapshot]) {
        for metric in metrics where metric.definition.kind == .counter || metric.definition.kind == .histogram {
            previous[metric.definition.name] = Dictionary(metric.series.map { ($0.labels, $0.value) }, uniquingKeysWith: { $1 })
        }
    }

    /// nil where nothing came.
    private static func difference(_ value: SeriesValue, _ before: SeriesValue?, _ ticks: Int64) -> SeriesValue? {
        switch (value, before) {
        case (.number(let now), .number(let then)?) where now >= then: return now == then ? nil : .number(now - then)
        case (.number(let now), _): return now == 0 ? nil : value
        case (.histogram(var histogram), let before):
            histogram.exemplars.removeAll { $0.time <= ticks }
            if case .histogram(let then)? = before, then.counts.count == histogram.counts.count, zip(histogram.counts, then.counts).allSatisfy(>=) {
                for index in histogram.counts.indices { histogram.counts[index] -= then.counts[index] }
                histogram.sum -= then.sum
            }
            return histogram.count == 0 ? nil : .histogram(histogram)
        }
    }
}
