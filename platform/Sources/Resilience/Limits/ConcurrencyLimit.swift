import Basics
import Synchronization

/// Too many calls to this callee are under way already.
public struct ConcurrencyLimitReached: Error, Hashable, Sendable, CustomStringConvertible {
    public let limit: Int
    /// How long the call would take, where that is too long for it; nil where the limit is full.
    public let expected: Duration?

    public init(limit: Int, expected: Duration? = nil) {
        self.limit = limit
        self.expected = expected
    }

    public var description: String {
        expected.map { "calls stand in a queue, and one more would take about \($0.milliseconds) ms" }
            ?? "\(limit) calls are under way, which is as many as it takes now"
    }
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
    /// - Parameters:
    ///   - time: how much the call has; nil for all the time there is.
    ///   - isGivenTime: whether that is as much as the callee may take.
    public func enter(
        at now: ContinuousClock.Instant, within time: Duration? = nil, isGivenTime: Bool = false
    ) throws(ConcurrencyLimitReached)
        -> Place
    {
        let (entry, limit) = machine.withLock { machine in (machine.enter(at: now, within: time, isGivenTime: isGivenTime), machine.limit) }
        switch entry {
        case .entered: return Place(owner: self, begun: now)
        case .full: throw ConcurrencyLimitReached(limit: limit)
        case .late(let expected): throw ConcurrencyLimitReached(limit: limit, expected: expected)
        }
    }

    /// Whether a call that has so much time would be turned away now.
    func isClosed(within time: Duration?) -> Bool { machine.withLock { $0.isClosed(within: time) } }

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
