public import Telemetry
internal import Tracing

/// Measures what a client does: a client span for each command of a trace, and the time of every command.
struct RedisInstruments: Sendable {
    private struct Key: Hashable, Sendable {
        let operation: String
        let error: String?
    }

    private static let durations = DurationSeries<Key>(.dbClientOperationDuration) { key in
        [("db.system.name", "redis"), ("db.operation.name", key.operation), ("error.type", key.error ?? "")]
    }

    private let host: String
    private let port: Int
    private let database: Int

    init(_ options: RedisOptions) {
        host = options.host
        port = options.port
        database = options.database
    }

    /// - Parameter script: the name of the script that the command runs.
    func command<T>(
        _ name: String, script: String?, _ body: () async throws(RedisError) -> T
    ) async throws(RedisError) -> T {
        try await measure(name, script.map { "\(name) \($0)" } ?? name, script.map { [Attribute(.dbStoredProcedure, $0)] } ?? [], body)
    }

    func pipeline<T>(_ count: Int, _ body: () async throws(RedisError) -> T) async throws(RedisError) -> T {
        try await measure("PIPELINE", "PIPELINE", [Attribute(.dbBatchSize, count)], body)
    }

    private func measure<T>(
        _ operation: String, _ name: String, _ own: @autoclosure () -> [Attribute], _ body: () async throws(RedisError) -> T
    ) async throws(RedisError) -> T {
        let begun = Ticks.now()
        let span = TraceSpan.current
        do throws(RedisError) {
            let result = try await body()
            record(operation, name, own, begun, span, nil)
            return result
        } catch {
            // That the server does not know a script yet is how scripts are sent, and no failure.
            record(operation, name, own, begun, span, error.server?.code == "NOSCRIPT" ? nil : error)
            throw error
        }
    }

    private func record(
        _ operation: String, _ name: String, _ own: () -> [Attribute], _ begun: Int64, _ span: TraceSpan?, _ error: RedisError?
    ) {
        let now = Ticks.now()
        // Whoever gives up a command says nothing of the server.
        let failure = error.flatMap { $0.code == .cancelled ? nil : $0 }
        Self.durations.record(nanoseconds: now - begun, Key(operation: operation, error: failure?.spanErrorType))
        span?.record(
            child: name, kind: .client, start: begun, end: now,
            attributes: [
                Attribute(.dbSystem, "redis"), Attribute(.dbOperation, operation), Attribute(.dbNamespace, String(database)),
                Attribute(.serverAddress, host), Attribute(.serverPort, port),
            ] + own() + (failure?.server.map { [Attribute(.dbStatus, $0.code)] } ?? []),
            error: failure.map { (type: $0.spanErrorType, message: $0.spanErrorMessage) })
    }
}

extension AttributeKey {
    static let dbStoredProcedure = AttributeKey("db.stored_procedure.name")
}

extension RedisError: SpanErrorDescribing {
    public var spanErrorType: String { code.rawValue }
    public var spanErrorMessage: String { description }
}
