import Telemetry

/// A query as Prometheus asks it.
struct PromQL {
    let pace: Pace

    func text(_ query: MetricQuery, over window: Window) -> String {
        let window = pace(window)
        return switch query {
        case .count(let events, let by): increase(events, by, window)
        case .rate(let events, let by): "\(sum(by)) (rate(\(series(events))[\(window)]))"
        case .share(let part, let whole, let by): "\(increase(part, by, window)) / (\(increase(whole, by, window)) > 0)"
        case .quantile(let q, let selection, let by):
            "histogram_quantile(\(number(q)), \(quantileSum(by)) (rate(\(name(selection.metric))_bucket\(braced(selection.filters))[\(window)])))"
        case .highest(let selection, let by): "max\(grouping(by)) (\(name(selection.metric))\(braced(selection.filters)))"
        case .total(let selection, let by): "\(sum(by)) (\(name(selection.metric))\(braced(selection.filters)))"
        case .absence(let selection): "absent_over_time(\(name(selection.metric))\(braced(selection.filters))[\(window)])"
        }
    }

    private func increase(_ events: Events, _ by: [String], _ window: Window) -> String {
        "\(sum(by)) (increase(\(series(events))[\(window)]))"
    }

    private func sum(_ by: [String]) -> String { "sum\(grouping(by))" }

    /// `le` is a histogram's own label, and no attribute.
    private func quantileSum(_ by: [String]) -> String { "sum by (\((["le"] + by.map(Self.label)).joined(separator: ", ")))" }

    private func grouping(_ by: [String]) -> String { by.isEmpty ? "" : " by (\(by.map(Self.label).joined(separator: ", ")))" }

    /// A counter's samples, or those of a histogram that count its values.
    private func series(_ events: Events) -> String {
        let metric = events.selection.metric
        guard metric.kind == .histogram else { return name(metric) + braced(events.selection.filters) }
        guard let bound = events.atMost else { return "\(name(metric))_count\(braced(events.selection.filters))" }
        return "\(name(metric))_bucket\(braced(events.selection.filters, bound: bound))"
    }

    private func name(_ metric: MetricDefinition) -> String { metric.prometheusName }

    private func braced(_ filters: [Filter], bound: Double? = nil) -> String {
        var matchers = filters.map { filter in
            switch filter {
            case .equals(let name, let value): "\(Self.label(name))=\(quoted(value))"
            case .not(let name, let value): "\(Self.label(name))!=\(quoted(value))"
            case .prefix(let name, let value): "\(Self.label(name))=~\(quoted(pattern(value)))"
            case .notPrefix(let name, let value): "\(Self.label(name))!~\(quoted(pattern(value)))"
            case .present(let name): "\(Self.label(name))!=\"\""
            }
        }
        if let bound { matchers.append("le=\(quoted(number(bound)))") }
        return matchers.isEmpty ? "" : "{\(matchers.joined(separator: ","))}"
    }

    private func pattern(_ prefix: String) -> String {
        prefix.map { "\\.+*?()[]{}|^$".contains($0) ? "\\\($0)" : String($0) }.joined() + ".*"
    }

    private func quoted(_ text: String) -> String { "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\"" }

    static func label(_ attribute: String) -> String { MetricDefinition.prometheusLabel(attribute) }
}

/// Without an exponent and without `.0`: both systems read it.
func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(describing: value)
}
