import Basics
import Resilience
import TestKit
import Testing

@Suite struct ConcurrencyLimitTests {
    /// One round: as many calls as the limit lets through, which all take the same time.
    private func round(
        _ machine: inout ConcurrencyMachine, at now: Double, took: Double = 0.01, _ outcome: (Int) -> ConcurrencyMachine.Outcome = { _ in .success }
    ) {
        while machine.enter() {}
        let calls = machine.inFlight
        for index in 0..<calls { machine.leave(outcome(index), begun: at(now), at: at(now + took)) }
    }

    @Test("as many enter as the limit says, and a place given back is free again")
    func places() {
        var machine = ConcurrencyMachine()
        let entered = (0..<40).count { _ in machine.enter() }
        #expect(entered == 32)
        machine.leave(.ignored, begun: at(0), at: at(0))
        let again = machine.enter()
        #expect(again)
    }

    @Test("it grows by one for each round that went well, up to its bound")
    func growth() {
        var machine = ConcurrencyMachine()
        for index in 0..<40 { round(&machine, at: Double(index) * 0.02) }
        #expect(machine.limit == 72)
        for index in 0..<1000 { round(&machine, at: 1 + Double(index) * 0.001, took: 0.0005) }
        #expect(machine.limit == 512)
    }

    @Test("unused, it does not grow")
    func unused() {
        var machine = ConcurrencyMachine()
        for index in 0..<10_000 {
            _ = machine.enter()
            machine.leave(.success, begun: at(Double(index) * 0.001), at: at(Double(index + 1) * 0.001))
        }
        #expect(machine.limit == 32)
    }

    @Test("overload shrinks it once for all calls that were sent under the same limit, and not below the floor")
    func shrinking() {
        var machine = ConcurrencyMachine()
        round(&machine, at: 0) { _ in .overload }
        #expect(machine.limit == 28)
        for second in 1...100 { round(&machine, at: Double(second)) { _ in .overload } }
        #expect(machine.limit == 4)
    }

    @Test("calls that stand in a queue shrink it, and some that are slow by themselves do not")
    func queueing() {
        var machine = ConcurrencyMachine()
        round(&machine, at: 0)
        #expect(machine.limit == 33)
        for index in 0..<20 {
            while machine.enter() {}
            let calls = machine.inFlight
            for call in 0..<calls { machine.leave(.success, begun: at(1), at: at(1 + (call % 3 == 0 ? 1 : 0.01) + Double(index) / 1000)) }
        }
        #expect(machine.limit == 53)
        round(&machine, at: 2, took: 0.2)
        #expect(machine.limit == 47)
    }

    /// A callee that takes 0.1 s, and then does no more than forty calls a second: thirty of 62 are still in its queue.
    private func inTrouble() -> ConcurrencyMachine {
        var configuration = ConcurrencyConfiguration()
        configuration.initial = 256
        var machine = ConcurrencyMachine(configuration)
        for index in 0..<20 {
            let begun = at(Double(index) / 5)
            _ = machine.enter(at: begun, within: .seconds(1), isGivenTime: true)
            machine.leave(.success, begun: begun, at: at(Double(index) / 5 + 0.1))
        }
        for _ in 0..<62 { _ = machine.enter(at: at(10), within: .seconds(1), isGivenTime: true) }
        for index in 0..<32 { machine.leave(.success, begun: at(10), at: at(10.1 + Double(index) / 40)) }
        return machine
    }

    @Test("a call that would stand in a queue for most of its time is turned away, and the limit falls at once to what keeps the callee busy")
    func foreseen() throws {
        var machine = inTrouble()
        let expected = try #require(machine.expected)
        #expect(abs(expected.inSeconds - 31.0 / 40) < 0.001)
        #expect(machine.isClosed(within: .seconds(1)))
        #expect(machine.enter(at: at(10.8), within: .seconds(1), isGivenTime: true) == .late(expected))
        // Forty a second, of which each may take 0.2 s before that is called a queue.
        #expect((7...8).contains(machine.limit))
        #expect(machine.inFlight == 30)
        for index in 0..<30 { machine.leave(.ignored, begun: at(10), at: at(11 + Double(index) / 40)) }
        #expect(machine.enter(at: at(12), within: .seconds(1), isGivenTime: true) == .entered)
    }

    @Test("a call that has time enough stands in the queue, and one that was given too little changes nothing")
    func givenTime() {
        var machine = inTrouble()
        #expect(machine.enter(at: at(10.8), within: .seconds(2), isGivenTime: true) == .entered)
        #expect(machine.enter(at: at(10.8), within: nil, isGivenTime: true) == .entered)
        guard case .late = machine.enter(at: at(10.8), within: .milliseconds(50), isGivenTime: false) else {
            Issue.record("it would not have been answered in time")
            return
        }
        #expect(machine.limit == 256)
    }

    @Test("as many as the limit never falls below are let through whatever is foreseen, and so the end of the queue is seen")
    func unforeseen() {
        var machine = inTrouble()
        for _ in 0..<27 { machine.leave(.ignored, begun: at(10), at: at(11)) }
        #expect(machine.enter(at: at(11), within: .milliseconds(1), isGivenTime: true) == .entered)
        #expect(machine.enter(at: at(11), within: .milliseconds(1), isGivenTime: true) != .entered)
        for index in 0..<4 { machine.leave(.success, begun: at(11), at: at(11.1 + Double(index) / 1000)) }
        #expect(machine.expected == nil)
    }

    @Test("a caller that gave up is not a fast success")
    func ignored() {
        var machine = ConcurrencyMachine()
        for index in 0..<100 { round(&machine, at: Double(index) * 0.02) { _ in .ignored } }
        #expect(machine.limit == 32)
    }

    @Test("a place that goes out of scope is given back")
    func scope() throws {
        var configuration = ConcurrencyConfiguration()
        (configuration.least, configuration.initial, configuration.most) = (1, 1, 1)
        let limit = ConcurrencyLimit(configuration)
        for _ in 0..<3 { _ = try limit.enter() }
        let place = try limit.enter()
        let refusal = #expect(throws: ConcurrencyLimitReached.self) { _ = try limit.enter() }
        #expect(refusal?.limit == 1)
        place.leave(.success)
        #expect(limit.snapshot.inFlight == 0)
    }

    @Test("it settles near what a callee takes that turns away the rest, and follows when that changes", arguments: [(40, 15), (15, 60)])
    func refusing(first: Int, then: Int) {
        var machine = ConcurrencyMachine()
        var now = 0.0
        func next(_ capacity: Int) {
            now += 0.15
            let asked = machine.limit - machine.inFlight
            round(&machine, at: now, took: 0.1) { $0 < asked - capacity ? .overload : .success }
        }
        for capacity in [first, then] {
            for _ in 0..<400 { next(capacity) }
            var sum = 0
            for _ in 0..<100 {
                next(capacity)
                sum += machine.limit
            }
            #expect((Double(capacity) * 0.6...Double(capacity) * 1.2).contains(Double(sum) / 100), "\(capacity): \(sum / 100)")
        }
    }

    @Test("other bounds hold at once")
    func reconfigured() {
        var machine = ConcurrencyMachine()
        var configuration = ConcurrencyConfiguration()
        (configuration.initial, configuration.most) = (8, 8)
        machine.reconfigure(configuration)
        #expect(machine.limit == 8)
    }
}
