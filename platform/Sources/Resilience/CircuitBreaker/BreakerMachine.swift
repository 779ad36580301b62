import Basics

/// A circuit breaker without a clock, a lock, or a call: what each event means for its state.
///
/// - An outcome counts only in the generation that its ticket was given out in: a success that comes late from before the breaker opened
///   says nothing about now, and never closes it.
/// - A probe that never returns does not block the breaker for ever: after the open time another is let through in its place.
/// - Outcomes that say nothing about the callee (cancellation, a deadline that the caller chose too short, a refusal of one's own) are
///   `ignored`, so that no client can open it.
public struct BreakerMachine: Sendable {
    /// What a call holds between asking for leave and telling its outcome.
    public struct Ticket: Hashable, Sendable {
        let generation: UInt64
        /// nil outside of half-open.
        let probe: UInt64?
    }

    public enum Outcome: Hashable, Sendable {
        case success, failure
        /// Says nothing about the callee.
        case ignored
    }

    public struct Transition: Hashable, Sendable {
        public let from: BreakerState
        public let to: BreakerState

        public init(from: BreakerState, to: BreakerState) {
            self.from = from
            self.to = to
        }
    }

    struct Counts: SlidingSlot, Hashable {
        var calls = 0
        var failures = 0
        var slow = 0

        mutating func add(_ other: Counts) {
            calls += other.calls
            failures += other.failures
            slow += other.slow
        }

        mutating func subtract(_ other: Counts) {
            calls -= other.calls
            failures -= other.failures
            slow -= other.slow
        }
    }

    public private(set) var configuration: BreakerConfiguration
    public private(set) var state = BreakerState.closed
    private(set) var generation: UInt64 = 0
    private var counts: SlidingCounts<Counts>
    /// Openings in a row, without a closing in between.
    private var openings = 0
    private var openUntil: ContinuousClock.Instant?
    /// Probes under way, and when each gives up its place. At most `configuration.probes`.
    private var probes: [UInt64: ContinuousClock.Instant] = [:]
    private var nextProbe: UInt64 = 0
    private var probesSucceeded = 0
    private let mutations: Mutations

    /// - Precondition: `configuration.isValid`.
    public init(_ configuration: BreakerConfiguration = BreakerConfiguration()) { self.init(configuration, mutations: []) }

    package init(_ configuration: BreakerConfiguration, mutations: Mutations) {
        precondition(configuration.isValid, "a breaker needs calls, shares up to 1, probes and an open time")
        self.configuration = configuration
        self.mutations = mutations
        counts = SlidingCounts(window: configuration.window)
    }

    /// Outcomes in the window, as it was when the last one came.
    public var calls: Int { counts.total.calls }
    public var failures: Int { counts.total.failures }
    public var slowCalls: Int { counts.total.slow }

    /// How long until a probe may pass; nil where it is not open, or open by hand.
    public func reopening(at now: ContinuousClock.Instant) -> Duration? { state == .open ? openUntil.map { max(.zero, $0 - now) } : nil }

    /// Leave to call, or how long to wait before asking again.
    public mutating func permit(at now: ContinuousClock.Instant) -> Result<Ticket, CircuitOpen> {
        switch state {
        case .closed, .disabled, .metricsOnly: return .success(Ticket(generation: generation, probe: nil))
        case .forcedOpen: return .failure(CircuitOpen(state: state, retryAfter: configuration.openTime))
        case .open:
            if let openUntil, now < openUntil { return .failure(CircuitOpen(state: state, retryAfter: openUntil - now)) }
            move(to: .halfOpen)
            return probe(now)
        case .halfOpen: return probe(now)
        }
    }

    private mutating func probe(_ now: ContinuousClock.Instant) -> Result<Ticket, CircuitOpen> {
        if !mutations.contains(.probeLease) { probes = probes.filter { $0.value > now } }
        guard probes.count + probesSucceeded < configuration.probes else {
            let next = probes.values.min() ?? now
            return .failure(CircuitOpen(state: .halfOpen, retryAfter: max(.milliseconds(1), next - now)))
        }
        nextProbe += 1
        probes[nextProbe] = now + configuration.openTime
        return .success(Ticket(generation: generation, probe: nextProbe))
    }

    /// Takes a call's outcome.
    /// - Returns: the transition that it caused, if any.
    @discardableResult
    public mutating func record(_ outcome: Outcome, of ticket: Ticket, took: Duration, at now: ContinuousClock.Instant) -> Transition? {
        guard ticket.generation == generation || mutations.contains(.breakerGeneration) else { return nil }
        let isSlow = took > configuration.slowAfter
        switch state {
        case .forcedOpen, .disabled, .open: return nil
        case .metricsOnly, .closed:
            guard outcome != .ignored else { return nil }
            counts.add(Counts(calls: 1, failures: outcome == .failure ? 1 : 0, slow: isSlow ? 1 : 0), at: now)
            // Successes alone can not make it too bad unless they are slow.
            guard state == .closed, outcome == .failure || isSlow, isTooBad else { return nil }
            return open(now)
        case .halfOpen:
            // One whose place was given to another counts no more.
            guard mutations.contains(.breakerGeneration) || ticket.probe.flatMap({ probes.removeValue(forKey: $0) }) != nil else { return nil }
            switch outcome {
            case .ignored: return nil
            case .failure: return open(now)
            case .success:
                if isSlow { return open(now) }
                probesSucceeded += 1
                guard probesSucceeded >= configuration.probes else { return nil }
                openings = 0
                return move(to: .closed)
            }
        }
    }

    /// Takes an operator's word. What was counted is forgotten; back in `automatic` it begins closed.
    @discardableResult public mutating func set(_ mode: BreakerMode) -> Transition? {
        let target: BreakerState =
            switch mode {
            case .automatic: .closed
            case .forcedOpen: .forcedOpen
            case .disabled: .disabled
            case .metricsOnly: .metricsOnly
            }
        // One that judges by itself already is not made to forget what it knows.
        if mode == .automatic, [.open, .halfOpen, .closed].contains(state) { return nil }
        openings = 0
        return move(to: target)
    }

    /// Closes an open breaker, as an operator does who knows that the callee is well again.
    @discardableResult public mutating func reset() -> Transition? {
        openings = 0
        return move(to: .closed)
    }

    /// Takes other thresholds; the state stays, and what was counted too unless the window is another.
    /// - Precondition: `configuration.isValid`.
    public mutating func reconfigure(_ configuration: BreakerConfiguration) {
        precondition(configuration.isValid, "a breaker needs calls, shares up to 1, probes and an open time")
        if configuration.window != self.configuration.window { counts = SlidingCounts(window: configuration.window) }
        self.configuration = configuration
    }

    private var isTooBad: Bool {
        let total = counts.total
        guard total.calls >= configuration.minimumCalls else { return false }
        return Double(total.failures) >= configuration.failureShare * Double(total.calls)
            || Double(total.slow) >= configuration.slowShare * Double(total.calls)
    }

    private mutating func open(_ now: ContinuousClock.Instant) -> Transition? {
        var time = configuration.openTime
        for _ in 0..<openings where time < configuration.longestOpenTime { time = time * 2 }
        openings += 1
        openUntil = now + min(time, configuration.longestOpenTime)
        return move(to: .open)
    }

    @discardableResult private mutating func move(to new: BreakerState) -> Transition? {
        defer { state = new }
        generation += 1
        counts.reset()
        probes = [:]
        probesSucceeded = 0
        return state == new ? nil : Transition(from: state, to: new)
    }
}
