/// A metric as it is declared, once, for everything that shows it: the text exposition, the OTLP export, dashboards and alerts.
public struct MetricDefinition: Sendable, Hashable {
    /// OpenTelemetry's instruments. (An observable one is an ordinary one here, given to ``MetricsRegistry/observe(_:read:)``.)
    public enum Kind: String, Sendable, Hashable {
        /// A sum that only grows; swift-metrics' `Counter` and `FloatingPointCounter`.
        case counter
        /// A sum that also falls, such as requests in flight; `Meter`.
        case upDownCounter
        /// A value of now that adds up to nothing, such as a ratio; `Meter`, `Gauge`.
        case gauge
        /// A distribution; `Timer`, `Recorder`.
        case histogram
    }

    /// In OpenTelemetry's spelling: `http.server.request.duration`.
    public let name: String
    public let unit: MetricUnit
    public let kind: Kind
    /// One sentence, shown in `HELP`.
    public let description: String
    /// The dimensions that its series carry; every name that a dashboard or an alert may ask for.
    public let attributes: [MetricAttribute]
    /// Upper bounds of a histogram's buckets, in ``unit``, ascending, without the last one, +Inf. Empty for other kinds.
    public let buckets: [Double]
    /// Label sets that get a series of their own; what comes later is added up in one `overflow` series.
    public let maximumSeries: Int

    /// - Parameters:
    ///   - buckets: In any order; what is not finite or comes twice is left out. nil: ``durationBuckets`` in the metric's unit for a
    ///     unit of time, ``sizeBuckets`` otherwise.
    ///   - maximumSeries: 1,000 is far above what routes × methods × statuses need, and about 1 MB for a histogram with 14 buckets.
    public init(
        name: String, unit: MetricUnit, kind: Kind, description: String, attributes: [MetricAttribute] = [], buckets: [Double]? = nil,
        maximumSeries: Int = 1000
    ) {
        self.name = name
        self.unit = unit
        self.kind = kind
        self.description = description
        self.attributes = attributes
        self.maximumSeries = max(1, maximumSeries)
        guard kind == .histogram else {
            self.buckets = []
            return
        }
        let standard =
            unit.seconds.map { seconds in
                // Times a whole number for units below a second, so that 0.075 s is 75 ms and not a rounding error beside it.
                Self.durationBuckets.map { seconds < 1 ? $0 * (1 / seconds).rounded() : $0 / seconds }
            } ?? Self.sizeBuckets
        self.buckets = Set((buckets ?? standard).filter(\.isFinite)).sorted()
    }

    /// Seconds; the bounds that OpenTelemetry advises for HTTP durations.
    public static let durationBuckets: [Double] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

    /// OpenTelemetry's default bounds, for counts and amounts.
    public static let sizeBuckets: [Double] = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000]
}

/// A unit in UCUM's spelling, as OpenTelemetry uses it.
public struct MetricUnit: Sendable, Hashable {
    public let symbol: String

    /// - Parameter symbol: `s`, `By`, `1`, `{request}`, …
    public init(_ symbol: String) { self.symbol = symbol }

    public static let seconds = MetricUnit("s")
    public static let milliseconds = MetricUnit("ms")
    public static let bytes = MetricUnit("By")
    /// A ratio, or a plain number.
    public static let one = MetricUnit("1")
    /// Not known: a metric that nobody declared.
    static let unspecified = MetricUnit("")
    /// Things that are counted: `.count("request")` is `{request}`.
    public static func count(_ thing: String) -> MetricUnit { MetricUnit("{\(thing)}") }

    /// How many seconds one of the unit is; nil if it is no unit of time.
    var seconds: Double? {
        switch symbol {
        case "s": 1
        case "ms": 1e-3
        case "us": 1e-6
        case "ns": 1e-9
        case "min": 60
        case "h": 3600
        case "d": 86_400
        default: nil
        }
    }
}
