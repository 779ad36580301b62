import Resilience
import Synchronization
import Telemetry
import Tracing

/// Coalesces calls that are made at the same time, so that one statement and one commit serve many callers.
///
/// A call that finds a lane free is run at once, alone if need be: nobody waits for a timer. Calls that come while every lane is at work
/// wait, and go together in the next batch. Each caller gets its own result, after the commit that made it durable.
///
/// - **Bounds.** At most `lanes` batches at the same time, `most` calls in one, `waiterLimit` calls waiting; one more is refused with
///   `poolExhausted`. Memory is bounded by `waiterLimit + lanes × most` calls.
/// - **Deadlines and cancellation.** A batch runs under the latest deadline among its callers, or none if one of them has none. A caller
///   leaves at its own deadline, or when its task is cancelled, at once; that never cancels the batch. If its call was still waiting, it is
///   dropped: `timeout` or `cancelled`, and nothing was written. If a batch has it, the batch goes on, and what becomes of the call is not
///   known: `commitUnknown` where batches write, since the other two codes promise that nothing was written.
/// - **Errors.** A batch fails as a whole only for what is no call's fault: the connection was lost, the outcome of the commit is not known,
///   the deadline has passed, others were in the way. After any other error its calls are run again one by one, and each gets its own. So
///   `run` throws only if nothing was written, or if its calls are safe to repeat. A refusal of one call is no error of the batch: it is
///   that call's result.
/// - **Conflicts.** Two calls with the same conflict key are never run at the same time: the later one waits for another batch. So a
///   statement need not think of what it means that an id is in it twice. Calls without a key conflict with none.
///
/// A batch is a child of none of its callers' tasks and inherits no task-local value but the deadline and the trace. In a trace, one with a
/// single caller is a span of that caller's trace. One with several is a trace of its own, whose span links to its callers'; each of them
/// has a span for its wait, which links to the batch.
///
/// The idea is that of a group commit, and of the DataLoader of GraphQL servers.
public final class Batcher<Input: Sendable, Output: Sendable>: Sendable {
    public struct Options: Sendable {
        /// Batches at the same time; each takes a connection while it runs. Two keep the database busy while answers are given out; with
        /// more of them the batches only get smaller.
        public var lanes = 2
        /// Calls in one batch.
        public var most = 64
        /// Calls that may wait for a batch.
        public var waiterLimit = 4096
        /// Whether batches write. A caller that leaves a batch which only reads is told `timeout` or `cancelled`.
        public var writes = true
        /// What its spans are called.
        public var name = "batch"

        public init() {}
    }

    /// One call; what varies is guarded by the batcher's lock.
    private final class Call: @unchecked Sendable {
        enum Stage {
            case new, waiting, running
        }

        let input: Input
        let deadline: Deadline?
        /// The caller's; nil outside of a trace.
        let span: TraceSpan?
        let begun: Int64
        var stage = Stage.new
        /// Cancelled before it had begun to wait.
        var hasLeft = false
        /// Whoever takes it, under the lock, answers.
        var continuation: UnsafeContinuation<Result<Output, any Error>, Never>?

        init(_ input: Input, deadline: Deadline?) {
            self.input = input
            self.deadline = deadline
            span = TraceSpan.current.flatMap { $0.isRecording ? $0 : nil }
            begun = span == nil ? 0 : Ticks.now()
        }
    }

    private struct State {
        var waiting: [Call] = []
        var running: [UInt64: [Call]] = [:]
        var keys: Set<AnyHashable> = []
        /// Lanes at work, and those among them that have not taken a batch yet.
        var lanes = 0
        var starting = 0
        var isClosed = false
        var closers: [CheckedContinuation<Void, Never>] = []
        /// Wakes up for the earliest deadline.
        var timer = DeadlineTimer()
        var statistics = BatcherStatistics()
    }

    private typealias Answer = (continuation: UnsafeContinuation<Result<Output, any Error>, Never>, result: Result<Output, any Error>)

    private let state = Mutex(State())
    private let options: Options
    private let conflictKey: (@Sendable (Input) -> AnyHashable)?
    private let run: @Sendable ([Input]) async throws -> [Result<Output, any Error>]

    /// - Parameters:
    ///   - conflictKey: see above; nil: calls never conflict.
    ///   - run: runs the calls, of which there is at least one, and gives their results in the same order.
    public init(
        _ options: Options = Options(), conflictKey: (@Sendable (Input) -> AnyHashable)? = nil,
        _ run: @escaping @Sendable ([Input]) async throws -> [Result<Output, any Error>]
    ) {
        precondition(options.lanes > 0 && options.most > 0 && options.waiterLimit > 0)
        self.options = options
        self.conflictKey = conflictKey
        self.run = run
    }

    package var statistics: BatcherStatistics {
        state.withLock { state in
            var statistics = state.statistics
            statistics.waiting = state.waiting.count
            return statistics
        }
    }

