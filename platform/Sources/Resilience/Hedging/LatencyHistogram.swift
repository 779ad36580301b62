import Basics
import Synchronization

/// How long calls took lately, in buckets that grow by a twelfth root of two (6 %), from 16 µs to 67 s.
///
/// Old latencies fade: after every 2,048 all counts are halved, so the last few thousand decide. Fixed size, no allocation after the first.
public struct LatencyHistogram: Sendable {
    private static let perOctave = 12
    private static let octaves = 22
    private static let least: Int64 = 16
    private static let fading = 2048

    private var counts = [UInt32](repeating: 0, count: octaves * perOctave)
    private var total = 0
    private var sinceFading = 0

    public init() {}

    /// Latencies that still count.
    public var count: Int { total }

    public mutating func record(_ latency: Duration) {
        counts[Self.bucket(latency.microseconds)] += 1
        total += 1
        sinceFading += 1
        if sinceFading >= Self.fading { fade() }
    }

    /// The time within which this share of the calls answered, at most 6 % too high; nil if there were none.
    public func quantile(_ share: Double) -> Duration? {
        guard total > 0 else { return nil }
        let wanted = max(1, Int((share * Double(total)).rounded(.up)))
        var seen = 0
        for (bucket, count) in counts.enumerated() {
            seen += Int(count)
            if seen >= wanted { return .microseconds(Self.upperBound(bucket)) }
        }
        return .microseconds(Self.upperBound(counts.count - 1))
    }

    private mutating func fade() {
        sinceFading = 0
        total = 0
        for index in counts.indices {
            counts[index] /= 2
            total += Int(counts[index])
        }
    }

    private static func bucket(_ microseconds: Int64) -> Int {
        guard microseconds > least else { return 0 }
        let octave = 63 - microseconds.leadingZeroBitCount - 4
        guard octave < octaves else { return octaves * perOctave - 1 }
        // Linear within the octave: near enough to the root, and no logarithm.
        let base = least << Int64(octave)
        return octave * perOctave + Int((microseconds - base) * Int64(perOctave) / base)
    }

    private static func upperBound(_ bucket: Int) -> Int64 {
        let base = least << Int64(bucket / perOctave)
        return base + base * Int64(bucket % perOctave + 1) / Int64(perOctave)
    }
}

/// The latencies that tasks share, and the quantile that they ask for most, kept fresh.
final class LatencyTracker: Sendable {
    private struct State {
        var histogram = LatencyHistogram()
        var untilRefresh = 1
        var quantiles: (median: Duration, late: Duration)?
    }

    private let state = Mutex(State())
    /// Reading a quantile walks all buckets, so it is done for one record of so many.
    private static let refresh = 32

    func record(_ latency: Duration, quantile: Double) {
        state.withLock { state in
            state.histogram.record(latency)
            state.untilRefresh -= 1
            guard state.untilRefresh <= 0 else { return }
            state.untilRefresh = Self.refresh
            state.quantiles = state.histogram.quantile(0.5).flatMap { median in state.histogram.quantile(quantile).map { (median, $0) } }
        }
    }

    /// The median, or zero where nothing is known.
    var median: Duration { state.withLock { $0.quantiles?.median ?? .zero } }

    /// The quantile that was recorded with, if it is of so many calls.
    func late(minimum: Int) -> Duration? { state.withLock { $0.histogram.count >= minimum ? $0.quantiles?.late : nil } }
}
