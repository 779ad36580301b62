import Telemetry

/// A query as Datadog asks it.
struct DatadogQuery {
    /// Added to every scope, such as `$env` on a dashboard.
    var scope: [String] = []

    /// For a monitor: the time aggregation that goes in front of ``text(_:)``, with its window.
    func monitor(_ query: MetricQuery, over window: Window) -> String {
        let aggregation =
            switch query {
            case .count, .rate, .share: "sum"
            case .quantile: "percentile"
            case .highest, .absence: "max"
            case .total: "avg"
            }
        return "\(aggregation)(last_\(window)):\(text(query))"
    }

    func text(_ query: MetricQuery) -> String {
        switch query {
        case .count(let events, let by): "\(count(events, by)).as_count()"
        case .rate(let events, let by): "\(count(events, by)).as_rate()"
        case .share(let part, let whole, let by): "\(count(part, by)).as_count() / \(count(whole, by)).as_count()"
        case .quantile(let q, let selection, let by): "p\(number(q * 100)):\(name(selection))\(suffix(by))"
        case .highest(let selection, let by): "max:\(name(selection))\(suffix(by))"
        case .total(let selection, let by): "sum:\(name(selection))\(suffix(by))"
        case .absence(let selection): "max:\(name(selection))"
        }
    }

    /// Parts of a share, for widgets that compute with them.
    func parts(_ query: MetricQuery) -> (part: String, whole: String)? {
        guard case .share(let part, let whole, let by) = query else { return nil }
        return ("\(count(part, by)).as_count()", "\(count(whole, by)).as_count()")
    }

    /// The count of a whole service level's events.
    func total(_ events: Events) -> String { "\(count(events, [])).as_count()" }

    private func count(_ events: Events, _ by: [String]) -> String {
        let aggregation =
            switch (events.selection.metric.kind, events.atMost) {
            case (.histogram, let bound?): "count(v: v<=\(number(bound)))"
            case (.histogram, nil): "count"
            default: "sum"
            }
        return "\(aggregation):\(name(events.selection))\(suffix(by))"
    }

    private func name(_ selection: Selection) -> String {
        let filters =
            scope
            + selection.filters.map { filter in
                switch filter {
                case .equals(let name, let value): "\(name):\(DatadogName.value(value))"
                case .not(let name, let value): "!\(name):\(DatadogName.value(value))"
                case .prefix(let name, let value): "\(name):\(DatadogName.value(value))*"
                case .notPrefix(let name, let value): "!\(name):\(DatadogName.value(value))*"
                case .present(let name): "\(name):*"
                }
            }
        return "\(DatadogName.metric(selection.metric)){\(filters.isEmpty ? "*" : filters.joined(separator: ","))}"
    }

    private func suffix(_ by: [String]) -> String { by.isEmpty ? "" : " by {\(by.joined(separator: ","))}" }
}
