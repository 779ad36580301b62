import Resilience
import Testing

@Suite struct BreakerMachineTests {
    private static func machine(_ change: (inout BreakerConfiguration) -> Void = { _ in }) -> BreakerMachine {
        var configuration = BreakerConfiguration()
        change(&configuration)
        return BreakerMachine(configuration)
    }

    /// Runs calls that all end the same way, and gives the last transition.
    @discardableResult
    private func run(
        _ count: Int, _ outcome: BreakerMachine.Outcome, on machine: inout BreakerMachine, at now: ContinuousClock.Instant, took: Duration = .zero
    ) throws -> BreakerMachine.Transition? {
        var last: BreakerMachine.Transition?
        for _ in 0..<count {
            let ticket = try machine.permit(at: now).get()
            last = machine.record(outcome, of: ticket, took: took, at: now) ?? last
        }
        return last
    }

    private func opened(at now: ContinuousClock.Instant = at(0)) throws -> BreakerMachine {
        var machine = Self.machine()
        try run(20, .failure, on: &machine, at: now)
        #expect(machine.state == .open)
        return machine
    }

    @Test("too few calls prove nothing")
    func minimum() throws {
        var machine = Self.machine()
        try run(19, .failure, on: &machine, at: at(0))
        #expect(machine.state == .closed)
        #expect(try run(1, .failure, on: &machine, at: at(0)) == .init(from: .closed, to: .open))
    }

    @Test("it opens at the share of failures and not below it")
    func share() throws {
        var machine = Self.machine()
        try run(51, .success, on: &machine, at: at(0))
        try run(50, .failure, on: &machine, at: at(0))
        #expect(machine.state == .closed)
        try run(1, .failure, on: &machine, at: at(0))
        #expect(machine.state == .open)
    }

    @Test("slow successes open it too")
    func slow() throws {
        var machine = Self.machine()
        try run(10, .success, on: &machine, at: at(0), took: .seconds(1))
        try run(10, .success, on: &machine, at: at(0), took: .seconds(1.001))
        #expect(machine.state == .open)
    }

    @Test("what is older than the window is forgotten")
    func window() throws {
        var machine = Self.machine()
        try run(19, .failure, on: &machine, at: at(0))
        try run(19, .failure, on: &machine, at: at(11))
        #expect(machine.state == .closed)
        #expect(machine.failures == 19)
    }

    @Test("open, it refuses and says for how long")
    func refusing() throws {
        var machine = try opened()
        let refusal = #expect(throws: CircuitOpen.self) { try machine.permit(at: at(1)).get() }
        #expect(refusal?.retryAfter == .seconds(4))
        #expect(machine.state == .open)
    }

    @Test("after the open time as many probes pass as it takes to close it")
    func probing() throws {
        var machine = try opened()
        let tickets = try (0..<3).map { _ in try machine.permit(at: at(5)).get() }
        #expect(machine.state == .halfOpen)
        #expect(throws: CircuitOpen.self) { try machine.permit(at: at(5)).get() }
        for ticket in tickets { machine.record(.success, of: ticket, took: .zero, at: at(5.1)) }
        #expect(machine.state == .closed)
    }

    @Test("one failing or slow probe opens it again, for twice as long, up to the bound", arguments: [BreakerMachine.Outcome.failure, .success])
    func doubling(outcome: BreakerMachine.Outcome) throws {
        var machine = try opened()
        var now = 0.0
        for wait in [5.0, 10, 20, 40, 60, 60] {
            #expect(throws: CircuitOpen.self) { try machine.permit(at: at(now + wait - 0.001)).get() }
            now += wait
            let ticket = try machine.permit(at: at(now)).get()
            machine.record(outcome, of: ticket, took: .seconds(2), at: at(now))
            #expect(machine.state == .open)
        }
    }

    @Test("once closed, it opens for the first time again")
    func closing() throws {
        var machine = try opened()
        machine.record(.failure, of: try machine.permit(at: at(5)).get(), took: .zero, at: at(5))
        try run(3, .success, on: &machine, at: at(15))
        #expect(machine.state == .closed)
        try run(20, .failure, on: &machine, at: at(16))
        #expect(throws: CircuitOpen.self) { try machine.permit(at: at(20.9)).get() }
        #expect(throws: Never.self) { try machine.permit(at: at(21)).get() }
    }

