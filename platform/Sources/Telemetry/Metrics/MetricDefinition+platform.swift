extension MetricDefinition {
    /// What every service has. An executable adds its own when it starts.
    public static let platform: [MetricDefinition] = http + database + resilience + sagas + faults + process + telemetry

    // MARK: HTTP

    public static let http: [MetricDefinition] = [httpServerRequestDuration, httpServerActiveRequests, httpClientRequestDuration]

    public static let httpServerRequestDuration = MetricDefinition(
        name: "http.server.request.duration", unit: .seconds, kind: .histogram,
        description: "Time from the head of a request to the last byte of its response.",
        attributes: [.httpMethod, .httpRoute, .httpStatus, .errorType("the status of a 5xx answer, or the name of an error", most: 40)]
    )

    public static let httpServerActiveRequests = MetricDefinition(
        name: "http.server.active_requests", unit: .count("request"), kind: .upDownCounter,
        description: "Requests being served now.",
        attributes: [.httpMethod]
    )

    public static let httpClientRequestDuration = MetricDefinition(
        name: "http.client.request.duration", unit: .seconds, kind: .histogram,
        description: "Time of one attempt at an upstream, to the last byte of its response or to its failure.",
        attributes: [
            .from("upstream", "the services that this one calls", most: 10), .httpMethod, .httpStatus,
            .errorType("the status of a 4xx or 5xx answer, or why there was no answer", most: 60),
        ]
    )

    // MARK: Database

    public static let database: [MetricDefinition] = [dbClientOperationDuration, dbClientConnectionWaitTime, dbClientConnectionCount]

    /// Finer below 5 ms than HTTP's buckets: most statements live there. OpenTelemetry's advice for databases, with more at the low end.
    public static let dbClientOperationDuration = MetricDefinition(
        name: "db.client.operation.duration", unit: .seconds, kind: .histogram,
        description: "Time of one statement or transaction, without the wait for a connection; or of one command of Redis.",
        attributes: [
            .dbSystem,
            .from("db.operation.name", "the first word of the statement, or TRANSACTION; of Redis, the command, or PIPELINE", most: 40),
            .errorType("the code of a DatabaseError, or of a RedisError", most: 40),
        ],
        buckets: databaseBuckets
    )

    public static let dbClientConnectionWaitTime = MetricDefinition(
        name: "db.client.connection.wait_time", unit: .seconds, kind: .histogram,
        description: "Time until a connection of the pool was to be had.",
        attributes: [.dbPool],
        buckets: databaseBuckets
    )

    public static let dbClientConnectionCount = MetricDefinition(
        name: "db.client.connection.count", unit: .count("connection"), kind: .upDownCounter,
        description: "Connections of the pool, by what they are doing.",
        attributes: [.dbPool, .oneOf("db.client.connection.state", "idle", "used")]
    )

    static let databaseBuckets: [Double] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]

    // MARK: Sagas

    public static let sagas: [MetricDefinition] = [sagaTransitions]

    public static let sagaTransitions = MetricDefinition(
        name: "saga.transitions", unit: .count("transition"), kind: .counter,
        description: "Sagas that came to a state in which they rest.",
        attributes: [
            .from("saga", "the sagas that are declared", most: 10), .oneOf("state", "completed", "compensated", "parked"),
        ]
    )

    // MARK: The process

    /// `process.*` is named so that the text exposition has the names that Prometheus' own clients use, which existing dashboards know.
    public static let process: [MetricDefinition] = [
        processResidentMemory, processOpenFiles, processCPUTime, processStartTime, eventLoopLag,
    ]

    public static let processResidentMemory = MetricDefinition(
        name: "process.resident_memory", unit: .bytes, kind: .gauge, description: "Resident memory."
    )
    public static let processOpenFiles = MetricDefinition(
        name: "process.open_fds", unit: .count("file_descriptor"), kind: .gauge, description: "Open file descriptors."
    )
    public static let processCPUTime = MetricDefinition(
        name: "process.cpu", unit: .seconds, kind: .counter, description: "CPU time used, user and system."
    )
    public static let processStartTime = MetricDefinition(
        name: "process.start_time", unit: .seconds, kind: .gauge, description: "When the process started, since the Unix epoch."
    )
    public static let eventLoopLag = MetricDefinition(
        name: "runtime.event_loop.lag", unit: .seconds, kind: .histogram,
        description: "How much later than asked an event loop ran a timer: high where something blocks it, or there is too little CPU.",
        buckets: [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]
    )

    // MARK: Telemetry about telemetry: what was lost, so that nobody trusts a number that is not whole.

    public static let telemetry: [MetricDefinition] = [
        telemetryExported, telemetryDropped, telemetryExportFailures, telemetryQueueSize,
        telemetryOverflows, telemetryRejections, telemetryLogLinesDropped,
    ]

    public static let telemetryExported = MetricDefinition(
        name: "telemetry.exported", unit: .count("item"), kind: .counter,
        description: "Spans, and points of metrics, that the collector has taken.",
        attributes: [.signal]
    )
    public static let telemetryDropped = MetricDefinition(
        name: "telemetry.dropped", unit: .count("item"), kind: .counter,
        description: "Spans, and points of metrics, that were lost here.",
        attributes: [.signal, .oneOf("reason", "queue_full", "rejected", "retries_exhausted", "shutdown")]
    )
    public static let telemetryExportFailures = MetricDefinition(
        name: "telemetry.export.failures", unit: .count("request"), kind: .counter,
        description: "Requests to the collector that it did not take, those that were repeated included.",
        attributes: [.signal, .errorType("the status, or why there was none", most: 20)]
    )
    public static let telemetryQueueSize = MetricDefinition(
        name: "telemetry.queue.size", unit: .count("span"), kind: .gauge, description: "Spans that wait for their export."
    )
    public static let telemetryOverflows = MetricDefinition(
        name: "telemetry.series.overflows", unit: .count("lookup"), kind: .counter,
        description: "Look-ups of a series that ended at a metric's overflow series."
    )
    public static let telemetryRejections = MetricDefinition(
        name: "telemetry.metrics.rejected", unit: .count("lookup"), kind: .counter,
        description: "Look-ups of a metric that gave none: its name is of another kind, in use, or one too many."
    )
    public static let telemetryLogLinesDropped = MetricDefinition(
        name: "telemetry.log.lines.dropped", unit: .count("line"), kind: .counter,
        description: "Log lines that standard output did not take."
    )
}

extension MetricAttribute {
    /// `_OTHER` stands for whatever is not one of them, as OpenTelemetry has it: a caller can invent methods.
    public static let httpMethod = MetricAttribute.oneOf(
        "http.request.method", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "_OTHER")
    public static let httpRoute = MetricAttribute.from("http.route", "the routes of the service, and \"unknown\"", most: 60)
    public static let httpStatus = MetricAttribute.from("http.response.status_code", "the status codes that services answer", most: 40)
    public static let dbSystem = MetricAttribute.oneOf("db.system.name", "sqlite", "postgresql", "redis")
    public static let dbPool = MetricAttribute.oneOf("db.client.connection.pool.name", "connections", "readers", "writer")
    public static let signal = MetricAttribute.oneOf("signal", "traces", "metrics")
    public static func errorType(_ source: String, most: Int) -> MetricAttribute { .from("error.type", source, most: most) }
}
