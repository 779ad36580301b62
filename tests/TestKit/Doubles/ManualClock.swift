public import Basics
import Synchronization

/// A time of day that stands still until a test moves it, and identifiers that replay from a seed.
public final class ManualClock: Sendable {
    private let state: Mutex<(now: Timestamp, random: SplitMix64)>

    /// - Parameter start: by default 2026-01-15T09:00:00Z.
    public init(_ start: Timestamp = Timestamp(microseconds: 1_768_467_600_000_000), seed: UInt64 = 1) {
        state = Mutex((start, SplitMix64(seed: seed)))
    }

    public var now: Timestamp { state.withLock { $0.now } }

    public func advance(by duration: Duration) {
        state.withLock { $0.now = $0.now + duration }
    }

    public var sources: Sources {
        Sources(
            now: { self.now },
            makeID: { self.state.withLock { state in Identifier(at: state.now, random: (state.random.next(), state.random.next())) } })
    }
}
