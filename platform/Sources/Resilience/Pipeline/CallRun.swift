import Basics

/// One call on its way: does what ``CallMachine`` says.
struct CallRun<T: Sendable, E: Error>: Sendable {
    private enum Event: Sendable {
        case ended(AttemptOutcome<T, E>, isHedge: Bool)
        case late
    }

    private let maker: AttemptMaker<T, E>
    private var machine: CallMachine
    private var value: T?
    private var error: E?

    init(
        pipeline: CallPipeline, policy: CallPolicy, kind: CallKind, deadline: ContinuousClock.Instant?,
        verdict: @escaping @Sendable (E) -> Verdict, body: @escaping @Sendable (Attempt) async throws(E) -> T
    ) {
        let mutations = pipeline.mutations
        maker = AttemptMaker(
            pipeline: pipeline, policy: policy, kind: kind,
            rules: AttemptRules(policy: policy, kind: kind, deadline: deadline, mutations: mutations), verdict: verdict, body: body)
        machine = CallMachine(policy.retry, kind, deadline: deadline, mutations: mutations)
    }

    /// - Parameter now: when the first attempt begins.
    mutating func value(from now: ContinuousClock.Instant) async throws(CallFailure<E>) -> T {
        let pipeline = maker.pipeline
        var now = now
        var action = machine.start()
        while true {
            switch action {
            case .attempt(let number, _):
                if let hedge = maker.policy.hedge, maker.kind.isHedgeable, let late = pipeline.latency.late(minimum: hedge.minimumSamples) {
                    action = await hedgedRound(number, at: now, lateAt: now + max(late, hedge.earliest))
                } else {
                    action = take(await maker.attempt(number, isHedge: false, at: now), isHedge: false)
                }
            case .pause(let until, let delay):
                do { try await pipeline.clock.sleep(until) } catch { throw failure(.error) }
                if Task.isCancelled { throw failure(.error) }
                now = pipeline.clock.now()
                action = machine.resumed(at: now)
                if case .attempt(let number, _) = action { pipeline.tell(.retried(number: number, after: delay)) }
            case .end(.value):
                if let value { return value }
                preconditionFailure("a call that ended with a value has one")
            case .end(let end): throw failure(end)
            case .wait: preconditionFailure("a call waits only while an attempt is under way")
            }
        }
    }

    private func failure(_ end: CallMachine.End) -> CallFailure<E> {
        switch (end, error) {
        case (.rejected(let rejection), _): return .rejected(rejection)
        case (.budgetExhausted, let error?):
            maker.pipeline.tell(.retryBudgetExhausted)
            return .retryBudgetExhausted(last: error)
        case (_, let error?): return .failed(error)
        case (_, nil): preconditionFailure("a call that ended with an error has one")
        }
    }

    private mutating func take(_ outcome: AttemptOutcome<T, E>, isHedge: Bool) -> CallMachine.Action {
        let pipeline = maker.pipeline
        switch outcome {
        case .value(let value):
            self.value = value
            if isHedge { pipeline.tell(.hedgeWon) }
            return machine.succeeded()
        case .rejected(let rejection, let now): return machine.rejected(rejection, pipeline.budget, at: now)
        case .error(let error, let verdict, let now):
            self.error = error
            return machine.failed(
                verdict, pipeline.budget, expected: verdict.isRetryable ? pipeline.median : .zero, at: now, random: pipeline.clock.random)
        }
    }

    /// One attempt, and a second beside it when the first is late. Whatever is under way when the round is decided is cancelled and awaited.
    private mutating func hedgedRound(_ number: Int, at now: ContinuousClock.Instant, lateAt: ContinuousClock.Instant) async -> CallMachine.Action {
        let maker = maker
        let clock = maker.pipeline.clock
        return await withTaskGroup(of: Event.self) { group in
            group.addTask { .ended(await maker.attempt(number, isHedge: false, at: now), isHedge: false) }
            group.addTask {
                // Cancelled, it says so too early, when nobody listens any more.
                do { try await clock.sleep(lateAt) } catch { _ = error }
                return .late
            }
            defer { group.cancelAll() }
            while let event = await group.next() {
                let action: CallMachine.Action
                switch event {
                case .late:
                    if Task.isCancelled { continue }
                    action = machine.late(maker.pipeline.budget, at: clock.now())
                case .ended(let outcome, let isHedge): action = take(outcome, isHedge: isHedge)
                }
                switch action {
                case .wait: continue
                case .attempt(let number, isHedge: true):
                    maker.pipeline.tell(.hedged)
                    group.addTask { .ended(await maker.attempt(number, isHedge: true, at: clock.now()), isHedge: true) }
                default: return action
                }
            }
            preconditionFailure("a round ends with its last attempt")
        }
    }
}

enum AttemptOutcome<T: Sendable, E: Error>: Sendable {
    case value(T)
    case error(E, Verdict, at: ContinuousClock.Instant)
    case rejected(Rejection, at: ContinuousClock.Instant)
}

/// Makes the attempts of one call: admitted, timed, and judged.
struct AttemptMaker<T: Sendable, E: Error>: Sendable {
    let pipeline: CallPipeline
    let policy: CallPolicy
    let kind: CallKind
    let rules: AttemptRules
    let verdict: @Sendable (E) -> Verdict
    let body: @Sendable (Attempt) async throws(E) -> T

    func attempt(_ number: Int, isHedge: Bool, at now: ContinuousClock.Instant) async -> AttemptOutcome<T, E> {
        let end = rules.end(at: now)
        let isGivenTime = rules.isGivenTime(now, end)
        let admission: Admission
        do throws(Rejection) {
            admission = try pipeline.admit(policy, at: now, until: end, isGivenTime: isGivenTime)
        } catch {
            return .rejected(error, at: now)
        }
        if number == 1 { pipeline.budget.call(at: now) }
        let attempt = Attempt(number: number, isHedge: isHedge, deadline: end.map(Deadline.init), isGivenTime: isGivenTime)
        do throws(E) {
            let value = try await run(attempt)
            let ended = pipeline.clock.now()
            if !kind.isOpenEnded { pipeline.note(ended - now, policy) }
            admission.end(.success, kind.isOpenEnded ? .ignored : .success, took: kind.isOpenEnded ? .zero : nil, at: ended)
            return .value(value)
        } catch {
            let ended = pipeline.clock.now()
            var verdict = verdict(error)
            // Cancellation is never a failure, whatever the body made of it.
            if Task.isCancelled { verdict = .abandoned }
            let (outcome, load) = rules.outcome(verdict, isGivenTime: attempt.isGivenTime)
            admission.end(outcome, load, took: kind.isOpenEnded ? .zero : nil, at: ended)
            return .error(error, verdict, at: ended)
        }
    }

    private func run(_ attempt: Attempt) async throws(E) -> T {
        guard let deadline = attempt.deadline else { return try await body(attempt) }
        return try await Deadline.with(deadline) { () throws(E) in try await body(attempt) }
    }
}
