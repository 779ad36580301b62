/// How long an attempt may take, and what its outcome means for breaker and limit; without clock or I/O.
package struct AttemptRules: Sendable {
    private let policy: CallPolicy
    private let kind: CallKind
    private let deadline: ContinuousClock.Instant?
    private let mutations: Mutations

    package init(policy: CallPolicy, kind: CallKind, deadline: ContinuousClock.Instant?, mutations: Mutations = []) {
        self.policy = policy
        self.kind = kind
        self.deadline = deadline
        self.mutations = mutations
    }

    /// When an attempt that begins now must have ended; nil for never. One that nothing can follow gets all the time there is.
    package func end(at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        guard let timeout = policy.attemptTimeout, kind.isRepeatable, !kind.isOpenEnded else { return deadline }
        return deadline.map { min($0, now + timeout) } ?? now + timeout
    }

    /// Whether an attempt has as much time as the callee may take. What counts as slow is time enough, whoever set the end: a callee that
    /// hangs must not be excused by deadlines that are a little shorter than its own.
    package func isGivenTime(_ begun: ContinuousClock.Instant, _ end: ContinuousClock.Instant?) -> Bool {
        guard let end else { return true }
        return end - begun >= min(policy.attemptTimeout ?? policy.deadline ?? .zero, policy.breaker?.slowAfter ?? .seconds(1))
    }

    /// What an error says about the callee.
    package func outcome(_ verdict: Verdict, isGivenTime: Bool) -> (BreakerMachine.Outcome, ConcurrencyMachine.Outcome) {
        if verdict == .timedOut, !isGivenTime, !mutations.contains(.shortDeadlineIsNoFailure) { return (.ignored, .ignored) }
        return (verdict.outcome, verdict.load)
    }
}
