public import Telemetry

/// A condition on a series' attributes.
public enum Filter: Sendable, Hashable {
    case equals(String, String)
    /// Begins with: `.prefix("http.response.status_code", "5")`.
    case prefix(String, String)
    case not(String, String)
    /// Does not begin with; a series without the attribute passes.
    case notPrefix(String, String)
    /// The series has the attribute.
    case present(String)

    public var attribute: String {
        switch self {
        case .equals(let name, _), .prefix(let name, _), .not(let name, _), .notPrefix(let name, _), .present(let name): name
        }
    }

    /// The value that the attribute is compared with; nil where only its beginning is.
    public var wholeValue: String? {
        switch self {
        case .equals(_, let value), .not(_, let value): value
        case .prefix, .notPrefix, .present: nil
        }
    }
}

/// Some series of a metric.
public struct Selection: Sendable, Hashable {
    public let metric: MetricDefinition
    public let filters: [Filter]

    public init(_ metric: MetricDefinition, _ filters: [Filter] = []) {
        self.metric = metric
        self.filters = filters
    }
}

/// Things that are counted: a counter's increase, or a histogram's values.
public struct Events: Sendable, Hashable {
    public let selection: Selection
    /// Of a histogram's values, those up to this; one of its buckets' bounds.
    public let atMost: Double?

    public init(_ metric: MetricDefinition, _ filters: [Filter] = [], atMost: Double? = nil) {
        precondition(atMost == nil || metric.buckets.contains(atMost!), "\(metric.name) has no bucket that ends at \(atMost ?? 0)")
        precondition(metric.kind == .counter || metric.kind == .histogram, "\(metric.name) counts nothing")
        selection = Selection(metric, filters)
        self.atMost = atMost
    }
}

/// A question to the metrics, in the language of neither system. What Datadog and Prometheus are asked is made of the same one.
public enum MetricQuery: Sendable, Hashable {
    /// How many there were within the window.
    case count(Events, by: [String] = [])
    /// How many there were a second.
    case rate(Events, by: [String] = [])
    /// `part` of `whole`, 0...1. No answer where there was neither.
    case share(Events, of: Events, by: [String] = [])
    /// Below this were so many of a histogram's values; 0...1.
    case quantile(Double, Selection, by: [String] = [])
    /// The greatest of the series' last values.
    case highest(Selection, by: [String] = [])
    /// The sum of the series' last values.
    case total(Selection, by: [String] = [])
    /// Whether the series is there at all.
    case absence(Selection)

    public var selections: [Selection] {
        switch self {
        case .count(let events, _), .rate(let events, _): [events.selection]
        case .share(let part, let whole, _): [part.selection, whole.selection]
        case .quantile(_, let selection, _), .highest(let selection, _), .total(let selection, _), .absence(let selection): [selection]
        }
    }

    public var grouping: [String] {
        switch self {
        case .count(_, let by), .rate(_, let by), .share(_, _, let by), .quantile(_, _, let by), .highest(_, let by), .total(_, let by): by
        case .absence: []
        }
    }

    /// The attribute that every series has, besides the metric's own: who emits it.
    public static let service = "service"
}
