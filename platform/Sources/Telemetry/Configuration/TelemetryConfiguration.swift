internal import Basics
public import Logging

/// What is emitted, and where to; by default from the variables of both standards, `OTEL_*` and `DD_*`.
///
/// Where both say something, OpenTelemetry's counts, and a note says so. A value that cannot be used is passed over with a warning, as
/// OpenTelemetry demands: such variables are often set for a whole cluster, and telemetry is no reason not to serve.
public struct TelemetryConfiguration: Sendable {
    /// `OTEL_SDK_DISABLED`: no spans, no metrics; logs stay.
    public var isDisabled = false
    public var resource: Telemetry.Resource
    /// Where spans go; nil: nothing is traced.
    public var traces: ExportTarget?
    /// Where metrics go besides `/metrics`; nil: nowhere.
    public var metrics: ExportTarget?
    public var sampler = Sampler()
    public var keep: KeepRule? = KeepRule()
    public var propagation = Propagation()
    public var limits = SpanLimits()
    /// Spans that wait for their export at most; what is more is dropped and counted.
    public var queueCapacity = 8192
    /// Spans in one request.
    public var batchSize = 512
    /// How long a batch that is not full waits.
    public var batchDelay = Duration.seconds(5)
    /// Between two exports of metrics.
    public var metricInterval = Duration.seconds(60)
    public var temporality = Temporality.delta
    /// What a start should log about it.
    public internal(set) var notes: [Note] = []

    public struct Note: Hashable, Sendable {
        public let level: Logger.Level
        public let text: String
    }

    /// Nothing is exported; for tests, and for whoever sets it up in code.
    public init(resource: Telemetry.Resource) { self.resource = resource }

    /// - Parameters:
    ///   - service, version, environment: what counts where no variable says otherwise.
    ///   - variable: an environment variable's value, nil where it is not set; an empty one counts as not set.
    public init(service: String, version: String, environment: String = "local", variable: @escaping (String) -> String?) {
        var reader = VariableReader(variable)
        resource = Telemetry.Resource(service: service, version: version, environment: environment)
        resource.extra = ResourceDetection.detect(variable)
        isDisabled = reader.flag("OTEL_SDK_DISABLED") ?? false
        readResource(&reader)
        readTargets(&reader)
        readTracing(&reader)
        readBounds(&reader)
        if isDisabled {
            reader.note(.notice, "OTEL_SDK_DISABLED=true: no spans and no metrics; logs stay")
        } else if traces == nil {
            reader.note(
                .notice,
                "nothing is traced, because no endpoint is configured: set OTEL_EXPORTER_OTLP_ENDPOINT (or DD_AGENT_HOST); logs and /metrics stay")
        }
        notes = reader.notes
    }

    private mutating func readResource(_ reader: inout VariableReader) {
        // Later ones win: Datadog's tags, its three names, OpenTelemetry's attributes, its service name.
        let tags = reader.pairs("DD_TAGS", separators: ", ", between: ":")
        let attributes = reader.pairs("OTEL_RESOURCE_ATTRIBUTES", separators: ",", between: "=")
        resource.extra.merge(tags) { $1 }
        resource.extra.merge(attributes.mapValues(\.percentDecoded)) { $1 }
        let given = attributes.mapValues(\.percentDecoded)
        resource.service =
            reader.first(("OTEL_SERVICE_NAME", reader.text("OTEL_SERVICE_NAME")), ("OTEL_RESOURCE_ATTRIBUTES", given["service.name"]), "DD_SERVICE")
            ?? resource.service
        resource.version = reader.first(("OTEL_RESOURCE_ATTRIBUTES", given["service.version"]), "DD_VERSION") ?? resource.version
        let environment = given["deployment.environment.name"] ?? given["deployment.environment"]
        resource.environment = reader.first(("OTEL_RESOURCE_ATTRIBUTES", environment), "DD_ENV") ?? resource.environment
        if let instance = given["service.instance.id"] { resource.extra["service.instance.id"] = instance }
    }

