import Logging
import Testing

@testable import Telemetry

@Suite("Configuration by variables")
struct TelemetryConfigurationTests {
    private func configuration(_ variables: [String: String]) -> TelemetryConfiguration {
        TelemetryConfiguration(service: "maker", version: "9", environment: "local", variable: { variables[$0] })
    }

    private func warnings(_ variables: [String: String]) -> [String] {
        configuration(variables).notes.filter { $0.level == .warning }.map(\.text)
    }

    @Test("without an endpoint nothing is traced, and the start says so")
    func nothing() {
        let configuration = configuration([:])
        #expect(configuration.traces == nil)
        #expect(configuration.metrics == nil)
        #expect(configuration.notes.contains { $0.text.hasPrefix("nothing is traced") && $0.level == .notice })
        #expect(configuration.resource.service == "maker")
        #expect(configuration.resource.environment == "local")
    }

    @Test("an endpoint serves both signals; each may have its own")
    func endpoints() {
        let both = configuration([
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/", "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%3Db, x = y",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "250",
        ])
        #expect(both.traces?.url == "http://collector:4318/v1/traces")
        #expect(both.metrics?.url == "http://collector:4318/v1/metrics")
        #expect(both.traces?.headers == [.init(name: "api-key", value: "a=b"), .init(name: "x", value: "y")])
        #expect(both.traces?.timeout == .milliseconds(250))
        let own = configuration([
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://other/in",
            "OTEL_METRICS_EXPORTER": "none",
        ])
        #expect(own.traces?.url == "https://other/in")
        #expect(own.metrics == nil)
    }

