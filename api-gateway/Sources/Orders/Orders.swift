public import Basics
public import Database
import HTTPPath
public import Logging
import Payments
import Resilience
import ServiceKit
public import ServiceLifecycle
import ShopTelemetry
public import Telemetry

/// Orders: taken once per key, carried out by a durable saga, and never left half-done.
public struct Orders: Sendable {
    private let database: any Database
    private let store = OrderStore()
    private let sagas: SagaStore
    let runner: SagaRunner
    private let sources: Sources
    private let order: SagaDefinition<OrderData>
    private let cancellation: SagaDefinition<OrderData>
    private let patience: Duration

    /// - Parameters:
    ///   - database: holds the tables of ``migrations``.
    ///   - patience: how long placing or cancelling waits for the saga before it answers "still running".
    ///   - timeAllowed: an order that has not reached its capture by then is undone.
    ///   - tracer: begins the traces of what no request here began.
    public init(
        database: any Database, parties: OrderParties, sources: Sources = .system, logger: Logger, patience: Duration = .seconds(2),
        timeAllowed: Duration = .seconds(30), tracer: TelemetryTracer = .off
    ) {
        self.init(
            database: database, parties: parties, sources: sources, logger: logger, patience: patience, timeAllowed: timeAllowed,
            limits: SagaRunner.Limits(), tracer: tracer)
    }

    init(
        database: any Database, parties: OrderParties, sources: Sources, logger: Logger, patience: Duration, timeAllowed: Duration,
        limits: SagaRunner.Limits, tracer: TelemetryTracer = .off
    ) {
        let store = store
        let sagas = SagaStore(database: database)
        let order = SagaDefinition.order(parties, timeAllowed: timeAllowed)
        let cancellation = SagaDefinition.cancellation(parties)
        self.database = database
        self.sagas = sagas
        self.sources = sources
        self.order = order
        self.cancellation = cancellation
        self.patience = patience
        runner = SagaRunner(
            store: sagas,
            kinds: [
                .init(name: order.kind) { id, runner in
                    let ended = try await runner.drive(id, order) { saga, now, transaction in
                        try await Self.project(order: saga, now, store, sagas, cancellation, sources, transaction)
                    }
                    if let ended { OrderCounts.count(order: ended) }
                },
                .init(name: cancellation.kind) { id, runner in
                    let ended = try await runner.drive(id, cancellation) { saga, now, transaction in
                        try await Self.project(cancellation: saga, now, store, transaction)
                    }
                    if let ended { OrderCounts.count(cancellation: ended) }
                },
            ],
            sources: sources, limits: limits, logger: logger, tracer: tracer)
    }

    /// The tables of orders and sagas, for `Migration.load`. They come after those of the payments sandbox, since both are in the
    /// gateway's database.
    public static let migrations: [(name: String, bytes: [UInt8])] = [
        ("m0002_orders.sqlite.sql", PackageResources.m0002_orders_sqlite_sql),
        ("m0002_orders.postgres.sql", PackageResources.m0002_orders_postgres_sql),
        ("m0003_saga_traces.sql", PackageResources.m0003_saga_traces_sql),
    ]

    /// To be run for as long as the service: takes up what was left unfinished.
    public var background: any Service { runner }

    /// To be awaited before the database is closed.
    public func stop() async { await runner.stop() }

    // MARK: placing

    public enum Placement: Sendable {
        case new(Order)
        /// The key was used before with the same body: the order's state now.
        case replayed(Order)

        public var order: Order {
            switch self {
            case .new(let order), .replayed(let order): order
            }
        }
    }

    /// Takes an order and carries it out, or gives the one that this key already stands for.
    /// - Parameters:
    ///   - key: `Idempotency-Key`, within the subject.
    ///   - bodyHash: SHA-256 of the request's bytes; the same key with another hash is refused with 422.
    ///   - wait: false answers at once, and the saga goes on.
    public func place(_ request: OrderRequest, subject: String, key: String, bodyHash: String, wait: Bool) async throws -> Placement {
        let id = sources.makeID()
        let outcome = OrderOutcome(reservationID: sources.makeID(), paymentID: sources.makeID(), shopper: subject)
        let now = sources.now()
        let saga = Self.saga(id, order, subject: id, OrderData(request: request, outcome: outcome), now)
        let hasRoom = runner.hasRoom
        let known = try await database.withTransaction { [store, sagas] transaction -> (order: Order, bodyHash: String)? in
            if let known = try await store.find(subject: subject, key: key, transaction) { return known }
            // Refused before anything is stored: the same key may be used again later.
            guard hasRoom else { throw Problem.unavailable("Too many orders are being carried out.", retryAfterSeconds: 2) }
            guard
                try await store.insert(id, subject: subject, key: key, bodyHash: bodyHash, request: request, outcome: outcome, now: now, transaction)
            else {
                // Another request with the key came at the same moment, and has committed since: its order is the one.
                return try await store.find(subject: subject, key: key, transaction)
            }
            try await sagas.insert(saga, now: now, transaction)
            return nil
        }
        if let known {
            guard known.bodyHash == bodyHash else { throw Idempotency.reused }
            TraceSpan.current?.set(.orderID, known.order.id.description)
            return .replayed(known.order)
        }
        TraceSpan.current?.set(.orderID, id.description)
        let completion = runner.start(id, kind: order.kind)
        if wait, let completion { await waitABit(for: completion) }
        return .new(try await get(id))
    }