    private mutating func readTargets(_ reader: inout VariableReader) {
        let timeout = reader.milliseconds("OTEL_EXPORTER_OTLP_TIMEOUT", in: 1...600_000) ?? .seconds(10)
        let headers = reader.pairs("OTEL_EXPORTER_OTLP_HEADERS", separators: ",", between: "=").sorted { $0.key < $1.key }
            .map { ExportTarget.Header(name: $0.key, value: $0.value.percentDecoded) }
        if let name = reader.text("OTEL_EXPORTER_OTLP_PROTOCOL"), name != "http/protobuf" {
            reader.note(.warning, "OTEL_EXPORTER_OTLP_PROTOCOL=\(name) is not spoken here: http/protobuf is")
        }
        let base = endpoint(&reader)
        func target(_ variable: String, _ path: String) -> ExportTarget? {
            let own = reader.url(variable)
            return (own ?? base.map { ($0.hasSuffix("/") ? String($0.dropLast()) : $0) + path })
                .map { ExportTarget(url: $0, headers: headers, timeout: timeout) }
        }
        let tracesWanted = reader.exporter("OTEL_TRACES_EXPORTER", ["otlp"]) && reader.flag("DD_TRACE_ENABLED") ?? true
        let metricsWanted = reader.exporter("OTEL_METRICS_EXPORTER", ["otlp"])
        traces = target("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "/v1/traces")
        metrics = target("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "/v1/metrics")
        if isDisabled || !tracesWanted { traces = nil }
        if isDisabled || !metricsWanted { metrics = nil }
    }

    /// Where OTLP is taken, without the path of a signal.
    private func endpoint(_ reader: inout VariableReader) -> String? {
        let datadogPort =
            "speaks Datadog's own protocol and not OTLP: nothing is exported. Let the Agent take OTLP "
            + "(DD_OTLP_CONFIG_RECEIVER_PROTOCOLS_HTTP_ENDPOINT=0.0.0.0:4318), and set OTEL_EXPORTER_OTLP_ENDPOINT=http://AGENT:4318"
        let agent = reader.text("DD_AGENT_HOST")
        if let given = reader.url("OTEL_EXPORTER_OTLP_ENDPOINT") {
            if agent != nil { reader.note(.info, "OTEL_EXPORTER_OTLP_ENDPOINT is used; DD_AGENT_HOST is set too, and not used") }
            if given.hasPort(8126) {
                reader.note(.warning, "OTEL_EXPORTER_OTLP_ENDPOINT names port 8126, which \(datadogPort)")
                return nil
            }
            return given
        }
        if let agent {
            let host = agent.contains(":") && !agent.hasPrefix("[") ? "[\(agent)]" : agent
            reader.note(.info, "DD_AGENT_HOST: OTLP goes to port 4318 of the Agent, which must take it")
            return "http://\(host):4318"
        }
        if reader.text("DD_TRACE_AGENT_URL") != nil || reader.text("DD_TRACE_AGENT_PORT") != nil {
            reader.note(.warning, "DD_TRACE_AGENT_URL or DD_TRACE_AGENT_PORT names the Agent's trace port, which \(datadogPort)")
        }
        return nil
    }

    private mutating func readTracing(_ reader: inout VariableReader) {
        let argument = reader.text("OTEL_TRACES_SAMPLER_ARG")
        let share = reader.number("DD_TRACE_SAMPLE_RATE", in: 0...1)
        if let name = reader.text("OTEL_TRACES_SAMPLER") {
            if share != nil { reader.note(.info, "OTEL_TRACES_SAMPLER is used; DD_TRACE_SAMPLE_RATE is set too, and not used") }
            let valid = argument.map { Double($0).map { (0...1).contains($0) } ?? false } ?? true
            if !valid { reader.note(.warning, "OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1, and is passed over") }
            if let sampler = Sampler(named: name, argument: valid ? argument : nil) {
                self.sampler = sampler
            } else {
                reader.note(.warning, "OTEL_TRACES_SAMPLER=\(name.prefix(60)) is not known here: \(sampler) is used")
            }
        } else if let share {
            sampler = Sampler(ratio: share)
        }
        keep = KeepRule(
            errors: reader.flag("TELEMETRY_KEEP_ERRORS") ?? true, slowSeconds: reader.number("TELEMETRY_KEEP_SLOW_SECONDS", in: 0...86_400) ?? 1)
        let names =
            reader.text("OTEL_PROPAGATORS") ?? reader.text("DD_TRACE_PROPAGATION_STYLE")
        guard let names else { return }
        var styles: [Propagation.Style] = []
        for name in names.split(separator: ",").map({ String($0).trimmed.lowercased() }) where name != "none" {
            if let style = Propagation.Style(rawValue: name) {
                styles.append(style)
            } else {
                reader.note(.warning, "the propagator \(name.prefix(60)) is not known here: tracecontext, baggage and datadog are")
            }
        }
        propagation = Propagation(styles)
    }

    private mutating func readBounds(_ reader: inout VariableReader) {
        queueCapacity = reader.integer("OTEL_BSP_MAX_QUEUE_SIZE", in: 1...1_000_000) ?? queueCapacity
        batchSize = min(queueCapacity, reader.integer("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", in: 1...100_000) ?? batchSize)
        batchDelay = reader.milliseconds("OTEL_BSP_SCHEDULE_DELAY", in: 10...600_000) ?? batchDelay
        metricInterval = reader.milliseconds("OTEL_METRIC_EXPORT_INTERVAL", in: 100...3_600_000) ?? metricInterval
        limits.attributes = reader.integer("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", in: 1...10_000) ?? limits.attributes
        limits.events = reader.integer("OTEL_SPAN_EVENT_COUNT_LIMIT", in: 0...10_000) ?? limits.events
        limits.links = reader.integer("OTEL_SPAN_LINK_COUNT_LIMIT", in: 0...10_000) ?? limits.links
        limits.valueBytes = reader.integer("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", in: 16...(1 << 20)) ?? limits.valueBytes
        if let name = reader.text("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE") {
            if let temporality = Temporality(rawValue: name.lowercased()) {
                self.temporality = temporality
            } else {
                reader.note(.warning, "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE must be delta or cumulative, and is passed over")
            }
        }
    }
}

extension String {
    fileprivate func hasPort(_ port: Int) -> Bool {
        guard let start = firstRange(of: "://")?.upperBound else { return false }
        return self[start...].prefix { $0 != "/" }.hasSuffix(":\(port)")
    }
}
