import Basics
import Synchronization

/// How many attempts beyond the first a client may make: a share of its calls, and a few a second besides, so that a callee in trouble
/// is not asked many times more than before. Shared by retries and hedges of one callee.
public struct RetryBudgetConfiguration: Hashable, Sendable {
    /// Extra attempts for each call in the window; 0.2 is one for five.
    public var share = 0.2
    /// Extra attempts a second that are allowed whatever the calls, so that a quiet client can retry too.
    public var perSecond = 10.0
    public var window = Duration.seconds(10)

    public init() {}

    public var isValid: Bool { share >= 0 && perSecond >= 0 && window > .zero }
}

/// The budget without clock and lock. An extra attempt is granted only while, over the window, `extra <= share × calls + perSecond × window`.
///
/// So over any run of length `T` the extra attempts are at most `share × calls + perSecond × window × ⌈T / window⌉`: going back from the last
/// one granted, windows that do not overlap cover them all.
public struct RetryBudgetMachine: Sendable {
    struct Counts: SlidingSlot {
        var calls = 0
        var extra = 0

        mutating func add(_ other: Counts) {
            calls += other.calls
            extra += other.extra
        }

        mutating func subtract(_ other: Counts) {
            calls -= other.calls
            extra -= other.extra
        }
    }

    public private(set) var configuration: RetryBudgetConfiguration
    private var counts: SlidingCounts<Counts>
    private let mutations: Mutations

    /// - Precondition: `configuration.isValid`.
    public init(_ configuration: RetryBudgetConfiguration = RetryBudgetConfiguration()) { self.init(configuration, mutations: []) }

    package init(_ configuration: RetryBudgetConfiguration, mutations: Mutations) {
        precondition(configuration.isValid, "a budget is not negative, and its window has a length")
        self.configuration = configuration
        self.mutations = mutations
        counts = SlidingCounts(window: configuration.window)
    }

    /// Counts a call that was sent, whatever becomes of it. One that was refused here earns nothing.
    public mutating func call(at now: ContinuousClock.Instant) { counts.add(Counts(calls: 1), at: now) }

    /// Takes one extra attempt out of the budget; false if there is none left.
    public mutating func reserve(at now: ContinuousClock.Instant) -> Bool {
        counts.advance(to: now)
        guard Double(counts.total.extra + 1) <= limit || mutations.contains(.retryBudget) else { return false }
        counts.add(Counts(extra: 1), at: now)
        return true
    }

    /// Takes another share; what was counted stays unless the window is another.
    public mutating func reconfigure(_ configuration: RetryBudgetConfiguration) {
        precondition(configuration.isValid, "a budget is not negative, and its window has a length")
        if configuration.window != self.configuration.window { counts = SlidingCounts(window: configuration.window) }
        self.configuration = configuration
    }

    /// What may be spent in the window as it is now.
    public var limit: Double { configuration.share * Double(counts.total.calls) + configuration.perSecond * configuration.window.inSeconds }
    public var spent: Int { counts.total.extra }
    /// Extra attempts that are left in the window; never negative.
    public var remaining: Int { max(0, Int(limit) - spent) }
}

/// A budget that tasks share.
public final class RetryBudget: Sendable {
    private let machine: Mutex<RetryBudgetMachine>
    private let now: @Sendable () -> ContinuousClock.Instant

    public convenience init(
        _ configuration: RetryBudgetConfiguration = RetryBudgetConfiguration(), now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.init(configuration, mutations: [], now: now)
    }

    package init(_ configuration: RetryBudgetConfiguration, mutations: Mutations, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        machine = Mutex(RetryBudgetMachine(configuration, mutations: mutations))
        self.now = now
    }

    public func call() { call(at: now()) }
    public func call(at now: ContinuousClock.Instant) { machine.withLock { $0.call(at: now) } }

    /// Takes one extra attempt; false if there is none left. It is not given back.
    public func reserve() -> Bool { reserve(at: now()) }
    public func reserve(at now: ContinuousClock.Instant) -> Bool { machine.withLock { $0.reserve(at: now) } }

    public func reconfigure(_ configuration: RetryBudgetConfiguration) { machine.withLock { $0.reconfigure(configuration) } }

    public var snapshot: RetryBudgetMachine { machine.withLock { $0 } }
}