    @Test("OpenTelemetry's variables come before Datadog's, and a note says so")
    func precedence() {
        let datadog = ["DD_SERVICE": "dd", "DD_ENV": "staging", "DD_VERSION": "1", "DD_TAGS": "team:shop,a:b c:d"]
        let theirs = configuration(datadog)
        #expect(theirs.resource.service == "dd")
        #expect(theirs.resource.environment == "staging")
        #expect(theirs.resource.version == "1")
        #expect(theirs.resource.extra["team"] == "shop")
        #expect(theirs.resource.extra["c"] == "d")
        let both = configuration(
            datadog.merging([
                "OTEL_SERVICE_NAME": "otel",
                "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=prod,service.version=2,team=other,service.name=unused,note=a%2Cb",
            ]) { $1 })
        #expect(both.resource.service == "otel")
        #expect(both.resource.environment == "prod")
        #expect(both.resource.version == "2")
        #expect(both.resource.extra["team"] == "other")
        #expect(both.resource.extra["note"] == "a,b")
        #expect(
            both.notes.map(\.text).filter { $0.contains("not used") } == [
                "OTEL_SERVICE_NAME is used; DD_SERVICE is set too, and not used",
                "OTEL_RESOURCE_ATTRIBUTES is used; DD_VERSION is set too, and not used",
                "OTEL_RESOURCE_ATTRIBUTES is used; DD_ENV is set too, and not used",
            ])
        #expect(Dictionary(both.resource.attributes.map { ($0.0, $0.1) }) { $1 }["service.name"] == "otel")
    }

    @Test("a Datadog Agent is reached where it takes OTLP; its own trace port is not, and a warning says what to do")
    func agent() {
        #expect(configuration(["DD_AGENT_HOST": "agent"]).traces?.url == "http://agent:4318/v1/traces")
        #expect(configuration(["DD_AGENT_HOST": "::1"]).traces?.url == "http://[::1]:4318/v1/traces")
        for variables in [
            ["DD_TRACE_AGENT_URL": "http://agent:8126"], ["DD_TRACE_AGENT_PORT": "8126"], ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://agent:8126"],
        ] {
            #expect(configuration(variables).traces == nil)
            #expect(warnings(variables).contains { $0.contains("8126") || $0.contains("trace port") })
            #expect(warnings(variables).contains { $0.contains("4318") })
        }
        #expect(warnings(["DD_AGENT_HOST": "agent"]).isEmpty)
    }

    @Test("the sampler comes from OpenTelemetry's variables, else from Datadog's")
    func samplers() {
        #expect(configuration([:]).sampler == Sampler())
        #expect(configuration(["DD_TRACE_SAMPLE_RATE": "0.2"]).sampler == Sampler(ratio: 0.2))
        #expect(
            configuration(["DD_TRACE_SAMPLE_RATE": "0.2", "OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5"]).sampler
                == Sampler(parentBased: false, ratio: 0.5))
        #expect(
            configuration(["TELEMETRY_KEEP_ERRORS": "false", "TELEMETRY_KEEP_SLOW_SECONDS": "3"]).keep == KeepRule(errors: false, slowSeconds: 3))
    }

    @Test("propagators are taken in their order; Datadog's variable counts where OpenTelemetry's says nothing")
    func propagators() {
        #expect(configuration(["OTEL_PROPAGATORS": "datadog, tracecontext"]).propagation.styles == [.datadog, .tracecontext])
        #expect(configuration(["DD_TRACE_PROPAGATION_STYLE": "datadog"]).propagation.styles == [.datadog])
        #expect(configuration(["OTEL_PROPAGATORS": "none"]).propagation.styles == [])
        #expect(warnings(["OTEL_PROPAGATORS": "b3"]).count == 1)
    }

    @Test(
        "what cannot be used is passed over with a warning",
        arguments: [
            ["OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"], ["OTEL_BSP_MAX_QUEUE_SIZE": "0"], ["OTEL_TRACES_SAMPLER": "jaeger_remote"],
            ["OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"], ["DD_TRACE_SAMPLE_RATE": "much"],
            ["OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"], ["OTEL_SDK_DISABLED": "perhaps"], ["OTEL_TRACES_EXPORTER": "zipkin"],
            ["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "lowmemory"], ["OTEL_BSP_SCHEDULE_DELAY": "1"],
        ])
    func invalid(_ variables: [String: String]) {
        #expect(warnings(variables).count == 1)
    }

    @Test("bounds are read")
    func bounds() {
        let configuration = configuration([
            "OTEL_BSP_MAX_QUEUE_SIZE": "100", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "500", "OTEL_BSP_SCHEDULE_DELAY": "20",
            "OTEL_METRIC_EXPORT_INTERVAL": "1000", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "7", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "99",
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "cumulative",
        ])
        #expect(configuration.queueCapacity == 100)
        #expect(configuration.batchSize == 100, "a batch is never more than the queue holds")
        #expect(configuration.batchDelay == .milliseconds(20))
        #expect(configuration.metricInterval == .seconds(1))
        #expect(configuration.limits.attributes == 7)
        #expect(configuration.limits.valueBytes == 99)
        #expect(configuration.temporality == .cumulative)
    }

    @Test("disabled: nothing is exported, whatever else is set")
    func disabled() {
        let configuration = configuration(["OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"])
        #expect(configuration.isDisabled)
        #expect(configuration.traces == nil && configuration.metrics == nil)
        #expect(configuration.notes.map(\.text) == ["OTEL_SDK_DISABLED=true: no spans and no metrics; logs stay"])
    }

    @Test("where it runs is found out")
    func resource() {
        let id = String(repeating: "0a1b2c3d", count: 8)
        #expect(ResourceDetection.containerID(in: "0::/system.slice/docker-\(id).scope\n") == id)
        #expect(ResourceDetection.containerID(in: "12:cpu:/kubepods/besteffort/pod1/\(id)") == id)
        #expect(ResourceDetection.containerID(in: "0::/init.scope") == nil)
        let pod = ResourceDetection.kubernetes(
            { ["KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "pod-1", "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME": "node-1"][$0] }, namespace: "shop")
        #expect(pod == ["k8s.pod.name": "pod-1", "k8s.node.name": "node-1", "k8s.namespace.name": "shop"])
        #expect(ResourceDetection.kubernetes({ $0 == "HOSTNAME" ? "laptop" : nil }, namespace: "").isEmpty)
        let found = ResourceDetection.detect { _ in nil }
        #expect(found["service.instance.id"]?.count == 36)
        #expect(found["process.pid"] != nil && found["host.name"] != nil)
    }
}
