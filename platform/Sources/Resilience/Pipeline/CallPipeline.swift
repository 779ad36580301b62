import Basics
import Synchronization

/// Where a pipeline's time and chance come from; a parameter for tests and simulations.
public struct CallClock: Sendable {
    public var now: @Sendable () -> ContinuousClock.Instant
    /// Throws `CancellationError` when its task is cancelled.
    public var sleep: @Sendable (ContinuousClock.Instant) async throws -> Void
    /// From 0 to 1.
    public var random: @Sendable () -> Double

    public init(
        now: @escaping @Sendable () -> ContinuousClock.Instant, sleep: @escaping @Sendable (ContinuousClock.Instant) async throws -> Void,
        random: @escaping @Sendable () -> Double
    ) {
        self.now = now
        self.sleep = sleep
        self.random = random
    }

    public static let system = CallClock(
        now: { .now }, sleep: { try await Task.sleep(until: $0, clock: .continuous) }, random: { Double.random(in: 0...1) })
}

/// All calls to one callee go through one pipeline: admission limit → deadline → retry with a budget → hedge → circuit breaker →
/// concurrency limit → attempt timeout → the call.
///
/// - What is refused here was not sent, is not tried again, and says nothing about the callee.
/// - Attempts beyond the first, retries and hedges, are paid for from one budget that only calls that were really sent fill up.
/// - A caller that gives up, or that gives a call too little time, never harms the callee's standing.
///
/// The body must honour `Deadline.current`, which is the attempt's, and cancellation; wrap it in ``withTimeout(_:_:)`` if it does not.
public final class CallPipeline: Sendable {
    /// Of the callee, for errors and metrics.
    public let name: String
    public let breaker: CircuitBreaker
    public let limit: ConcurrencyLimit
    public let budget: RetryBudget
    public let admission: AdmissionLimit
    let latency = LatencyTracker()
    private let state: Mutex<CallPolicy>
    private let observer: (any CallObserver)?
    let clock: CallClock
    let mutations: Mutations

    /// - Parameters:
    ///   - policy: valid.
    ///   - observer: sees refusals, retries, hedges, and the breaker's changes.
    public convenience init(_ name: String, _ policy: CallPolicy = CallPolicy(), observer: (any CallObserver)? = nil, clock: CallClock = .system) {
        self.init(name, policy, observer: observer, clock: clock, mutations: [])
    }

    package init(_ name: String, _ policy: CallPolicy, observer: (any CallObserver)?, clock: CallClock, mutations: Mutations) {
        precondition(policy.isValid, "a policy lets something through")
        self.name = name
        self.observer = observer
        self.clock = clock
        self.mutations = mutations
        state = Mutex(policy)
        breaker = CircuitBreaker(policy.breaker ?? BreakerConfiguration(), mutations: mutations, now: clock.now) { transition in
            observer?.observe(.breaker(transition), in: name)
        }
        limit = ConcurrencyLimit(policy.concurrency ?? ConcurrencyConfiguration(), mutations: mutations, now: clock.now)
        budget = RetryBudget(policy.budget, mutations: mutations, now: clock.now)
        admission = AdmissionLimit(policy.mostInside ?? .max)
    }

    public var policy: CallPolicy { state.withLock { $0 } }

    /// Changes the policy. Calls under way keep theirs; what the parts have learnt stays.
    /// - Precondition: `policy.isValid`.
    public func update(_ policy: CallPolicy) {
        update { $0 = policy }
    }

    /// Changes a part of the policy; of two that do so at once neither undoes what the other did.
    /// - Parameter change: leaves the policy valid; quick, since it holds the policy's lock. Where it throws nothing is changed.
    public func update<E: Error>(_ change: (inout CallPolicy) throws(E) -> Void) throws(E) {
        try state.withLock { state throws(E) in
            var policy = state
            try change(&policy)
            precondition(policy.isValid, "a policy lets something through")
            state = policy
            // Under the same lock, so that what came last holds everywhere.
            if let configuration = policy.breaker { breaker.reconfigure(configuration) }
            if let configuration = policy.concurrency { limit.reconfigure(configuration) }
            budget.reconfigure(policy.budget)
            admission.reconfigure(policy.mostInside ?? .max)
        }
    }

