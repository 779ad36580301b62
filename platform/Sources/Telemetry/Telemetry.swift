internal import Instrumentation
public import Logging
internal import Metrics
internal import NIOPosix

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// What an executable emits about itself: logs, metrics, and spans.
///
/// ```swift
/// let telemetry = Telemetry.bootstrap(
///     TelemetryConfiguration(service: "mail-service", version: "1.2.0", variable: { ProcessInfo.processInfo.environment[$0] }))
/// …
/// await telemetry.shutdown()
/// ```
///
/// From then on swift-log writes JSON lines that carry the ids of their span, swift-metrics counts into ``metrics``, and
/// swift-distributed-tracing's `withSpan` makes spans that go to an OpenTelemetry collector, a Datadog Agent, or whatever else takes OTLP
/// over HTTP. Whoever begins a trace (an HTTP server, a consumer of a queue) does so with ``tracer``.
public struct Telemetry: Sendable {
    public let resource: Resource
    /// Every series of this process; ``MetricsRegistry/observe(_:read:)`` adds values that are read at the scrape.
    public let metrics: MetricsRegistry
    public let tracer: TelemetryTracer
    /// What exports; nil where nothing is.
    private let pipeline: ExportPipeline?

    /// Installs the log handlers, the metrics factory and the tracer for the whole process, and begins to export.
    ///
    /// To be called once, first thing in `main`: the three systems trap on a second bootstrap. Tests construct ``JSONLogHandler``,
    /// ``PrettyLogHandler``, ``MetricsRegistry`` and ``TelemetryTracer`` themselves.
    ///
    /// - Parameters:
    ///   - definitions: The executable's own metrics, in addition to ``MetricDefinition/platform``; one of the same name replaces it.
    ///   - logColors: Whether the pretty format is coloured; nil: when standard output is a terminal and `NO_COLOR` is not set.
    ///   - metadataProvider: Read for each record, on the task that logs: the place for correlation ids. Those of the span are there anyway.
    public static func bootstrap(
        _ configuration: TelemetryConfiguration, logFormat: LogFormat = .automatic, logLevel: Logger.Level = .info,
        definitions: [MetricDefinition] = [], logColors: Bool? = nil, metadataProvider: Logger.MetadataProvider? = nil
    ) -> Telemetry {
        let resource = configuration.resource
        let sink = FileDescriptorSink.standardOutput
        let providers = [Telemetry.metadataProvider, metadataProvider].compactMap { $0 }
        let terminal = isatty(STDOUT_FILENO) == 1
        if logFormat == .pretty || (logFormat == .automatic && terminal) {
            let colored = logColors ?? (terminal && !noColorIsSet)
            LoggingSystem.bootstrap(
                { label, provider in
                    PrettyLogHandler(label: label, level: logLevel, colored: colored, metadataProvider: provider, sink: sink)
                },
                metadataProvider: .multiplex(providers)
            )
        } else {
            LoggingSystem.bootstrap(
                { label, provider in
                    JSONLogHandler(label: label, resource: resource, level: logLevel, metadataProvider: provider, sink: sink)
                },
                metadataProvider: .multiplex(providers)
            )
        }
        let metrics = MetricsRegistry(definitions: MetricDefinition.platform + definitions)
        if !configuration.isDisabled {
            metrics.observeProcess()
            metrics.observe(.telemetryLogLinesDropped) { Double(sink.droppedLines) }
            MetricsSystem.bootstrap(metrics)
            EventLoopLag.observe(MultiThreadedEventLoopGroup.singleton, in: metrics)
        }
        let pipeline = ExportPipeline(configuration, metrics)
        let tracer = TelemetryTracer(
            sink: pipeline?.spans, sampler: configuration.sampler, keep: configuration.keep, propagation: configuration.propagation,
            limits: configuration.limits)
        InstrumentationSystem.bootstrap(tracer)
        let log = Logger(label: "telemetry")
        for note in configuration.notes { log.log(level: note.level, "\(note.text)") }
        if let traces = configuration.traces {
            log.info(
                "spans are exported",
                metadata: ["url": "\(traces.url)", "sampler": "\(configuration.sampler)", "propagation": "\(configuration.propagation)"])
        }
        return Telemetry(resource: resource, metrics: metrics, tracer: tracer, pipeline: pipeline)
    }

    init(resource: Resource, metrics: MetricsRegistry, tracer: TelemetryTracer, pipeline: ExportPipeline?) {
        self.resource = resource
        self.metrics = metrics
        self.tracer = tracer
        self.pipeline = pipeline
    }

    /// Telemetry that exports nothing by itself; for tests, which give it a tracer with a sink of theirs.
    public init(resource: Resource, metrics: MetricsRegistry = MetricsRegistry(), tracer: TelemetryTracer = .off) {
        self.init(resource: resource, metrics: metrics, tracer: tracer, pipeline: nil)
    }

    /// Has everything exported that waits, and does not wait for that.
    public func flush() { pipeline?.flush() }

    /// Exports what waits, for at most `time`, and stops exporting. What is left then is dropped, and counted where nobody reads it any more.
    public func shutdown(within time: Duration = .seconds(5)) async { await pipeline?.shutdown(within: time) }

    /// All metrics in Prometheus' text format 0.0.4; see ``MetricsRegistry/renderPrometheus()``.
    public func renderPrometheus() -> String { metrics.renderPrometheus() }

    /// The same in OpenMetrics 1.0; see ``MetricsRegistry/renderOpenMetrics()``.
    public func renderOpenMetrics() -> String { metrics.renderOpenMetrics() }

    /// See https://no-color.org: set and not empty.
    private static var noColorIsSet: Bool { getenv("NO_COLOR").map { $0.pointee != 0 } ?? false }
}

extension Telemetry {
    /// Metadata of the current task, for every record logged in it. What is dear to build belongs in a provider, which is only
    /// asked when a record is written.
    @TaskLocal public static var logMetadata: Logger.Metadata = [:]

    /// Gives ``logMetadata`` to a handler. ``bootstrap(_:logFormat:logLevel:definitions:logColors:metadataProvider:)`` installs it;
    /// a handler that a test constructs can be given it too.
    public static let metadataProvider = Logger.MetadataProvider { Telemetry.logMetadata }

    /// Runs `body` with `metadata` added to ``logMetadata``; on equal keys the new value counts.
    public static func withLogMetadata<Result>(
        _ metadata: Logger.Metadata, _ body: nonisolated(nonsending) () async throws -> Result
    ) async rethrows -> Result {
        try await $logMetadata.withValue(logMetadata.merging(metadata) { $1 }, operation: body)
    }
}

/// How log records are written. The raw values are the configuration's.
public enum LogFormat: String, Sendable, CaseIterable {
    /// One JSON object a line, for machines.
    case json
    /// One aligned line, for people.
    case pretty
    /// ``pretty`` when standard output is a terminal, ``json`` otherwise.
    case automatic
}