    /// Has the call run in the next batch.
    ///
    /// Throws what `run` gives for it, `timeout`, `cancelled`, `commitUnknown` (see above), `poolExhausted`, or `closed` after
    /// ``shutdown()``.
    public func callAsFunction(_ input: Input) async throws -> Output {
        let call = Call(input, deadline: Deadline.current)
        if Task.isCancelled { throw DatabaseError.cancelled }
        if let deadline = call.deadline, deadline.hasPassed { throw DatabaseError.timeout }
        // Unsafe, because a continuation is made for each call of the hottest path. That it is resumed once follows from its being taken out
        // of the call under the lock: by the batch that answers all of its calls, by the timer, by the cancellation, or by a refusal.
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Result<Output, any Error>, Never>) in
                admit(call, continuation)
            }
        } onCancel: {
            cancel(call)
        }
        return try result.get()
    }

    /// Refuses new calls (`closed`), and returns when those that wait already have been run. May be called more than once.
    public func shutdown() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isDone = state.withLock { state in
                state.isClosed = true
                if state.lanes == 0 { return true }
                state.closers.append(continuation)
                return false
            }
            if isDone { continuation.resume() }
        }
        state.withLock { $0.timer.cancel() }
    }

    // MARK: Coming

    private func admit(_ call: Call, _ continuation: UnsafeContinuation<Result<Output, any Error>, Never>) {
        let (refusal, starts) = state.withLock { state -> (DatabaseError?, Bool) in
            if call.hasLeft { return (.cancelled, false) }
            if state.isClosed { return (.closed, false) }
            guard state.waiting.count < options.waiterLimit else {
                return (DatabaseError(.poolExhausted, "\(options.waiterLimit) callers wait for a batch already"), false)
            }
            call.stage = .waiting
            call.continuation = continuation
            state.waiting.append(call)
            state.statistics.joined += 1
            if let deadline = call.deadline { arm(&state, deadline) }
            return (nil, startsLane(&state))
        }
        if let refusal { continuation.resume(returning: .failure(refusal)) }
        if starts { startLane() }
    }

    /// Whether a lane is to be started for those who wait. One that is about to take its batch takes them too.
    private func startsLane(_ state: inout State) -> Bool {
        guard state.lanes < options.lanes, state.waiting.count > state.starting * options.most else { return false }
        state.lanes += 1
        state.starting += 1
        return true
    }

    // A task of its own: the caller that finds a lane free must be able to leave while its batch goes on.
    private func startLane() {
        Task.detached { [self] in
            var batch = next(after: nil)
            while let (number, calls) = batch {
                await run(calls)
                batch = next(after: number)
            }
        }
    }

    // MARK: Running

    /// The next batch, which is whatever waits now; nil, and the lane has ended, if nothing does.
    private func next(after finished: UInt64?) -> (number: UInt64, calls: [Call])? {
        let (batch, starts, closers) = state.withLock { state -> ((UInt64, [Call])?, Bool, [CheckedContinuation<Void, Never>]) in
            if let finished {
                let calls = state.running.removeValue(forKey: finished) ?? []
                if let conflictKey { for call in calls { state.keys.remove(conflictKey(call.input)) } }
            } else {
                state.starting -= 1
            }
            let calls = take(&state)
            if calls.isEmpty {
                // Those who still wait do so for a key that another lane has, and that lane will look for them.
                state.lanes -= 1
                guard state.isClosed, state.lanes == 0 else { return (nil, false, []) }
                defer { state.closers = [] }
                return (nil, false, state.closers)
            }
            state.statistics.batches += 1
            state.statistics.calls += calls.count
            state.statistics.largest = max(state.statistics.largest, calls.count)
            let number = UInt64(state.statistics.batches)
            state.running[number] = calls
            return ((number, calls), startsLane(&state), [])
        }
        for closer in closers { closer.resume() }
        if starts { startLane() }
        return batch
    }

    private func take(_ state: inout State) -> [Call] {
        var taken: [Call] = []
        if let conflictKey {
            var left: [Call] = []
            for (index, call) in state.waiting.enumerated() {
                if taken.count == options.most {
                    left += state.waiting[index...]
                    break
                }
                if state.keys.insert(conflictKey(call.input)).inserted { taken.append(call) } else { left.append(call) }
            }
            state.waiting = left
        } else if state.waiting.count <= options.most {
            swap(&taken, &state.waiting)
        } else {
            taken = Array(state.waiting.prefix(options.most))
            state.waiting.removeFirst(taken.count)
        }
        for call in taken { call.stage = .running }
        return taken
    }

    private func run(_ calls: [Call]) async {
        do {
            var latest = calls[0].deadline
            for call in calls { latest = call.deadline.flatMap { deadline in latest.map { max($0, deadline) } } }
            answer(calls, with: try await traced(calls, until: latest))
        } catch {
            guard calls.count > 1, Self.isOfOneCall(error) else { return answer(calls, with: calls.map { _ in .failure(error) }) }
            state.withLock { $0.statistics.rerun += 1 }
            for call in calls {
                // Who has left was told that its call may not have been run.
                guard state.withLock({ _ in call.continuation != nil }) else { continue }
                do {
                    answer([call], with: try await traced([call], until: call.deadline))
                } catch {
                    answer([call], with: [.failure(error)])
                }
            }
        }
    }

    private func traced(_ calls: [Call], until deadline: Deadline?) async throws -> [Result<Output, any Error>] {
        let inputs = calls.map(\.input)
        guard let first = calls.lazy.compactMap(\.span).first else { return try await run(inputs, until: deadline) }
        let size = [Attribute(.dbBatchSize, calls.count)]
        guard calls.count > 1 else {
            return try await first.child(options.name, attributes: size).run { _ in try await run(inputs, until: deadline) }
        }
        let callers = calls.filter { $0.span != nil }
        let span = first.tracer.begin(
            options.name, sampled: callers.contains { $0.span?.identity.isSampled == true }, attributes: size)
        for caller in callers { if let parent = caller.span { span.addLink(SpanRecord.Link(parent.identity)) } }
        defer {
            let now = Ticks.now()
            for caller in callers {
                caller.span?.record(
                    child: options.name, kind: .internal, start: caller.begun, end: now, attributes: size,
                    links: [SpanRecord.Link(span.identity)])
            }
        }
        return try await span.run { _ in try await run(inputs, until: deadline) }
    }

    private func run(_ inputs: [Input], until deadline: Deadline?) async throws -> [Result<Output, any Error>] {
        let results = try await Deadline.$current.withValue(deadline) { try await run(inputs) }
        precondition(results.count == inputs.count, "a batch gives one result for each call")
        return results
    }

    /// Whether an error may be the fault of one call among many.
    private static func isOfOneCall(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return !(error is CancellationError) && !(error is DeadlineExceeded) }
        switch error.code {
        case .serializationFailure, .deadlock, .busy, .timeout, .cancelled, .connectionLost, .commitUnknown, .poolExhausted, .diskFull, .readOnly,
            .corrupt, .closed, .unavailable:
            return false
        default:
            return true
        }
    }

    private func answer(_ calls: [Call], with results: [Result<Output, any Error>]) {
        let answers = state.withLock { _ in
            var answers: [Answer] = []
            answers.reserveCapacity(calls.count)
            for (call, result) in zip(calls, results) {
                if let continuation = call.continuation.take() { answers.append((continuation, result)) }
            }
            return answers
        }
        for answer in answers { answer.continuation.resume(returning: answer.result) }
    }

    // MARK: Leaving

    private func cancel(_ call: Call) {
        let answer = state.withLock { state -> Answer? in
            switch call.stage {
            case .new:
                call.hasLeft = true
                return nil
            case .waiting:
                state.waiting.removeAll { $0 === call }
                return call.continuation.take().map { ($0, .failure(DatabaseError.cancelled)) }
            case .running:
                let error = options.writes ? DatabaseError.leftBatch("the task was cancelled") : .cancelled
                return call.continuation.take().map { ($0, .failure(error)) }
            }
        }
        if let answer { answer.continuation.resume(returning: answer.result) }
    }

    private func arm(_ state: inout State, _ deadline: Deadline) {
        state.timer.arm(deadline) { [weak self] in self?.expire() }
    }

    private func expire() {
        let answers = state.withLock { state -> [Answer] in
            state.timer.hasFired()
            // One look at the clock decides for everybody.
            let now = Deadline(.now)
            var answers: [Answer] = []
            var earliest: Deadline?
            func expire(_ call: Call, _ error: DatabaseError) {
                guard let deadline = call.deadline, call.continuation != nil else { return }
                if deadline <= now, let continuation = call.continuation.take() {
                    answers.append((continuation, .failure(error)))
                } else {
                    earliest = earliest.map { min($0, deadline) } ?? deadline
                }
            }
            for call in state.waiting { expire(call, .timeout) }
            state.waiting.removeAll { $0.continuation == nil }
            let left = options.writes ? DatabaseError.leftBatch("the deadline passed") : .timeout
            for calls in state.running.values { for call in calls { expire(call, left) } }
            if let earliest { arm(&state, earliest) }
            return answers
        }
        for answer in answers { answer.continuation.resume(returning: answer.result) }
    }
}

/// What a batcher has done since it was made.
package struct BatcherStatistics: Hashable, Sendable {
    package internal(set) var batches = 0
    /// Calls in all batches together.
    package internal(set) var calls = 0
    /// Calls in the largest batch.
    package internal(set) var largest = 0
    /// Batches that failed and were run again call by call.
    package internal(set) var rerun = 0
    /// Calls that wait now.
    package internal(set) var waiting = 0
    /// Calls that have begun to wait, ever: unlike ``waiting`` it never falls, so who waits for the next one cannot miss it.
    package internal(set) var joined = 0
}

extension DatabaseError {
    fileprivate static func leftBatch(_ reason: String) -> DatabaseError {
        DatabaseError(.commitUnknown, "\(reason) while a batch was at work, which goes on: it may happen or not")
    }
}
