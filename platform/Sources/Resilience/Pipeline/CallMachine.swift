/// A call's way through retry, hedge and deadline, without clock, lock, or I/O: each event gives the next thing to do. The pipeline does it
/// with real calls, the simulator in time of its own.
///
/// What an attempt needs besides (the breaker's permit, a place within the concurrency limit) is whoever's who makes it: an attempt that is
/// not admitted is told as ``rejected(_:)``.
package struct CallMachine: Sendable {
    package enum Action: Equatable, Sendable {
        /// Make an attempt now.
        case attempt(number: Int, isHedge: Bool)
        /// Nothing: another attempt is still under way.
        case wait
        /// Let this time come, then say ``resumed(at:)``.
        case pause(until: ContinuousClock.Instant, delay: Duration)
        case end(End)
    }

    package enum End: Hashable, Sendable {
        /// The attempt that ended last gave the value.
        case value
        /// The error of the attempt that failed last stands.
        case error
        /// That error, and no budget for another attempt.
        case budgetExhausted
        case rejected(Rejection)
    }

    private let retry: RetryPolicy
    private let kind: CallKind
    private let deadline: ContinuousClock.Instant?
    private let mutations: Mutations
    private var attempts = 0
    private var rounds = 0
    private var running = 0
    private var hasFailed = false
    /// One beside each first attempt of a round.
    private var mayHedge = false

    package init(_ retry: RetryPolicy, _ kind: CallKind, deadline: ContinuousClock.Instant?, mutations: Mutations = []) {
        self.retry = retry
        self.kind = kind
        self.deadline = deadline
        self.mutations = mutations
    }

    /// The first attempt.
    package mutating func start() -> Action { begin() }

    private mutating func begin() -> Action {
        rounds += 1
        attempts += 1
        running = 1
        mayHedge = kind.isHedgeable
        return .attempt(number: attempts, isHedge: false)
    }

    /// The attempt under way is late.
    package mutating func late(_ budget: RetryBudget, at now: ContinuousClock.Instant) -> Action {
        guard running == 1, mayHedge else { return .wait }
        mayHedge = false
        // A hedge that cannot be paid for is not sent, and that is all.
        guard budget.reserve(at: now) else { return mutations.contains(.hedgeIsOptional) ? .end(.budgetExhausted) : .wait }
        attempts += 1
        running += 1
        return .attempt(number: attempts, isHedge: true)
    }

    package mutating func succeeded() -> Action { .end(.value) }

    /// An attempt was not admitted, so it was never sent.
    package mutating func rejected(_ rejection: Rejection, _ budget: RetryBudget, at now: ContinuousClock.Instant) -> Action {
        running -= 1
        if running > 0 { return .wait }
        if mutations.contains(.rejectionIsFinal), rounds < retry.attempts, kind.isRepeatable { return begin() }
        // Once something was sent, its error is what the caller must know: it may have been done. Who only reads wants to know when to come back.
        return .end(hasFailed && !kind.isHedgeable ? .error : .rejected(rejection))
    }

    /// An attempt ended with an error.
    /// - Parameters:
    ///   - expected: how long an attempt takes, as far as is known.
    ///   - random: from 0 to 1, drawn only if there is a wait.
    package mutating func failed(
        _ verdict: Verdict, _ budget: RetryBudget, expected: Duration, at now: ContinuousClock.Instant, random: () -> Double
    ) -> Action {
        running -= 1
        hasFailed = true
        guard verdict.isRetryable else { return .end(.error) }
        if running > 0 { return .wait }
        guard kind.isRepeatable, rounds < retry.attempts else { return .end(.error) }
        let delay = max(retry.backoff.bound(rounds - 1) * random(), verdict.retryAfter ?? .zero)
        // One that could not end in time is not begun: it would only be load.
        if let deadline, now + delay + expected >= deadline, !mutations.contains(.retryDeadline) { return .end(.error) }
        guard budget.reserve(at: now) else { return .end(.budgetExhausted) }
        return .pause(until: now + delay, delay: delay)
    }

    /// The wait is over.
    package mutating func resumed(at now: ContinuousClock.Instant) -> Action {
        if let deadline, now >= deadline, !mutations.contains(.retryDeadline) { return .end(.error) }
        return begin()
    }
}
