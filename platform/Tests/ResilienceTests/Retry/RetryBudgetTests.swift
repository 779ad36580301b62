import Resilience
import TestKit
import Testing

@Suite struct RetryBudgetTests {
    @Test("a quiet client may retry as often as the floor says, and no more")
    func floor() {
        var machine = RetryBudgetMachine()
        let granted = (0..<200).count { _ in machine.reserve(at: at(0)) }
        #expect(granted == 100)
        #expect(machine.remaining == 0)
    }

    @Test("calls earn a share of themselves")
    func share() {
        var configuration = RetryBudgetConfiguration()
        configuration.perSecond = 0
        var machine = RetryBudgetMachine(configuration)
        for _ in 0..<50 { machine.call(at: at(0)) }
        let granted = (0..<50).count { _ in machine.reserve(at: at(0)) }
        #expect(granted == 10)
        for _ in 0..<4 { machine.call(at: at(1)) }
        #expect(machine.reserve(at: at(1)) == false)
        machine.call(at: at(1))
        #expect(machine.reserve(at: at(1)) == true)
    }

    @Test("what was earned and what was spent both leave with the window")
    func window() {
        var configuration = RetryBudgetConfiguration()
        configuration.perSecond = 0
        var machine = RetryBudgetMachine(configuration)
        for _ in 0..<50 { machine.call(at: at(0)) }
        #expect(machine.reserve(at: at(0)) == true)
        #expect(machine.reserve(at: at(10)) == false)
        #expect(machine.spent == 0)
    }

    @Test("whatever comes when, a run spends no more than its share and a floor for each window in it", arguments: [UInt64(1), 2, 3, 4, 5])
    func property(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var machine = RetryBudgetMachine()
        var (now, calls, extra) = (0.0, 0, 0)
        for step in 0..<20_000 {
            // Busy and quiet times, so that what was earned in one could be spent in the other.
            now += Double.random(in: 0...(step / 2000 % 2 == 0 ? 0.005 : 0.1), using: &random)
            if Double.random(in: 0...1, using: &random) < 0.6 {
                machine.call(at: at(now))
                calls += 1
            }
            if machine.reserve(at: at(now)) { extra += 1 }
        }
        #expect(Double(extra) <= 0.2 * Double(calls) + 100 * (now / 10).rounded(.up))
        #expect(extra > 100)
    }

    @Test("another share counts at once, for what was counted already")
    func reconfigured() {
        var configuration = RetryBudgetConfiguration()
        configuration.perSecond = 0
        var machine = RetryBudgetMachine(configuration)
        for _ in 0..<10 { machine.call(at: at(0)) }
        configuration.share = 1
        machine.reconfigure(configuration)
        let granted = (0..<50).count { _ in machine.reserve(at: at(0)) }
        #expect(granted == 10)
    }
}