    /// - Throws: 404 where there is none, or it is another shopper's.
    /// - Parameter subject: whose orders may be seen; nil for everybody's.
    public func get(_ id: Identifier, subject: String? = nil) async throws -> Order {
        guard let order = try await store.find(id, database), subject == nil || order.subject == subject else { throw Problem.notFound("order") }
        return order
    }

    /// Newest first, one more than `limit` where there are more.
    public func list(subject: String?, before: Identifier?, limit: Int) async throws -> [Order] {
        try await store.page(subject: subject, before: before, limit: limit, database)
    }

    // MARK: cancelling

    /// Calls an order off: while it is pending by undoing it, when it is confirmed by a refund and a return. Repeated: the order as it is.
    /// - Throws: 409 for an order that was rejected or that needs a person.
    public func cancel(_ id: Identifier, subject: String?, wait: Bool = true) async throws -> Order {
        TraceSpan.current?.set(.orderID, id.description)
        let now = sources.now()
        let work = try await database.withTransaction { [store, sagas, sources, cancellation, order] transaction -> (id: Identifier, kind: String)? in
            // No step of the order's saga is recorded, and nobody else cancels it, from here to the end of the transaction.
            try await sagas.lock(id, transaction)
            guard let found = try await store.find(id, transaction), subject == nil || found.subject == subject else {
                throw Problem.notFound("order")
            }
            switch found.status {
            case .cancelled: return nil
            case .rejected, .needsAttention:
                throw Problem(409, "order_not_cancellable", "An order that is \(found.status.rawValue) cannot be cancelled.")
            case .cancelling: return nil
            case .pending:
                _ = try await sagas.requestCancel(id, now: now, transaction)
                try await store.update(id, status: .cancelling, now: now, transaction)
                return (id, order.kind)
            case .confirmed:
                guard let outcome = found.outcome else { throw Problem(500, "order_without_outcome", "The order has no outcome.") }
                let saga = Self.saga(sources.makeID(), cancellation, subject: id, OrderData(request: found.request, outcome: outcome), now)
                try await sagas.insert(saga, now: now, transaction)
                try await store.update(id, status: .cancelling, now: now, transaction)
                return (saga.id, cancellation.kind)
            }
        }
        if let work, let completion = runner.start(work.id, kind: work.kind), wait { await waitABit(for: completion) }
        return try await get(id)
    }

    // MARK: -

    private func waitABit(for completion: Completion) async {
        // Whoever asked may have less time, and some of it is needed to read the order and to answer; the saga goes on either way.
        let allowed = Deadline.current.map { $0.remaining * 0.8 } ?? patience
        _ = try? await withTimeout(min(patience, allowed)) { await completion.wait() }
    }

    private static func saga(
        _ id: Identifier, _ definition: SagaDefinition<OrderData>, subject: Identifier, _ data: OrderData, _ now: Timestamp
    ) -> SagaRecord<OrderData> {
        SagaRecord(
            id: id, kind: definition.kind, definitionVersion: definition.version, subjectID: subject, state: .running, step: 0, attempt: 0,
            data: data,
            failure: nil, cancelRequested: false, correlationID: CallContext.current?.correlationID ?? id.description,
            traceParent: TraceSpan.current?.identity.traceparent, version: 1, deadlineAt: now + definition.timeAllowed,
            nextAttemptAt: now)
    }

    private static func project(
        order saga: SagaRecord<OrderData>, _ now: Timestamp, _ store: OrderStore, _ sagas: SagaStore, _ cancellation: SagaDefinition<OrderData>,
        _ sources: Sources, _ transaction: any SQLRunner
    ) async throws {
        let id = saga.subjectID
        let outcome = saga.data.outcome
        let called = saga.cancelRequested
        switch saga.state {
        case .running, .compensating:
            try await store.update(id, status: called ? .cancelling : .pending, outcome: outcome, now: now, transaction)
        case .completed where called:
            // It was called off after the capture had begun: what was confirmed is cancelled in turn.
            try await sagas.insert(Self.saga(sources.makeID(), cancellation, subject: id, saga.data, now), now: now, transaction)
            try await store.update(id, status: .cancelling, outcome: outcome, now: now, transaction)
        case .completed:
            try await store.update(id, status: .confirmed, outcome: outcome, now: now, transaction)
        case .compensated:
            let wasCancelled = called || saga.failure?.code == SagaRecord<OrderData>.cancelled.code
            try await store.update(
                id, status: wasCancelled ? .cancelled : .rejected, outcome: outcome, rejection: wasCancelled ? nil : saga.failure, now: now,
                transaction)
        case .parked:
            try await store.update(id, status: .needsAttention, outcome: outcome, rejection: saga.failure, now: now, transaction)
        }
    }

    private static func project(
        cancellation saga: SagaRecord<OrderData>, _ now: Timestamp, _ store: OrderStore, _ transaction: any SQLRunner
    ) async throws {
        switch saga.state {
        case .completed: try await store.update(saga.subjectID, status: .cancelled, now: now, transaction)
        case .parked: try await store.update(saga.subjectID, status: .needsAttention, rejection: saga.failure, now: now, transaction)
        default: break
        }
    }
}
