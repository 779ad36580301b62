import Basics
import Database
import HTTPPath
import Logging
import Metrics
import Resilience
import ServiceLifecycle
import Synchronization
import Telemetry
import Tracing

/// Drives sagas to their end: those that a request began, and after a crash those that were left.
///
/// A saga runs in a task of its own, not the request's: it inherits neither the request's deadline nor its cancellation.
final class SagaRunner: Sendable {
    /// One kind of saga, with its data type hidden: loads it and makes one step of progress.
    struct Kind: Sendable {
        let name: String
        let drive: @Sendable (Identifier, SagaRunner) async throws -> Void
    }

    struct Limits: Sendable {
        /// Sagas in work at once; the rest wait in the table. Bounds memory and calls to other services.
        var running = 256
        /// The longest one try of a step may take.
        var attempt: Duration = .seconds(3)
        var backoff = Backoff(base: .milliseconds(50), cap: .seconds(5))
        /// About a quarter of an hour at the cap: whatever is broken for longer needs a person.
        var parkAfter = 200
        /// How often the table is searched for sagas that nobody here is working on.
        var poll: Duration = .milliseconds(500)
    }

    let store: SagaStore
    let sources: Sources
    let limits: Limits
    let logger: Logger
    private let tracer: TelemetryTracer
    private let kinds: [String: Kind]
    private let state = Mutex(State())

    private struct State {
        var running: [Identifier: Completion] = [:]
        var isStopping = false
    }

    /// - Parameter tracer: begins the traces of sagas that no request here began.
    init(store: SagaStore, kinds: [Kind], sources: Sources, limits: Limits, logger: Logger, tracer: TelemetryTracer) {
        self.tracer = tracer
        self.store = store
        self.kinds = Dictionary(uniqueKeysWithValues: kinds.map { ($0.name, $0) })
        self.sources = sources
        self.limits = limits
        self.logger = logger
    }

    var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Whether another saga may be begun now.
    var hasRoom: Bool { state.withLock { !$0.isStopping && $0.running.count < limits.running } }

    /// Begins to work on a stored saga; if that is so already, gives that work. nil if there is no room: the poll will find it.
    @discardableResult
    func start(_ id: Identifier, kind name: String) -> Completion? {
        guard let kind = kinds[name] else {
            logger.error("a saga of a kind that is not known here", metadata: ["saga": "\(id)", "kind": "\(name)"])
            return nil
        }
        let completion = Completion()
        let (current, isNew) = state.withLock { state -> (Completion?, Bool) in
            if let running = state.running[id] { return (running, false) }
            guard !state.isStopping, state.running.count < limits.running else { return (nil, false) }
            state.running[id] = completion
            return (completion, true)
        }
        guard isNew else { return current }
        Task.detached { [self, context = CallContext.current, trace = InstrumentationContext.current] in
            await InstrumentationContext.$current.withValue(trace) {
                await CallContext.$current.withValue(context) {
                    do {
                        try await work(on: id, kind)
                    } catch {
                        // The row is as it was; the poll takes it up again.
                        logger.error("a saga could not go on for now", metadata: ["saga": "\(id)", "error": "\(type(of: error))"])
                    }
                }
            }
            state.withLock { $0.running[id] = nil }
            completion.finish()
        }
        return current
    }

    /// Where another worker was faster with a step this one goes on from there, so that whoever waits here waits for the end. Two on one
    /// saga call for some steps twice, with the same ids, and record each once.
    private func work(on id: Identifier, _ kind: Kind) async throws {
        while true {
            do {
                return try await kind.drive(id, self)
            } catch is SagaStore.Outdated {
                logger.warning("another worker moved the saga on", metadata: ["saga": "\(id)"])
            }
        }
    }

    /// Makes all the progress that can be made: ends when the saga is finished, waits for a later try, or this process stops.
    /// - Returns: the saga, if it was finished here.
    @discardableResult
    func drive<Data>(
        _ id: Identifier, _ definition: SagaDefinition<Data>, project: @escaping Projection<Data>
    ) async throws -> SagaRecord<Data>? {
        guard let saga = try await store.load(id, Data.self, store.database), !saga.isFinished else { return nil }
        let span = span(of: saga, definition)
        return try await span.run { _ in
            let saga = try await CallContext.$current.withValue(CallContext(correlationID: saga.correlationID)) {
                try await drive(saga, definition, project)
            }
            span.set("saga.state", saga.state.rawValue)
            if let failure = saga.failure { span.set("saga.failure", failure.code) }
            return saga.isFinished ? saga : nil
        }
    }

    /// A part of the trace in which the saga was begun, also where another process, or another request, goes on with it.
    private func span<Data>(of saga: SagaRecord<Data>, _ definition: SagaDefinition<Data>) -> TraceSpan {
        let begun = saga.traceParent.flatMap(SpanContext.init(traceparent:))
        let attributes = [
            Attribute("saga.kind", definition.kind), Attribute("saga.id", saga.id.description),
            Attribute(definition.subject, saga.subjectID.description),
        ]
        let current = TraceSpan.current
        if let current, begun == nil || begun?.traceID == current.identity.traceID {
            return current.child("saga \(definition.kind)", attributes: attributes)
        }
        let span = tracer.begin("saga \(definition.kind)", continuing: begun, attributes: attributes)
        if let current { span.addLink(SpanRecord.Link(current.identity)) }
        return span
    }

