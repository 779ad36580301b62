public import Telemetry
import Tracing

/// Measures what a database does: a client span for each statement and transaction of a trace, their durations, and the waits for a
/// connection. Outside of a trace only the metrics.
struct DatabaseInstruments: Sendable {
    /// `db.system.name`.
    let system: String
    /// `db.namespace`, where the engine has one.
    let namespace: String?

    /// What tells the series of the metric apart.
    struct Key: Hashable, Sendable {
        let system: String
        let operation: StatementSummary.Operation
        let error: String?
    }

    private static let durations = DurationSeries<Key>(.dbClientOperationDuration) { key in
        [("db.system.name", key.system), ("db.operation.name", key.operation.rawValue), ("error.type", key.error ?? "")]
    }

    /// What happens on the way to a result, besides the work itself.
    struct Meter {
        fileprivate var waited: Int64 = 0
        fileprivate var events: [SpanRecord.Event] = []
        /// How often it was run.
        fileprivate(set) var attempts = 0

        mutating func begin() { attempts += 1 }

        /// - Parameter isQueued: whether there was none at once.
        mutating func wait(from begun: Int64, isQueued: Bool) {
            let now = Ticks.now()
            waited += now - begun
            guard isQueued else { return }
            events.append(
                SpanRecord.Event(
                    "db.client.connection.wait", time: begun, attributes: [Attribute(.connectionWait, .double(Double(now - begun) / 1e9))]))
        }
    }

    // MARK: Statements

    func statement<T>(_ text: String, _ body: (inout Meter) async throws -> T) async throws -> T {
        let begun = Ticks.now()
        let span = TraceSpan.current
        var meter = Meter()
        do {
            let result = try await body(&meter)
            record(text, begun, meter, span, nil)
            return result
        } catch {
            record(text, begun, meter, span, error)
            throw error
        }
    }

    private func record(_ text: String, _ begun: Int64, _ meter: Meter, _ span: TraceSpan?, _ error: (any Error)?) {
        let now = Ticks.now()
        let summary = StatementSummary(text)
        let failure = error.map { ($0 as? DatabaseError)?.spanErrorType ?? String(reflecting: type(of: $0)) }
        Self.durations.record(nanoseconds: now - begun - meter.waited, Key(system: system, operation: summary.operation, error: failure))
        guard let span, span.isRecording else { return }
        span.record(
            child: summary.name, kind: .client, start: begun, end: now, attributes: attributes(summary, text, meter), events: meter.events,
            error: failure.map { (type: $0, message: (error as? DatabaseError)?.spanErrorMessage ?? $0) })
    }

    private func attributes(_ summary: StatementSummary, _ text: String?, _ meter: Meter) -> [Attribute] {
        var attributes: [Attribute] = []
        attributes.reserveCapacity(7)
        attributes.append(Attribute(.dbSystem, system))
        if let namespace { attributes.append(Attribute(.dbNamespace, namespace)) }
        attributes.append(Attribute(.dbOperation, summary.operation.rawValue))
        if let table = summary.table { attributes.append(Attribute(.dbCollection, table)) }
        // With placeholders and never with a value: that is how statements are written here.
        if let text { attributes.append(Attribute(.dbQueryText, text)) }
        if meter.attempts > 1 { attributes.append(Attribute(.dbAttempts, meter.attempts)) }
        return attributes
    }

    // MARK: Transactions

    /// Its statements are the children of its span.
    func transaction<T>(_ body: (inout Meter) async throws -> T) async throws -> T {
        let begun = Ticks.now()
        let span = TraceSpan.current.flatMap { $0.isRecording ? $0.child(Self.transactionName, kind: .client) : nil }
        var meter = Meter()
        do {
            let result: T
            if let span {
                var context = InstrumentationContext.current ?? .topLevel
                context.current(span)
                result = try await InstrumentationContext.$current.withValue(context) { try await body(&meter) }
            } else {
                result = try await body(&meter)
            }
            end(span, begun, meter, nil)
            return result
        } catch {
            end(span, begun, meter, error)
            throw error
        }
    }

    private static let transactionName = StatementSummary.Operation.transaction.rawValue

    private func end(_ span: TraceSpan?, _ begun: Int64, _ meter: Meter, _ error: (any Error)?) {
        let now = Ticks.now()
        // What its body throws rolls it back, and is no fault of the database.
        let failure = (error as? DatabaseError).flatMap { $0.code == .cancelled ? nil : $0 }
        Self.durations.record(nanoseconds: now - begun - meter.waited, Key(system: system, operation: .transaction, error: failure?.spanErrorType))
        guard let span else { return }
        for event in meter.events { span.addEvent(event) }
        var attributes = [Attribute(.dbSystem, system), Attribute(.dbOperation, Self.transactionName)]
        if let namespace { attributes.append(Attribute(.dbNamespace, namespace)) }
        if meter.attempts > 1 { attributes.append(Attribute(.dbAttempts, meter.attempts)) }
        attributes.append(Attribute(.dbOutcome, error == nil ? "commit" : "rollback"))
        span.end(time: now, attributes: attributes, error: failure.map { (type: $0.spanErrorType, message: $0.spanErrorMessage) })
    }
}

extension AttributeKey {
    static let dbCollection = AttributeKey("db.collection.name")
    static let dbAttempts = AttributeKey("db.transaction.attempts")
    static let dbOutcome = AttributeKey("db.transaction.outcome")
    static let connectionWait = AttributeKey("db.client.connection.wait_time")
}

extension DatabaseError: SpanErrorDescribing {
    public var spanErrorType: String { code.description }
    public var spanErrorMessage: String { description }
}
