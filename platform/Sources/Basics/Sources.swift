#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Where the time of day and fresh identifiers come from. A parameter of everything that needs them, so that a test or the
/// simulator can choose both.
public struct Sources: Sendable {
    /// The time of day. Never used to measure how long something took; that is `ContinuousClock`'s.
    public var now: @Sendable () -> Timestamp
    /// A fresh identifier.
    public var makeID: @Sendable () -> Identifier

    public init(now: @escaping @Sendable () -> Timestamp, makeID: @escaping @Sendable () -> Identifier) {
        self.now = now
        self.makeID = makeID
    }

    /// The system's clock and random source.
    public static let system = Sources(
        now: { .now },
        makeID: {
            var generator = SystemRandomNumberGenerator()
            return Identifier(at: .now, random: (generator.next(), generator.next()))
        }
    )
}

extension Timestamp {
    /// The system clock's time of day.
    public static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }
}
