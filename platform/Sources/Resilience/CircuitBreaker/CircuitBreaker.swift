import Synchronization

/// A circuit breaker for calls to one callee: see ``BreakerMachine`` for what it does.
///
/// Source of the idea: M. Nygard, "Release It!".
public final class CircuitBreaker: Sendable {
    private let machine: Mutex<BreakerMachine>
    private let now: @Sendable () -> ContinuousClock.Instant
    private let onTransition: @Sendable (BreakerMachine.Transition) -> Void

    /// - Parameters:
    ///   - configuration: valid.
    ///   - onTransition: told after each change of state, on the task that caused it.
    public convenience init(
        _ configuration: BreakerConfiguration = BreakerConfiguration(), now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        onTransition: @escaping @Sendable (BreakerMachine.Transition) -> Void = { _ in }
    ) {
        self.init(configuration, mutations: [], now: now, onTransition: onTransition)
    }

    package init(
        _ configuration: BreakerConfiguration, mutations: Mutations, now: @escaping @Sendable () -> ContinuousClock.Instant,
        onTransition: @escaping @Sendable (BreakerMachine.Transition) -> Void = { _ in }
    ) {
        machine = Mutex(BreakerMachine(configuration, mutations: mutations))
        self.now = now
        self.onTransition = onTransition
    }

    public var state: BreakerState { machine.withLock { $0.state } }
    /// The machine as it is now, for showing it.
    public var snapshot: BreakerMachine { machine.withLock { $0 } }

    /// Whether it lets nothing through now.
    func isOpen(at now: ContinuousClock.Instant) -> Bool {
        machine.withLock { $0.state == .forcedOpen || $0.reopening(at: now).map { $0 > .zero } ?? false }
    }

    /// Takes an operator's word.
    public func set(_ mode: BreakerMode) { tell(machine.withLock { $0.set(mode) }) }

    /// Closes an open breaker by hand.
    public func reset() { tell(machine.withLock { $0.reset() }) }

    /// Changes the thresholds; the state stays.
    public func reconfigure(_ configuration: BreakerConfiguration) { machine.withLock { $0.reconfigure(configuration) } }

    /// Leave to call. What is returned must be told the outcome; one that goes out of scope without it counts as ``Permit/ignore()``.
    /// - Throws: `CircuitOpen`.
    public func permit() throws(CircuitOpen) -> Permit { try permit(at: now()) }

    /// The same for whoever has read the clock already.
    public func permit(at now: ContinuousClock.Instant) throws(CircuitOpen) -> Permit {
        let (result, transition) = machine.withLock { machine -> (Result<BreakerMachine.Ticket, CircuitOpen>, BreakerMachine.Transition?) in
            let before = machine.state
            let result = machine.permit(at: now)
            return (result, machine.state == before ? nil : BreakerMachine.Transition(from: before, to: machine.state))
        }
        tell(transition)
        return Permit(breaker: self, ticket: try result.get(), begun: now)
    }

    private func tell(_ transition: BreakerMachine.Transition?) {
        if let transition { onTransition(transition) }
    }

    fileprivate func record(
        _ outcome: BreakerMachine.Outcome, _ ticket: BreakerMachine.Ticket, took: Duration, at now: ContinuousClock.Instant
    ) {
        tell(machine.withLock { $0.record(outcome, of: ticket, took: took, at: now) })
    }

    /// Leave for one call, consumed exactly once by its outcome.
    public struct Permit: ~Copyable, Sendable {
        private let breaker: CircuitBreaker
        private let ticket: BreakerMachine.Ticket
        private let begun: ContinuousClock.Instant
        private var isSettled = false

        fileprivate init(breaker: CircuitBreaker, ticket: BreakerMachine.Ticket, begun: ContinuousClock.Instant) {
            self.breaker = breaker
            self.ticket = ticket
            self.begun = begun
        }

        /// The callee did what it was asked, or refused it for a reason of the caller's.
        public consuming func succeed() { settle(.success, at: breaker.now()) }

        /// The callee failed, or did not answer within the time that is its own.
        public consuming func fail() { settle(.failure, at: breaker.now()) }

        /// The outcome says nothing about the callee: the caller gave up, or left too little time.
        public consuming func ignore() { settle(.ignored, at: begun) }

        /// - Parameter took: what counts as the call's time; nil for the time since the permit was given.
        public consuming func settle(_ outcome: BreakerMachine.Outcome, took: Duration? = nil, at now: ContinuousClock.Instant) {
            isSettled = true
            breaker.record(outcome, ticket, took: took ?? now - begun, at: now)
        }

        deinit {
            if !isSettled { breaker.record(.ignored, ticket, took: .zero, at: begun) }
        }
    }
}
