import Basics
import Database
import HTTPPath
import NIOCore
import Telemetry

/// The sagas' rows. Every change is conditional on the version it was computed from: whoever is late changes nothing.
struct SagaStore: Sendable {
    let database: any Database

    /// Another worker has moved the saga on.
    struct Outdated: Error {}

    func insert<Data>(_ saga: SagaRecord<Data>, now: Timestamp, _ transaction: any SQLRunner) async throws {
        try await transaction.execute(
            """
            INSERT INTO sagas (id, kind, definition_version, subject_id, state, step, attempt, data, correlation_id, trace_id, trace_parent,
                version, deadline_at, next_attempt_at, created_at, updated_at)
            VALUES (\(saga.id), \(saga.kind), \(saga.definitionVersion), \(saga.subjectID), \(saga.state.rawValue), \(saga.step), \(saga.attempt),
                \(text(saga.data)), \(saga.correlationID), \(saga.traceID), \(saga.traceParent), \(saga.version), \(saga.deadlineAt),
                \(saga.nextAttemptAt), \(now), \(now))
            """)
        try await history(saga, step: "", event: "begun", now: now, transaction)
    }

    /// Unfinished sagas that are due, oldest first.
    func due(_ now: Timestamp, limit: Int) async throws -> [(id: Identifier, kind: String)] {
        try await database.query(
            """
            SELECT id, kind FROM sagas WHERE state IN ('running', 'compensating') AND next_attempt_at <= \(now)
            ORDER BY next_attempt_at LIMIT \(limit)
            """
        ).map { (try $0.decode("id"), try $0.decode("kind")) }
    }

    func load<Data>(_ id: Identifier, _: Data.Type, _ runner: any SQLRunner) async throws -> SagaRecord<Data>? {
        try await runner.query(
            """
            SELECT id, kind, definition_version, subject_id, state, step, attempt, data, failure_status, failure, cancel_requested,
                correlation_id, trace_parent, version, deadline_at, next_attempt_at
            FROM sagas WHERE id = \(id)
            """
        ).first.map { row in
            let data = try JSON.parse(Array(row.decode("data", as: String.self).utf8))
            let failure = try row.decode("failure", as: String?.self)
            return SagaRecord(
                id: try row.decode("id"), kind: try row.decode("kind"), definitionVersion: try row.decode("definition_version"),
                subjectID: try row.decode("subject_id"), state: SagaRecord.State(rawValue: try row.decode("state"))!, step: try row.decode("step"),
                attempt: try row.decode("attempt"), data: try Fields.read(data, strict: false, Data.init),
                failure: try failure.map { Problem(status: try row.decode("failure_status"), body: ByteBuffer(string: $0)) },
                cancelRequested: try row.decode("cancel_requested"), correlationID: try row.decode("correlation_id"),
                traceParent: try row.decode("trace_parent"), version: try row.decode("version"), deadlineAt: try row.decode("deadline_at"),
                nextAttemptAt: try row.decode("next_attempt_at"))
        }
    }

    /// Keeps everybody else from changing the saga until the transaction ends.
    /// - Returns: whether somebody has called it off; none will before the end of the transaction.
    @discardableResult
    func lock(_ id: Identifier, _ transaction: any SQLRunner) async throws -> Bool {
        try await transaction.query("SELECT cancel_requested FROM sagas WHERE id = \(id) \(SQL.forUpdate)").first?.decode("cancel_requested") ?? false
    }

    /// Asks the unfinished saga to stop while it still can, and makes it due: a wait for a later try ends. False if there is none.
    func requestCancel(_ id: Identifier, now: Timestamp, _ transaction: any SQLRunner) async throws -> Bool {
        try await transaction.execute(
            """
            UPDATE sagas SET cancel_requested = TRUE, next_attempt_at = \(now) WHERE id = \(id) AND state IN ('running', 'compensating')
            """) == 1
    }

    /// Stores what a saga has become, with its line of history.
    /// - Parameter from: the version it was computed from.
    func update<Data>(
        _ saga: SagaRecord<Data>, from: Int64, step: String, event: String, now: Timestamp, _ transaction: any SQLRunner
    ) async throws {
        let changed = try await transaction.execute(
            """
            UPDATE sagas SET state = \(saga.state.rawValue), step = \(saga.step), attempt = \(saga.attempt), data = \(text(saga.data)),
                failure_status = \(saga.failure?.status as Int?), failure = \(saga.failure.map { String(buffer: $0.body(traceID: nil)) } as String?),
                version = \(saga.version), next_attempt_at = \(saga.nextAttemptAt), updated_at = \(now)
            WHERE id = \(saga.id) AND version = \(from) AND state IN ('running', 'compensating')
            """)
        guard changed == 1 else { throw Outdated() }
        try await history(saga, step: step, event: event, now: now, transaction)
    }

    private func history<Data>(
        _ saga: SagaRecord<Data>, step: String, event: String, now: Timestamp, _ transaction: any SQLRunner
    ) async throws {
        try await transaction.execute(
            """
            INSERT INTO saga_history (saga_id, version, at, state, step, event)
            VALUES (\(saga.id), \(saga.version), \(now), \(saga.state.rawValue), \(step), \(event))
            """)
    }

    private func text(_ value: some JSONWritable) -> String { String(buffer: JSONWriter.bytes(value)) }
}

extension SagaRecord {
    /// 32 hexadecimal digits; the saga's own id where it is part of no trace.
    fileprivate var traceID: String {
        traceParent.flatMap(SpanContext.init(traceparent:))?.traceID.description ?? id.description.replacing("-", with: "")
    }
}
