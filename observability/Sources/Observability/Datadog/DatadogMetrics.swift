public import HTTPPath
import ShopTelemetry
import Telemetry

/// What has to be told to Datadog of each metric: it takes neither the unit nor the description from OTLP, and it computes percentiles of a
/// distribution, and counts its values up to a bound, only where it is asked to.
public enum DatadogMetrics {
    /// Tags that every series has, from the resource.
    public static let resourceTags = ["service", "env", "version"]

    /// For each metric the bodies of two calls: `metadata` (PUT /api/v1/metrics/NAME) and, for a distribution, `tags` (POST /api/v2/metrics/NAME/tags).
    public static func all() -> JSON { .array(TelemetryContract.metrics.map(metric)) }

    private static func metric(_ definition: MetricDefinition) -> JSON {
        let name = DatadogName.metric(definition)
        let kind = DatadogName.kind(definition)
        return .members([
            "name": .string(name),
            "metadata": .members([
                "type": .string(kind.rawValue), "description": .string(definition.description), "unit": DatadogName.unit(definition).map(JSON.string),
            ]),
            "tags": kind == .distribution
                ? .members([
                    "data": .members([
                        "type": .string("manage_tags"), "id": .string(name),
                        "attributes": .members([
                            "metric_type": .string("distribution"), "include_percentiles": .bool(true),
                            "tags": .strings(resourceTags + definition.attributes.map(\.name)),
                        ]),
                    ])
                ]) : nil,
        ])
    }
}
