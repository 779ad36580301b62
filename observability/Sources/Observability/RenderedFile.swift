public import HTTPPath

/// A file that is made of the declarations, by its path in the repository.
public struct RenderedFile: Sendable {
    public enum Content: Sendable {
        case text(String)
        case json(JSON)
    }

    public let path: String
    public let content: Content

    /// Everything that is generated.
    public static func all() -> [RenderedFile] {
        func file(_ path: String, _ json: JSON) -> RenderedFile { RenderedFile(path: path, content: .json(json)) }
        func file(_ path: String, _ text: String) -> RenderedFile { RenderedFile(path: path, content: .text(text)) }
        return Dashboards.all.map { file("observability/datadog/dashboards/\($0.name).json", DatadogDashboards.dashboard($0)) }
            + Alerts.all.map { file("observability/datadog/monitors/\($0.name).json", DatadogMonitors.monitor($0)) }
            + ServiceLevels.all.flatMap { level in
                ServiceLevel.burns.map {
                    file("observability/datadog/monitors/\(level.alertName($0)).json", DatadogMonitors.monitor(level, $0))
                }
            }
            + ServiceLevels.all.map { file("observability/datadog/objectives/\($0.name).json", DatadogMonitors.objective($0)) }
            + [
                file("observability/datadog/metrics.json", DatadogMetrics.all()), file("observability/registry.json", Registry.json()),
                file("observability/prometheus/alerts.yml", PrometheusRules().alerts()),
                file("observability/prometheus/service-levels.yml", PrometheusRules().recordings()),
                file("observability/prometheus/prometheus.yml", Collection.prometheus),
                file("observability/collector/collector.yml", Collection.collector),
                file("observability/agent/postgres.yml", Collection.postgresCheck),
                file("k8s/datadog/agent.yaml", Collection.datadogAgent), file("k8s/datadog/kustomization.yaml", Collection.datadogKustomization),
                file("docs/telemetry.md", TelemetryPage.text()),
            ]
    }

    /// The rules alone, with shortened windows: for a test that waits for them.
    public static func rules(pace: Pace) -> [RenderedFile] {
        [
            RenderedFile(path: "alerts.yml", content: .text(PrometheusRules(pace: pace).alerts())),
            RenderedFile(path: "service-levels.yml", content: .text(PrometheusRules(pace: pace).recordings())),
        ]
    }
}
