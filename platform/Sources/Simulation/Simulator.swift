import Basics
import Synchronization

/// Time that passes only when the simulation says so; shared with the engines that read it.
public final class VirtualClock: Sendable {
    private let start = ContinuousClock.now
    private let offset = Mutex(Duration.zero)

    public init() {}

    public var now: ContinuousClock.Instant { start + elapsed }
    /// Since the simulation began.
    public var elapsed: Duration { offset.withLock { $0 } }

    func move(to elapsed: Duration) { offset.withLock { $0 = elapsed } }
}

/// A generator that replays from its seed. Source: M. E. O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good
/// Algorithms for Random Number Generation".
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) {
        state = seed &+ 0x9E37_79B9_7F4A_7C15
        _ = next32()
    }

    public mutating func next() -> UInt64 { UInt64(next32()) << 32 | UInt64(next32()) }

    private mutating func next32() -> UInt32 {
        let old = state
        state = old &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let mixed = UInt32(truncatingIfNeeded: (old >> 18 ^ old) >> 27)
        let rotation = UInt32(old >> 59)
        return mixed >> rotation | mixed << (32 &- rotation & 31)
    }

    public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
    public mutating func chance(_ share: Double) -> Bool { unit() < share }

    /// Exponentially distributed about a mean.
    public mutating func around(_ mean: Duration) -> Duration { mean * -logarithm(1 - unit()) }

    /// ln(x) for 0 < x <= 1, by its series about 1; a simulation replays on every machine only if it needs no library's rounding.
    private func logarithm(_ x: Double) -> Double {
        var (mantissa, exponent) = (x, 0)
        while mantissa < 0.7 {
            mantissa *= 2
            exponent -= 1
        }
        let y = (mantissa - 1) / (mantissa + 1)
        var (term, sum) = (y, 0.0)
        for odd in stride(from: 1.0, through: 21, by: 2) {
            sum += term / odd
            term *= y * y
        }
        return 2 * sum + Double(exponent) * 0.693_147_180_559_945_3
    }
}

/// Runs events in virtual time, one after the other: no task, no thread, no wait. The same seed gives the same schedule, and its hash says so.
public final class Simulator {
    public let clock = VirtualClock()
    public var random: SeededRandom
    public let seed: UInt64
    private var events: [Event] = []
    private var nextSequence: UInt64 = 0
    private var hash: UInt64 = 0xCBF2_9CE4_8422_2325

    private struct Event {
        let time: Duration
        /// Of two at the same time the one that was planned first comes first.
        let sequence: UInt64
        let label: StaticString
        let run: () -> Void
    }

    public init(seed: UInt64) {
        self.seed = seed
        random = SeededRandom(seed: seed)
    }

    public var now: ContinuousClock.Instant { clock.now }

    /// The schedule so far: times and kinds of all events, in order (FNV-1a).
    public var scheduleHash: UInt64 { hash }

    /// Plans something; what lies in the past comes next.
    public func after(_ delay: Duration, _ label: StaticString, _ run: @escaping () -> Void) {
        nextSequence += 1
        push(Event(time: clock.elapsed + max(.zero, delay), sequence: nextSequence, label: label, run: run))
    }

    public func at(_ instant: ContinuousClock.Instant, _ label: StaticString, _ run: @escaping () -> Void) { after(instant - now, label, run) }

    /// Runs all events up to a time; what is planned later stays.
    public func run(until end: Duration) {
        while let first = events.first, first.time <= end {
            let event = pop()
            clock.move(to: event.time)
            note(event)
            event.run()
        }
        clock.move(to: end)
    }

    private func note(_ event: Event) {
        func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        var time = UInt64(bitPattern: event.time.microseconds)
        for _ in 0..<8 {
            mix(UInt8(truncatingIfNeeded: time))
            time >>= 8
        }
        event.label.withUTF8Buffer { for byte in $0 { mix(byte) } }
    }

    // A binary heap: the earliest event stands first.

    private func isBefore(_ a: Int, _ b: Int) -> Bool { (events[a].time, events[a].sequence) < (events[b].time, events[b].sequence) }

    private func push(_ event: Event) {
        events.append(event)
        var child = events.count - 1
        while child > 0, isBefore(child, (child - 1) / 2) {
            events.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private func pop() -> Event {
        events.swapAt(0, events.count - 1)
        let event = events.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < events.count && isBefore(child, least) { least = child }
            guard least != parent else { return event }
            events.swapAt(parent, least)
            parent = least
        }
    }
}