    @Test("a success from before it opened never closes it, and a failure from then does not open it again")
    func stale() throws {
        var machine = Self.machine()
        let early = try (0..<10).map { _ in try machine.permit(at: at(0)).get() }
        try run(20, .failure, on: &machine, at: at(0))
        let probe = try machine.permit(at: at(5)).get()
        for ticket in early.prefix(5) { #expect(machine.record(.success, of: ticket, took: .zero, at: at(5)) == nil) }
        for ticket in early.suffix(5) { #expect(machine.record(.failure, of: ticket, took: .zero, at: at(5)) == nil) }
        #expect(machine.state == .halfOpen)
        machine.record(.success, of: probe, took: .zero, at: at(5))
        #expect(machine.state == .halfOpen)
    }

    @Test("a probe of an earlier half-open time says nothing in a later one")
    func staleProbe() throws {
        var machine = try opened()
        let early = try (0..<3).map { _ in try machine.permit(at: at(5)).get() }
        machine.record(.failure, of: early[0], took: .zero, at: at(5))
        _ = try machine.permit(at: at(15)).get()
        machine.record(.success, of: early[1], took: .zero, at: at(15))
        machine.record(.failure, of: early[2], took: .zero, at: at(15))
        #expect(machine.state == .halfOpen)
    }

    @Test("probes that never return give their places up after the open time, and count no more")
    func leaked() throws {
        var machine = try opened()
        let leaked = try (0..<3).map { _ in try machine.permit(at: at(5)).get() }
        let refusal = #expect(throws: CircuitOpen.self) { try machine.permit(at: at(9)).get() }
        #expect(refusal?.retryAfter == .seconds(1))
        let fresh = try (0..<3).map { _ in try machine.permit(at: at(10)).get() }
        machine.record(.failure, of: leaked[0], took: .zero, at: at(10))
        #expect(machine.state == .halfOpen)
        for ticket in fresh { machine.record(.success, of: ticket, took: .zero, at: at(10)) }
        #expect(machine.state == .closed)
    }

    @Test("what says nothing about the callee never opens it, and gives a probe's place back")
    func ignored() throws {
        var machine = Self.machine()
        try run(1000, .ignored, on: &machine, at: at(0))
        #expect(machine.state == .closed && machine.calls == 0)
        var half = try opened()
        for _ in 0..<10 { half.record(.ignored, of: try half.permit(at: at(5)).get(), took: .zero, at: at(5)) }
        #expect(half.state == .halfOpen)
        try run(3, .success, on: &half, at: at(5))
        #expect(half.state == .closed)
    }

    @Test("forced open nothing passes, disabled and metrics-only everything does, and back in automatic it is itself again")
    func modes() throws {
        var machine = Self.machine()
        #expect(machine.set(.forcedOpen) == .init(from: .closed, to: .forcedOpen))
        #expect(throws: CircuitOpen.self) { try machine.permit(at: at(1000)).get() }
        machine.set(.disabled)
        try run(100, .failure, on: &machine, at: at(1000))
        #expect(machine.state == .disabled && machine.calls == 0)
        machine.set(.metricsOnly)
        try run(100, .failure, on: &machine, at: at(1000))
        #expect(machine.state == .metricsOnly && machine.failures == 100)
        machine.set(.automatic)
        #expect(machine.state == .closed && machine.calls == 0)
        try run(20, .failure, on: &machine, at: at(1001))
        #expect(machine.state == .open)
    }

    @Test("automatic makes one that judges by itself forget nothing, and a reset closes it")
    func reset() throws {
        var machine = try opened()
        #expect(machine.set(.automatic) == nil)
        #expect(machine.state == .open)
        #expect(machine.reset() == .init(from: .open, to: .closed))
        #expect(throws: Never.self) { try machine.permit(at: at(0)).get() }
    }

    @Test("what a call of before an operator's word brings counts no more")
    func staleForced() throws {
        var machine = Self.machine { $0.minimumCalls = 1 }
        let early = try machine.permit(at: at(0)).get()
        machine.set(.forcedOpen)
        machine.set(.automatic)
        #expect(machine.record(.failure, of: early, took: .zero, at: at(0)) == nil)
        #expect(machine.state == .closed)
    }

    @Test("other thresholds hold at once, for what was counted already")
    func reconfigured() throws {
        var machine = Self.machine()
        try run(6, .failure, on: &machine, at: at(0))
        var configuration = BreakerConfiguration()
        configuration.minimumCalls = 7
        machine.reconfigure(configuration)
        try run(1, .failure, on: &machine, at: at(0))
        #expect(machine.state == .open)
    }
}

@Suite struct CircuitBreakerTests {
    @Test("a permit that goes out of scope counts as nothing, and one that is settled counts once")
    func permits() throws {
        let clock = TestClock()
        var configuration = BreakerConfiguration()
        configuration.minimumCalls = 3
        let breaker = CircuitBreaker(configuration, now: { clock.now })
        for _ in 0..<10 { _ = try breaker.permit() }
        #expect(breaker.snapshot.calls == 0)
        for _ in 0..<2 {
            let permit = try breaker.permit()
            permit.fail()
        }
        #expect(breaker.snapshot.failures == 2)
        let permit = try breaker.permit()
        permit.ignore()
        #expect(breaker.state == .closed)
    }

    @Test("each change of state is told once, the one to half-open too")
    func transitions() async throws {
        let clock = TestClock()
        var configuration = BreakerConfiguration()
        configuration.minimumCalls = 1
        configuration.probes = 1
        try await confirmation(expectedCount: 4) { told in
            let breaker = CircuitBreaker(configuration, now: { clock.now }) { _ in told() }
            try breaker.permit().fail()
            #expect(breaker.state == .open)
            clock.advance(.seconds(5))
            let probe = try breaker.permit()
            #expect(breaker.state == .halfOpen)
            probe.succeed()
            #expect(breaker.state == .closed)
            breaker.reset()
            breaker.set(.automatic)
            breaker.set(.disabled)
        }
    }
}
