import Basics

/// How many calls to a callee may be under way at once, found out by trying.
public struct ConcurrencyConfiguration: Hashable, Sendable {
    /// Where it starts.
    public var initial = 32
    /// Load never pushes it below: with fewer calls a callee that is well again would not be noticed for long.
    public var least = 4
    public var most = 512
    /// What it is multiplied with when the callee has too much to do; between 0 and 1.
    public var decrease = 0.9
    /// Calls that take more than so many times the baseline, and longer by `slack`, wait in a queue at the callee.
    public var tolerance = 2.0
    /// A queue shorter than this is none: calls of one callee differ by as much.
    public var slack = Duration.milliseconds(100)
    /// The baseline is the fastest call of the last one to two of these.
    public var baselineWindow = Duration.seconds(5)
    /// What the limit is multiplied with for a moment as a window ends, so that the queue drains and the callee is seen without one. Its
    /// product with `tolerance` must be below 1, or a queue would become the baseline, and a longer one the next.
    public var breath = 0.4

    public init() {}

    /// Whether a limit can work by it.
    public var isValid: Bool {
        least >= 1 && least <= initial && initial <= most && decrease > 0 && decrease < 1 && tolerance > 1 && slack >= .zero && baselineWindow > .zero
            && breath > 0 && breath * tolerance < 1
    }
}

/// The limit without clock and lock: additive increase, multiplicative decrease.
///
/// It is judged once for each round, which is as many calls as the limit lets be under way. It grows by one after a round that went well and
/// used at least half of it. It shrinks when the callee turned a call away or let it time out, or when most calls of a round took as long as
/// calls do that wait in a queue. Outcomes of calls that were sent before the last change tell of the limit as it was then, and what says
/// nothing about the callee (a caller that gave up) changes nothing: it is not a fast success.
///
/// That takes rounds, and a caller's time is short. So while calls stand in a queue at the callee, it is foreseen how long one more would take:
/// as many times the pace at which calls end as there are under way. One that would take most of the time that it has is turned away at once,
/// instead of being sent, waited for, and given up; and the limit falls to what fits.
///
/// Source: D. Chiu and R. Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance"; the drained queue is that of
/// N. Cardwell and others, "BBR: Congestion-Based Congestion Control"; what is foreseen is J. Little's law.
public struct ConcurrencyMachine: Sendable {
    public enum Outcome: Hashable, Sendable {
        case success
        /// The callee said that it has too much to do, or did not answer in time.
        case overload
        /// Says nothing about the callee.
        case ignored
    }

    /// What became of a call that asked for a place.
    public enum Entry: Hashable, Sendable {
        case entered
        /// All places are taken.
        case full
        /// It would take about so long, which is too long for it.
        case late(Duration)
    }

    public private(set) var configuration: ConcurrencyConfiguration
    public private(set) var inFlight = 0
    private var exact: Double
    /// Calls sent before it belong to an earlier limit.
    private var roundBegan: ContinuousClock.Instant?
    private var samples = 0
    private var queued = 0
    private var peak = 0
    /// Whether this window saw the limit in use; an idle callee is not throttled for a look.
    private var wasUsed = false
    private var windowEnds: ContinuousClock.Instant?
    private var fastest: Duration?
    private var fastestBefore: Duration?
    /// Of the last few successes, those that seem to have stood in a queue. It is believed sooner than where the limit is judged: what is at
    /// stake is one call.
    private var lateShare = 0.0
    /// Seconds between two successes, over each sixteen of them while calls were under way: the last ones, and those before.
    private var paces: (last: Double, before: Double)?
    /// Successes since then; a pause between calls begins it anew.
    private var look: (since: ContinuousClock.Instant, successes: Int)?
    /// Whether it was just cut to what fits, and no call that was sent since has come back.
    private var isCut = false
    private let mutations: Mutations

    /// - Precondition: `configuration.isValid`.
    public init(_ configuration: ConcurrencyConfiguration = ConcurrencyConfiguration()) { self.init(configuration, mutations: []) }

    package init(_ configuration: ConcurrencyConfiguration, mutations: Mutations) {
        precondition(configuration.isValid, "a limit needs 1 <= least <= initial <= most, a decrease below 1, and breath × tolerance below 1")
        self.configuration = configuration
        self.mutations = mutations
        exact = Double(configuration.initial)
    }

    public var limit: Int { Int(exact) }

    /// The fastest call of late; nil where there was none.
    public var baseline: Duration? {
        switch (fastest, fastestBefore) {
        case (let now?, let before?): min(now, before)
        case (let only?, nil), (nil, let only?): only
        case (nil, nil): nil
        }
    }

    /// How long a call would take that were sent now; nil where none stands in a queue, as far as is known.
    public var expected: Duration? { lateShare < 0.5 ? nil : pace.map { .seconds(Double(inFlight + 1) * $0) } }

    /// Whether a call would be turned away that has so much time; nil for all the time there is.
    public func isClosed(within time: Duration?) -> Bool { inFlight >= limit || tooLong(for: time) != nil }

    /// Takes a place; false if all are taken.
    public mutating func enter() -> Bool { enter(at: nil, within: nil, isGivenTime: false) == .entered }

