public import Logging
internal import Metrics

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// What an executable emits about itself: logs and metrics today, traces and their export later.
public struct Telemetry: Sendable {
    public let resource: Resource
    /// Every series of this process; ``MetricsRegistry/observe(_:read:)`` adds values that are read at the scrape.
    public let metrics: MetricsRegistry

    /// Installs the log handlers and the metrics factory for the whole process.
    ///
    /// To be called once, first thing in `main`: swift-log and swift-metrics trap on a second bootstrap. Tests construct
    /// ``JSONLogHandler``, ``PrettyLogHandler`` and ``MetricsRegistry`` themselves.
    ///
    /// - Parameters:
    ///   - definitions: The executable's own metrics, in addition to ``MetricDefinition/platform``; one of the same name replaces it.
    ///   - logColors: Whether the pretty format is coloured; nil: when standard output is a terminal and `NO_COLOR` is not set.
    ///   - metadataProvider: Read for each record, on the task that logs: the place for correlation and trace ids.
    public static func bootstrap(
        service: String,
        version: String,
        environment: String,
        logFormat: LogFormat = .automatic,
        logLevel: Logger.Level = .info,
        definitions: [MetricDefinition] = [],
        logColors: Bool? = nil,
        metadataProvider: Logger.MetadataProvider? = nil
    ) -> Telemetry {
        let resource = Resource(service: service, version: version, environment: environment)
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
        metrics.observeProcess()
        metrics.observe(.telemetryLogLinesDropped) { Double(sink.droppedLines) }
        MetricsSystem.bootstrap(metrics)
        return Telemetry(resource: resource, metrics: metrics)
    }

    /// All metrics in Prometheus' text format 0.0.4; see ``MetricsRegistry/renderPrometheus()``.
    public func renderPrometheus() -> String { metrics.renderPrometheus() }

    /// See https://no-color.org: set and not empty.
    private static var noColorIsSet: Bool { getenv("NO_COLOR").map { $0.pointee != 0 } ?? false }
}

extension Telemetry {
    /// Metadata of the current task, for every record logged in it. What is dear to build belongs in a provider, which is only
    /// asked when a record is written.
    @TaskLocal public static var logMetadata: Logger.Metadata = [:]

    /// Gives ``logMetadata`` to a handler. ``bootstrap(service:version:environment:logFormat:logLevel:definitions:logColors:metadataProvider:)``
    /// installs it; a handler that a test constructs can be given it too.
    public static let metadataProvider = Logger.MetadataProvider { Telemetry.logMetadata }

    /// Runs `body` with `metadata` added to ``logMetadata``; on equal keys the new value counts.
    public static func withLogMetadata<Result>(
        _ metadata: Logger.Metadata, _ body: nonisolated(nonsending) () async throws -> Result
    ) async rethrows -> Result {
        try await $logMetadata.withValue(logMetadata.merging(metadata) { $1 }, operation: body)
    }
}

extension Telemetry {
    /// Who emits: the same three on every log record, and the resource of everything exported.
    public struct Resource: Sendable, Hashable {
        /// OpenTelemetry's `service.name`, Datadog's `service`.
        public var service: String
        /// OpenTelemetry's `service.version`, Datadog's `version`.
        public var version: String
        /// OpenTelemetry's `deployment.environment.name`, Datadog's `env`.
        public var environment: String

        public init(service: String, version: String, environment: String) {
            self.service = service
            self.version = version
            self.environment = environment
        }
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
