import Basics
import Resilience
import TestKit
import Testing

@Suite struct LatencyHistogramTests {
    @Test("a quantile is at most 9 % above what was recorded, and never below", arguments: [UInt64(1), 2, 3])
    func accuracy(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var histogram = LatencyHistogram()
        var latencies: [Int64] = []
        for _ in 0..<2000 {
            let latency = Int64(Double(20) * Double.random(in: 1...1000, using: &random) * Double.random(in: 1...10, using: &random))
            latencies.append(latency)
            histogram.record(.microseconds(latency))
        }
        latencies.sort()
        for share in [0.5, 0.9, 0.95, 0.99] {
            let exact = Double(latencies[Int((share * 2000).rounded(.up)) - 1])
            let told = Double(try #require(histogram.quantile(share)).microseconds)
            #expect(told >= exact && told <= exact * 1.09)
        }
    }

    @Test("what was long ago fades")
    func fading() throws {
        var histogram = LatencyHistogram()
        for _ in 0..<5000 { histogram.record(.seconds(1)) }
        for _ in 0..<20_000 { histogram.record(.milliseconds(1)) }
        #expect(try #require(histogram.quantile(0.95)) < .milliseconds(2))
        #expect(histogram.count < 5000)
    }

    @Test("nothing is known at first, and the extremes have a place")
    func extremes() {
        var histogram = LatencyHistogram()
        #expect(histogram.quantile(0.5) == nil)
        histogram.record(.zero)
        histogram.record(.seconds(-1))
        histogram.record(.seconds(1_000_000))
        #expect(histogram.count == 3)
        #expect(histogram.quantile(1) != nil)
    }
}
