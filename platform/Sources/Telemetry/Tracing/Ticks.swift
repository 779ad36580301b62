#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// The clock of spans and durations: whole nanoseconds of the monotonic clock. What was measured becomes a time of day only when it is
/// exported, so that a clock that is set back never makes a span end before it began, and reading it costs one call.
public enum Ticks {
    public static func now() -> Int64 { read(CLOCK_MONOTONIC) }

    /// Nanoseconds to add to ticks for nanoseconds since the Unix epoch, as the clocks stand now.
    static func toUnixTime() -> Int64 { read(CLOCK_REALTIME) - read(CLOCK_MONOTONIC) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
