public import HTTPPath
import Telemetry

/// Datadog's dashboards, each as the body of the call that creates it.
public enum DatadogDashboards {
    public static func dashboard(_ dashboard: Dashboard) -> JSON {
        .members([
            "title": .string(dashboard.title), "description": .string(dashboard.description), "layout_type": .string("ordered"),
            "reflow_type": .string("auto"),
            "template_variables": .array([
                .members(["name": .string("env"), "prefix": .string("env"), "available_values": .array([]), "defaults": .strings(["*"])])
            ]),
            "tags": .strings(["team:shop"]), "widgets": .array(dashboard.groups.map(group)),
        ])
    }

    private static func group(_ group: (title: String, panels: [Panel])) -> JSON {
        .members([
            "definition": .members([
                "type": .string("group"), "title": .string(group.title), "layout_type": .string("ordered"),
                "widgets": .array(group.panels.map { .members(["definition": widget($0)]) }),
            ])
        ])
    }

    private static func widget(_ panel: Panel) -> JSON {
        .members([
            "type": .string("timeseries"), "title": .string(panel.title), "show_legend": .bool(true), "legend_layout": .string("auto"),
            "requests": .array(panel.queries.enumerated().map { index, entry in request(entry, shape: panel.shape, letter: index) }),
            "markers": panel.marker.map { marker in
                .array([
                    .members([
                        "value": .string("y = \(number(marker.value))"), "display_type": .string("error dashed"), "label": .string(marker.label),
                    ])
                ])
            },
        ])
    }

    private static func request(_ entry: (name: String, query: MetricQuery), shape: Panel.Shape, letter: Int) -> JSON {
        let query = DatadogQuery(scope: ["$env"])
        // A query's name is a variable of the formula: letters, digits and _.
        let name = "query\(letter + 1)"
        let formula: String
        let queries: [(name: String, text: String)]
        if let parts = query.parts(entry.query) {
            formula = "\(name)a / \(name)b"
            queries = [("\(name)a", parts.part), ("\(name)b", parts.whole)]
        } else {
            formula = name
            queries = [(name, query.text(entry.query))]
        }
        return .members([
            "response_format": .string("timeseries"), "display_type": .string(shape.rawValue),
            "formulas": .array([.members(["formula": .string(formula), "alias": .string(entry.name), "number_format": format(entry.query)])]),
            "queries": .array(
                queries.map { .members(["data_source": .string("metrics"), "name": .string($0.name), "query": .string($0.text)]) }),
        ])
    }

    /// What the axis says: Datadog does not take it from OTLP.
    private static func format(_ query: MetricQuery) -> JSON? {
        func unit(_ name: String) -> JSON {
            .members(["unit": .members(["type": .string("canonical_unit"), "unit_name": .string(name)])])
        }
        return switch query {
        case .share: unit("fraction")
        case .quantile(_, let selection, _), .highest(let selection, _), .total(let selection, _): DatadogName.unit(selection.metric).map(unit)
        case .count, .rate, .absence: nil
        }
    }
}