    /// The time within which the hedge's share of the calls answered lately; nil while too few did.
    public var lateAfter: Duration? { policy.hedge.flatMap { latency.late(minimum: $0.minimumSamples) } }

    /// Calls `body` under the policy.
    ///
    /// - Parameters:
    ///   - kind: what may be done with the call.
    ///   - verdict: what an error of the body's means.
    ///   - body: makes one attempt.
    public func call<T: Sendable, E: Error>(
        _ kind: CallKind, verdict: @escaping @Sendable (E) -> Verdict, _ body: @escaping @Sendable (Attempt) async throws(E) -> T
    ) async throws(CallFailure<E>) -> T {
        let policy = policy
        if policy.mostInside != nil {
            do throws(AdmissionLimitReached) { try admission.enter() } catch { throw .rejected(refuse(.admission(error))) }
        }
        defer { if policy.mostInside != nil { admission.leave() } }
        let now = clock.now()
        var deadline = Deadline.current?.instant
        if let longest = policy.deadline, !kind.isOpenEnded { deadline = deadline.map { min($0, now + longest) } ?? now + longest }
        if let deadline, deadline <= now { throw .rejected(refuse(.deadline)) }
        var run = CallRun(pipeline: self, policy: policy, kind: kind, deadline: deadline, verdict: verdict, body: body)
        return try await run.value(from: now)
    }

    /// Takes how long an attempt took that went well.
    package func note(_ latency: Duration, _ policy: CallPolicy) { self.latency.record(latency, quantile: policy.hedge?.quantile ?? 0.95) }

    /// How long an attempt takes; zero where nothing is known.
    package var median: Duration { latency.median }

    /// Whether a call would be refused here now, before anything is sent. For who would do other work beside it: no promise, since it may be
    /// otherwise a moment later.
    public var isRefusing: Bool {
        let policy = policy
        if let most = policy.mostInside, admission.inside >= most { return true }
        if policy.breaker != nil, breaker.isOpen(at: clock.now()) { return true }
        return policy.concurrency != nil && limit.isClosed(within: policy.attemptTimeout ?? policy.deadline)
    }

    /// Counts a call in at the breaker and the concurrency limit.
    /// - Parameters:
    ///   - end: when its attempt must have ended; nil for never.
    ///   - isGivenTime: whether that is as much time as the callee may take.
    package func admit(
        _ policy: CallPolicy, at now: ContinuousClock.Instant, until end: ContinuousClock.Instant?, isGivenTime: Bool
    ) throws(Rejection) -> Admission {
        var permit: CircuitBreaker.Permit?
        var place: ConcurrencyLimit.Place?
        if policy.breaker != nil {
            do throws(CircuitOpen) { permit = try breaker.permit(at: now) } catch { throw refuse(.circuitOpen(error)) }
        }
        if policy.concurrency != nil {
            do throws(ConcurrencyLimitReached) {
                place = try limit.enter(at: now, within: end.map { $0 - now }, isGivenTime: isGivenTime)
            } catch {
                throw refuse(.concurrency(error))
            }
        }
        return Admission(permit: permit, place: place)
    }

    private func refuse(_ rejection: Rejection) -> Rejection {
        observer?.observe(.rejected(rejection), in: name)
        return rejection
    }

    func tell(_ event: CallEvent) { observer?.observe(event, in: name) }
}

/// A permit and a place; both count as unused when it goes out of scope.
package struct Admission: ~Copyable, Sendable {
    private var permit: CircuitBreaker.Permit?
    private var place: ConcurrencyLimit.Place?

    init(permit: consuming CircuitBreaker.Permit?, place: consuming ConcurrencyLimit.Place?) {
        self.permit = permit
        self.place = place
    }

    /// - Parameter took: what counts as the call's time; nil for the time since it was admitted.
    package consuming func end(
        _ outcome: BreakerMachine.Outcome, _ load: ConcurrencyMachine.Outcome, took: Duration?, at now: ContinuousClock.Instant
    ) {
        if let permit = permit.take() { permit.settle(outcome, took: took, at: now) }
        if let place = place.take() { place.leave(load, at: now) }
    }
}