    private func drive<Data>(
        _ loaded: SagaRecord<Data>, _ definition: SagaDefinition<Data>, _ project: @escaping Projection<Data>
    ) async throws -> SagaRecord<Data> {
        var saga = loaded
        while !saga.isFinished, !isStopping {
            let wait = saga.nextAttemptAt - sources.now()
            // A long wait frees its place; the poll comes back to it.
            if wait > .seconds(1) { return saga }
            if wait > .zero { try await Task.sleep(for: wait) }
            let step = definition.steps[saga.step]
            let event = await attempt(saga, step)
            saga = try await record(saga, event, definition, step: step.name, project)
        }
        if saga.isFinished {
            Counter(label: "saga.transitions", dimensions: [("saga", definition.kind), ("state", saga.state.rawValue)]).increment()
            if saga.state == .parked {
                logger.error("a saga needs attention", metadata: ["saga": "\(saga.id)", "reason": "\(saga.failure?.code ?? "")"])
            }
        }
        return saga
    }

    /// In the transaction of each transition: brings what the saga is about up to date.
    typealias Projection<Data: SagaData> = @Sendable (SagaRecord<Data>, Timestamp, any SQLRunner) async throws -> Void

    private func attempt<Data>(_ saga: SagaRecord<Data>, _ step: SagaStep<Data>) async -> SagaRecord<Data>.Event {
        let isUndo = saga.state == .compensating
        let call = StepCall(saga: saga.id, step: step.name, isUndo: isUndo)
        let attributes = [Attribute("saga.step", step.name), Attribute("saga.attempt", saga.attempt)]
        do {
            return try await withChildSpan("\(saga.kind) \(step.name)\(isUndo ? " undo" : "")", attributes: attributes) { span in
                try await once(saga.data, step, call, span)
            }
        } catch {
            logger.info(
                "a step gave no definite answer",
                metadata: ["saga": "\(saga.id)", "step": "\(step.name)", "undo": "\(isUndo)", "error": "\(describe(error))"])
            let retryAt = sources.now() + limits.backoff.delay(saga.attempt)
            return isUndo ? .undoUnknown(retryAt: retryAt) : .stepUnknown(retryAt: retryAt)
        }
    }

    private func once<Data>(
        _ data: Data, _ step: SagaStep<Data>, _ call: StepCall, _ span: TraceSpan?
    ) async throws -> SagaRecord<Data>.Event {
        if call.isUndo {
            if let undo = step.undo { try await withTimeout(limits.attempt) { try await undo(data, call) } }
            return .undoDone
        }
        switch try await withTimeout(limits.attempt, { try await step.run(data, call) }) {
        case .done(let data): return .stepDone(data)
        case .refused(let problem):
            // Where a trace is looked at, this is what went wrong; the saga itself does what it is for.
            span?.fail(problem)
            return .stepRefused(problem)
        }
    }

    private func record<Data>(
        _ saga: SagaRecord<Data>, _ event: SagaRecord<Data>.Event, _ definition: SagaDefinition<Data>, step: String,
        _ project: @escaping Projection<Data>
    ) async throws -> SagaRecord<Data> {
        try await store.database.withTransaction { [store, limits, sources] transaction in
            var next = saga
            let now = sources.now()
            next.cancelRequested = try await store.lock(saga.id, transaction)
            let text = next.apply(event, definition, now: now, parkAfter: limits.parkAfter)
            next.version += 1
            try await store.update(next, from: saga.version, step: step, event: text, now: now, transaction)
            try await project(next, now, transaction)
            return next
        }
    }

    private func describe(_ error: any Error) -> String {
        switch error {
        case let error as UpstreamError: error.description
        case let problem as Problem: "\(problem.status) \(problem.code)"
        case let error as DatabaseError: error.description
        default: "\(type(of: error))"
        }
    }
}

extension SagaRunner: Service {
    /// Takes up what a crash left behind, then whatever is due; on shutdown lets each saga record the step it is in.
    func run() async {
        await cancelWhenGracefulShutdown { [self] in
            while !Task.isCancelled {
                await pickUp()
                // Cut short by the shutdown, which is no error.
                try? await Task.sleep(for: limits.poll)
            }
        }
    }

    func pickUp() async {
        do {
            for saga in try await store.due(sources.now(), limit: limits.running) { start(saga.id, kind: saga.kind) }
        } catch {
            logger.error("unfinished sagas cannot be read", metadata: ["error": "\(describe(error))"])
        }
    }

    /// Starts nothing more and waits for what runs; each saga ends its current try and stays where that left it.
    func stop() async {
        state.withLock { $0.isStopping = true }
        await idle()
    }

    /// Waits for what is in work now.
    func idle() async {
        for completion in state.withLock({ Array($0.running.values) }) { await completion.wait() }
    }
}

/// Something that ends once, and may be waited for by any number of tasks, each of which may give up.
final class Completion: Sendable {
    private struct State {
        var isFinished = false
        var next = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    func finish() {
        let waiters = state.withLock { state in
            state.isFinished = true
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when it has ended, or when this task is cancelled.
    func wait() async {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let resumeNow = state.withLock { state in
                    if state.isFinished || Task.isCancelled { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if resumeNow { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }
}
