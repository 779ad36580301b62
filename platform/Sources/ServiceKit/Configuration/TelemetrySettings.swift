/// The variables of OpenTelemetry and of Datadog that are read. What they mean, and what counts where both say something, is
/// `TelemetryConfiguration`'s; they are listed here so that `--help`, `.env` and flags know them.
///
/// A value that cannot be used is passed over with a warning, other than elsewhere: such variables are often set for a whole cluster.
enum TelemetrySettings {
    private static let list: [Setting<String>] = [
        .string("otel.sdk.disabled", default: "false", help: "true: no spans and no metrics; logs stay."),
        .string("otel.service.name", help: "Instead of the service's own name; then DD_SERVICE. For all services of an environment file: leave it."),
        .string("otel.resource.attributes", help: "key=value,…: what else is known about this process; deployment.environment.name before DD_ENV."),
        .string(
            "otel.exporter.otlp.endpoint",
            help:
                "Where OTLP over HTTP is taken, such as http://127.0.0.1:4318: a collector, a Datadog Agent, the console. Without it nothing is traced."
        ),
        .string("otel.exporter.otlp.traces.endpoint", help: "The whole URL for spans, instead of the endpoint with /v1/traces."),
        .string("otel.exporter.otlp.metrics.endpoint", help: "The whole URL for metrics, instead of the endpoint with /v1/metrics."),
        .string("otel.exporter.otlp.headers", secret: true, help: "key=value,…: headers of each export, such as a vendor's key."),
        .string("otel.exporter.otlp.protocol", default: "http/protobuf", help: "http/protobuf is the only one there is."),
        .string("otel.exporter.otlp.timeout", default: "10000", help: "Milliseconds that one export may take; nobody waits for it but the exporter."),
        .string(
            "otel.exporter.otlp.metrics.temporality.preference", default: "delta",
            help: "delta, as a Datadog Agent wants it, or cumulative, as Prometheus does."),
        .string("otel.traces.exporter", default: "otlp", help: "none: no spans."),
        .string("otel.metrics.exporter", default: "otlp", help: "none: no metrics but on /metrics."),
        .string(
            "otel.traces.sampler", default: "parentbased_always_on",
            help: "always_on, always_off, traceidratio, or one of them behind parentbased_; then DD_TRACE_SAMPLE_RATE."),
        .string("otel.traces.sampler.arg", default: "1", help: "The ratio of traceidratio, from 0 to 1."),
        .string(
            "otel.propagators", default: "tracecontext,baggage,datadog", help: "Headers that are read, in this order, and written; none for none."),
        .string("otel.bsp.max.queue.size", default: "8192", help: "Spans that wait at most; more are dropped and counted. About 8 MB."),
        .string("otel.bsp.max.export.batch.size", default: "512", help: "Spans in one export."),
        .string("otel.bsp.schedule.delay", default: "5000", help: "Milliseconds that a batch which is not full waits."),
        .string("otel.metric.export.interval", default: "60000", help: "Milliseconds between two exports of metrics; Datadog advises 10000."),
        .string("otel.span.attribute.count.limit", default: "128", help: "Attributes of one span."),
        .string("otel.span.event.count.limit", default: "128", help: "Events of one span."),
        .string("otel.span.link.count.limit", default: "128", help: "Links of one span."),
        .string("otel.attribute.value.length.limit", default: "4096", help: "Bytes of one attribute's text; what is longer is cut."),
        .string("dd.service", help: "As OTEL_SERVICE_NAME, which comes first."),
        .string("dd.version", help: "The version in all telemetry; service.version in OTEL_RESOURCE_ATTRIBUTES comes first."),
        .string("dd.tags", help: "key:value,…: as OTEL_RESOURCE_ATTRIBUTES, which come first."),
        .string("dd.agent.host", help: "The Datadog Agent, which must take OTLP on port 4318; OTEL_EXPORTER_OTLP_ENDPOINT comes first."),
        .string("dd.trace.agent.url", help: "The Agent's own trace port is not spoken to: a warning says what to set instead."),
        .string("dd.trace.agent.port", help: "As DD_TRACE_AGENT_URL."),
        .string("dd.trace.enabled", default: "true", help: "false: no spans."),
        .string("dd.trace.sample.rate", help: "The share of traces that are kept, from 0 to 1; OTEL_TRACES_SAMPLER comes first."),
        .string("dd.trace.propagation.style", help: "As OTEL_PROPAGATORS, which comes first."),
        .string("telemetry.keep.errors", default: "true", help: "Whether a request that fails is exported although its trace is not sampled."),
        .string(
            "telemetry.keep.slow.seconds", default: "1", help: "A request that takes this long is exported although its trace is not sampled."),
    ]

    static let all: [SettingInfo] = list.map { SettingInfo($0) }
}
