import Resilience
import TestKit
import Testing

@Suite struct RateLimiterTests {
    @Test("a burst passes, then one for each interval, and the wait that is told is exact")
    func exact() {
        var machine = RateLimiterMachine<String>(RateLimit(burst: 5, perSecond: 10))
        let left = (0..<5).map { _ in machine.take("a", at: at(0)).remaining }
        #expect(left == [4, 3, 2, 1, 0])
        let refused = machine.take("a", at: at(0))
        #expect(!refused.isAllowed)
        #expect(refused.retryAfter == .milliseconds(100))
        #expect(!machine.take("a", at: at(0.0999)).isAllowed)
        #expect(machine.take("a", at: at(0.1)).isAllowed)
        #expect(!machine.take("a", at: at(0.1)).isAllowed)
    }

    @Test("a refusal costs nothing")
    func refusals() {
        var machine = RateLimiterMachine<String>(RateLimit(burst: 1, perSecond: 1))
        #expect(machine.take("a", at: at(0)).isAllowed)
        for _ in 0..<100 { #expect(!machine.take("a", at: at(0.5)).isAllowed) }
        #expect(machine.take("a", at: at(1)).isAllowed)
    }

    @Test("keys do not share, and after a pause the whole burst is there again")
    func keys() {
        var machine = RateLimiterMachine<String>(RateLimit(burst: 3, perSecond: 1))
        for _ in 0..<3 { #expect(machine.take("a", at: at(0)).isAllowed) }
        #expect(machine.take("b", at: at(0)).remaining == 2)
        #expect(machine.take("a", at: at(3)).remaining == 2)
    }

    @Test("over any time no key gets more than its burst and its rate", arguments: [UInt64(1), 2, 3])
    func property(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let limit = RateLimit(burst: 7, perSecond: 20)
        var machine = RateLimiterMachine<Int>(limit)
        var allowed: [Double] = []
        var now = 0.0
        for _ in 0..<5000 {
            now += Double.random(in: 0...0.06, using: &random)
            if machine.take(1, at: at(now)).isAllowed { allowed.append(now) }
        }
        for (index, begin) in allowed.enumerated() {
            let last = min(allowed.count - 1, index + 50)
            #expect(Double(last - index + 1) <= 7 + (allowed[last] - begin) * 20 + 0.001)
        }
    }

    @Test("the number of keys is bounded, and who goes on asking stays remembered")
    func bounded() {
        var machine = RateLimiterMachine<Int>(RateLimit(burst: 10, perSecond: 1), mostKeys: 100)
        for _ in 0..<10 { #expect(machine.take(-1, at: at(0)).isAllowed) }
        for key in 0..<10_000 {
            #expect(machine.take(key, at: at(0)).isAllowed)
            #expect(machine.keyCount <= 100)
            if key % 30 == 0 { #expect(!machine.take(-1, at: at(0)).isAllowed) }
        }
    }

    @Test("keys that owe nothing any more take up no room")
    func forgetting() {
        var machine = RateLimiterMachine<Int>(RateLimit(burst: 10, perSecond: 1))
        for key in 0..<1000 { _ = machine.take(key, at: at(0)) }
        _ = machine.take(-1, at: at(10))
        _ = machine.take(-1, at: at(20))
        #expect(machine.keyCount == 1)
    }
}
