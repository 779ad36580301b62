extension MetricDefinition {
    /// What every service has. An executable adds its own when it starts:
    /// ``Telemetry/bootstrap(service:version:environment:logFormat:logLevel:definitions:logColors:metadataProvider:)``.
    public static let platform: [MetricDefinition] = [
        httpServerRequestDuration, httpServerActiveRequests, httpClientRequestDuration, dbClientOperationDuration,
        processResidentMemory, processOpenFiles, processCPUTime, processStartTime,
        telemetryOverflows, telemetryRejections, telemetryLogLinesDropped,
    ] + resilience

    public static let httpServerRequestDuration = MetricDefinition(
        name: "http.server.request.duration", unit: .seconds, kind: .histogram,
        description: "Time from the head of a request to the last byte of its response.",
        labels: ["http.request.method", "http.route", "http.response.status_code"]
    )

    public static let httpServerActiveRequests = MetricDefinition(
        name: "http.server.active_requests", unit: .count("request"), kind: .upDownCounter,
        description: "Requests being served now.",
        labels: ["http.request.method"]
    )

    public static let httpClientRequestDuration = MetricDefinition(
        name: "http.client.request.duration", unit: .seconds, kind: .histogram,
        description: "Time of one attempt at an upstream, to the last byte of its response or to its failure.",
        labels: ["upstream", "http.request.method", "http.response.status_code", "error.type"]
    )

    /// Finer below 5 ms than HTTP's buckets: most statements live there. OpenTelemetry's advice for databases, with more at the low end.
    public static let dbClientOperationDuration = MetricDefinition(
        name: "db.client.operation.duration", unit: .seconds, kind: .histogram,
        description: "Time of one statement or transaction, without the wait for a connection.",
        labels: ["db.system.name", "db.operation.name", "error.type"],
        buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]
    )

    // The process: named so that the exposition has the names that Prometheus' own clients use, which existing dashboards know.

    static let processResidentMemory = MetricDefinition(
        name: "process.resident_memory", unit: .bytes, kind: .gauge, description: "Resident memory."
    )
    static let processOpenFiles = MetricDefinition(
        name: "process.open_fds", unit: .count("file_descriptor"), kind: .gauge, description: "Open file descriptors."
    )
    static let processCPUTime = MetricDefinition(
        name: "process.cpu", unit: .seconds, kind: .counter, description: "CPU time used, user and system."
    )
    static let processStartTime = MetricDefinition(
        name: "process.start_time", unit: .seconds, kind: .gauge, description: "When the process started, since the Unix epoch."
    )

    // Telemetry about telemetry: what was lost, so that nobody trusts a number that is not whole.

    static let telemetryOverflows = MetricDefinition(
        name: "telemetry.series.overflows", unit: .count("lookup"), kind: .counter,
        description: "Look-ups of a series that ended at a metric's overflow series."
    )
    static let telemetryRejections = MetricDefinition(
        name: "telemetry.metrics.rejected", unit: .count("lookup"), kind: .counter,
        description: "Look-ups of a metric that gave none: its name is of another kind, in use, or one too many."
    )
    static let telemetryLogLinesDropped = MetricDefinition(
        name: "telemetry.log.lines.dropped", unit: .count("line"), kind: .counter,
        description: "Log lines that standard output did not take."
    )
}
