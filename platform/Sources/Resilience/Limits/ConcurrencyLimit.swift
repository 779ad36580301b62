import Synchronization

/// Too many calls to this callee are under way already.
public struct ConcurrencyLimitReached: Error, Hashable, Sendable, CustomStringConvertible {
    public let limit: Int
    public init(limit: Int) { self.limit = limit }
    public var description: String { "\(limit) calls are under way, which is as many as it takes now" }
}

/// A limit that tasks share: see ``ConcurrencyMachine`` for what it does.
public final class ConcurrencyLimit: Sendable {
    private let machine: Mutex<ConcurrencyMachine>
    private let now: @Sendable () -> ContinuousClock.Instant

    public convenience init(
        _ configuration: ConcurrencyConfiguration = ConcurrencyConfiguration(), now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.init(configuration, mutations: [], now: now)
    }

    package init(_ configuration: ConcurrencyConfiguration, mutations: Mutations, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        machine = Mutex(ConcurrencyMachine(configuration, mutations: mutations))
        self.now = now
    }

    public var snapshot: ConcurrencyMachine { machine.withLock { $0 } }

    public func reconfigure(_ configuration: ConcurrencyConfiguration) { machine.withLock { $0.reconfigure(configuration) } }

    /// Takes a place, which is given back when what is returned is told the outcome or goes out of scope.
    public func enter() throws(ConcurrencyLimitReached) -> Place { try enter(at: now()) }

    /// The same for whoever has read the clock already.
    public func enter(at now: ContinuousClock.Instant) throws(ConcurrencyLimitReached) -> Place {
        let limit = machine.withLock { machine in machine.enter() ? nil : machine.limit }
        if let limit { throw ConcurrencyLimitReached(limit: limit) }
        return Place(owner: self, begun: now)
    }

    fileprivate func leave(_ outcome: ConcurrencyMachine.Outcome, begun: ContinuousClock.Instant, at now: ContinuousClock.Instant) {
        machine.withLock { $0.leave(outcome, begun: begun, at: now) }
    }

    /// A place for one call, given back exactly once.
    public struct Place: ~Copyable, Sendable {
        private let owner: ConcurrencyLimit
        private let begun: ContinuousClock.Instant
        private var isGivenBack = false

        fileprivate init(owner: ConcurrencyLimit, begun: ContinuousClock.Instant) {
            self.owner = owner
            self.begun = begun
        }

        public consuming func leave(_ outcome: ConcurrencyMachine.Outcome) { leave(outcome, at: owner.now()) }

        public consuming func leave(_ outcome: ConcurrencyMachine.Outcome, at now: ContinuousClock.Instant) {
            isGivenBack = true
            owner.leave(outcome, begun: begun, at: now)
        }

        deinit {
            if !isGivenBack { owner.leave(.ignored, begun: begun, at: begun) }
        }
    }
}