    /// Takes a place for a call that has so much time.
    /// - Parameter isGivenTime: whether that is as much as the callee may take. One that was given less is turned away and changes nothing.
    public mutating func enter(at now: ContinuousClock.Instant?, within time: Duration?, isGivenTime: Bool) -> Entry {
        guard inFlight < limit else {
            peak = max(peak, inFlight)
            return .full
        }
        if let expected = tooLong(for: time) {
            if isGivenTime, !isCut, let now { cut(now) }
            return .late(expected)
        }
        if inFlight == 0, let now { look = (now, 0) }
        inFlight += 1
        peak = max(peak, inFlight)
        return .entered
    }

    /// How long a call would take, if that is too long. A quarter of its time is kept for what cannot be foreseen. As many as the limit never
    /// falls below are always let through: without them nobody would see that the queue has gone.
    private func tooLong(for time: Duration?) -> Duration? {
        guard let time, inFlight >= configuration.least, let expected, expected > time * 0.75, !mutations.contains(.waitIsForeseen) else {
            return nil
        }
        return expected
    }

    /// Gives the place back.
    /// - Parameter begun: when it was taken.
    public mutating func leave(_ outcome: Outcome, begun: ContinuousClock.Instant, at now: ContinuousClock.Instant) {
        inFlight -= 1
        let isCurrent = roundBegan.map { begun >= $0 } ?? true
        switch outcome {
        case .ignored:
            guard mutations.contains(.abandonedIsNoSuccess) else { return }
            samples += 1
            endRoundIfFull(now)
        case .overload:
            guard isCurrent || mutations.contains(.oneDecreaseEach) else { return }
            shrink(now)
        case .success:
            let took = now - begun
            let isQueued = unqueued.map { took > $0 } ?? false
            let isLate = baseline.map { took > max($0 * (1 + configuration.tolerance) / 2, $0 + configuration.slack) } ?? false
            lateShare += ((isLate ? 1 : 0) - lateShare) / 4
            count(now)
            note(took, now)
            guard isCurrent else { return }
            isCut = false
            samples += 1
            if isQueued { queued += 1 }
            endRoundIfFull(now)
        }
    }

    /// Takes other bounds; the limit is moved into them.
    /// - Precondition: `configuration.isValid`.
    public mutating func reconfigure(_ configuration: ConcurrencyConfiguration) {
        precondition(configuration.isValid, "a limit needs 1 <= least <= initial <= most, a decrease below 1, and breath × tolerance below 1")
        self.configuration = configuration
        exact = min(max(exact, Double(configuration.least)), Double(configuration.most))
    }

    private mutating func endRoundIfFull(_ now: ContinuousClock.Instant) {
        guard samples >= limit else { return }
        // A limit that is not used says nothing about what would happen if it were.
        let isUsed = peak * 2 >= limit
        if isUsed { wasUsed = true }
        if isUsed, queued * 2 >= samples { return shrink(now) }
        if isUsed { exact = min(Double(configuration.most), exact + 1) }
        beginRound(nil)
    }

    /// The better pace of the last two: one that is held up for a moment is no slower for that.
    private var pace: Double? { paces.map { min($0.last, $0.before) } }

    private mutating func count(_ now: ContinuousClock.Instant) {
        guard var (since, successes) = look else {
            look = (now, 0)
            return
        }
        successes += 1
        guard successes >= 16 else {
            look = (since, successes)
            return
        }
        let pace = max(0, (now - since).inSeconds / Double(successes))
        paces = (pace, paces?.last ?? pace)
        (since, successes) = (now, 0)
        look = (since, successes)
    }

    /// The longest that a call takes without a queue; nil where nothing is known.
    private var unqueued: Duration? { baseline.map { max($0 * configuration.tolerance, $0 + configuration.slack) } }

    /// A queue stands that calls have no time for: the limit falls to as many as it takes to keep the callee busy, once, until it is seen what
    /// came of that.
    private mutating func cut(_ now: ContinuousClock.Instant) {
        guard let unqueued, let pace, pace > 0 else { return }
        (isCut, wasUsed) = (true, true)
        exact = max(Double(configuration.least), min(exact, Double(inFlight), unqueued.inSeconds / pace))
        beginRound(now)
    }

    private mutating func shrink(_ now: ContinuousClock.Instant) {
        wasUsed = true
        exact = max(Double(configuration.least), exact * configuration.decrease)
        beginRound(now)
    }

    /// - Parameter now: the limit went down, so calls sent before count no more; nil where they do.
    private mutating func beginRound(_ now: ContinuousClock.Instant?) {
        if let now { roundBegan = now }
        (samples, queued, peak) = (0, 0, inFlight)
    }

    private mutating func note(_ took: Duration, _ now: ContinuousClock.Instant) {
        if let windowEnds, now >= windowEnds {
            (fastestBefore, fastest) = (fastest, nil)
            self.windowEnds = now + configuration.baselineWindow
            if wasUsed, !mutations.contains(.breath) {
                exact = max(Double(configuration.least), exact * configuration.breath)
                beginRound(now)
            }
            wasUsed = false
        } else if windowEnds == nil {
            windowEnds = now + configuration.baselineWindow
        }
        fastest = fastest.map { min($0, took) } ?? took
    }
}
