public import Telemetry

/// How a metric that arrives by OTLP appears in Datadog. Sources, all in Datadog's documentation: "OTLP Metrics Types" (types and suffixes),
/// "OpenTelemetry Metrics Mapping" (the prefix `otel.`), "Getting Started with Tags" (what a tag may hold), "Metrics Units".
public enum DatadogName {
    public enum Kind: String, Sendable {
        case count, gauge, distribution
    }

    /// A name that begins with `system.` or `process.` is an Agent's own; the Agent and the Collector's exporter put `otel.` in front.
    public static func metric(_ definition: MetricDefinition) -> String {
        definition.name.hasPrefix("process.") || definition.name.hasPrefix("system.") ? "otel.\(definition.name)" : definition.name
    }

    /// Delta sums are counts, cumulative sums that also fall are gauges, histograms are distributions. A distribution needs no suffix: its
    /// count, sum, minimum, maximum and percentiles are aggregations of the one name. (`.sum`, `.count` and `.bucket` belong to the mode
    /// `counters`, which is not used here.)
    public static func kind(_ definition: MetricDefinition) -> Kind {
        switch definition.kind {
        case .counter: .count
        case .upDownCounter, .gauge: .gauge
        case .histogram: .distribution
        }
    }

    /// OTLP's unit is not taken over: it is metadata of the metric, set by its own call. nil: Datadog knows no such unit.
    public static func unit(_ definition: MetricDefinition) -> String? {
        switch definition.unit.symbol {
        case "s": "second"
        case "By": "byte"
        case "{request}": "request"
        case "{connection}": "connection"
        case "{item}": "item"
        default: nil
        }
    }

    /// Resource attributes that Datadog has a name of its own for. All other attributes keep theirs, with the dots.
    public static let reserved = ["service.name": "service", "deployment.environment.name": "env", "service.version": "version"]

    /// A tag's value: lower case; anything but letters, digits, `_`, `-`, `:`, `.` and `/` becomes `_`, one for several in a row, and none at
    /// the end: `/api/v1/products/{id}` is `/api/v1/products/_id`.
    public static func value(_ text: String) -> String {
        var tag = ""
        for character in text.lowercased() {
            let isAllowed = character.isLetter || character.isNumber || "_-:./".contains(character)
            if isAllowed && character != "_" {
                tag.append(character)
            } else if tag.last != "_" {
                tag.append("_")
            }
        }
        while tag.last == "_" { tag.removeLast() }
        return String(tag.prefix(200))
    }
}
