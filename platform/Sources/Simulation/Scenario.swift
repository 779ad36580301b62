import Basics
package import Resilience

/// What a run of a scenario found.
public struct SimulationResult: Hashable, Sendable {
    /// What was broken; empty where all holds.
    public let violations: [String]
    /// Of the schedule: equal for equal seeds.
    public let hash: UInt64
    public let calls: Int
    public let attempts: Int
}

/// A situation that calls get into, played out in virtual time from a seed, and what must hold in it.
public struct Scenario: Sendable {
    public let name: String
    private let play: @Sendable (Simulator, Mutations) -> SimulatedClient

    init(_ name: String, _ play: @escaping @Sendable (Simulator, Mutations) -> SimulatedClient) {
        self.name = name
        self.play = play
    }

    public func run(seed: UInt64) -> SimulationResult { run(seed: seed, mutations: []) }

    package func run(seed: UInt64, mutations: Mutations) -> SimulationResult {
        let simulator = Simulator(seed: seed)
        let client = play(simulator, mutations)
        client.checkBudget()
        return SimulationResult(
            violations: client.violations, hash: simulator.scheduleHash, calls: client.calls, attempts: client.attempts)
    }

    public static let all = [
        retryStorm, flapping, leakedProbe, deadlines, openBreaker, tinyDeadlines, hedging, abandonedCalls, capacityChange, hiccup, standingQueue,
        overload,
    ]

    // MARK: retries

    /// Everything fails, in bursts of calls and pauses between them: the budget bounds what comes on top.
    public static let retryStorm = Scenario("retry storm") { simulator, mutations in
        let server = SimulatedServer(simulator)
        server.behaviour.failing = simulator.random.chance(0.5) ? 1 : 0.7
        var policy = CallPolicy.none
        policy.retry.attempts = 5
        policy.budget.window = .seconds(2)
        policy.budget.perSecond = 2
        let client = SimulatedClient(simulator, server, policy, mutations: mutations)
        arrivals(simulator, until: .seconds(10), mean: .milliseconds(5), bursts: true) { client.send() }
        simulator.run(until: .seconds(12))
        return client
    }

    /// A slow and failing callee, callers with little time: nobody waits longer than it said.
    public static let deadlines = Scenario("deadlines") { simulator, mutations in
        let server = SimulatedServer(simulator)
        server.behaviour.service = .milliseconds(150)
        server.behaviour.failing = 0.5
        server.behaviour.lost = 0.1
        var policy = CallPolicy()
        (policy.breaker, policy.concurrency) = (nil, nil)
        policy.attemptTimeout = .milliseconds(400)
        policy.retry.backoff = Backoff(base: .milliseconds(100), cap: .seconds(1))
        let client = SimulatedClient(simulator, server, policy, mutations: mutations)
        arrivals(simulator, until: .seconds(6), mean: .milliseconds(10)) {
            var call = SimulatedClient.Call()
            call.deadline = .milliseconds(Int64.random(in: 1...1500, using: &simulator.random))
            client.send(call)
        }
        simulator.run(until: .seconds(12))
        return client
    }

    /// A breaker that opens and closes under load: what it refuses is refused.
    public static let openBreaker = Scenario("open breaker") { simulator, mutations in
        let server = SimulatedServer(simulator)
        server.behaviour.failing = 0.8
        let client = SimulatedClient(simulator, server, shortBreaker(), mutations: mutations)
        arrivals(simulator, until: .seconds(5), mean: .milliseconds(5)) { client.send() }
        simulator.run(until: .seconds(8))
        return client
    }

    /// Reads of which some are stuck, and a budget that is soon spent: a hedge that cannot be had harms nobody.
    public static let hedging = Scenario("hedging") { simulator, mutations in
        let server = SimulatedServer(simulator)
        server.behaviour.stuck = 0.1
        var policy = CallPolicy()
        (policy.breaker, policy.concurrency) = (nil, nil)
        policy.retry.attempts = 1
        (policy.budget.share, policy.budget.perSecond) = (0.02, 0.5)
        let client = SimulatedClient(simulator, server, policy, mutations: mutations)
        arrivals(simulator, until: .seconds(8), mean: .milliseconds(5)) {
            var call = SimulatedClient.Call()
            call.kind = .read
            client.send(call)
        }
        simulator.run(until: .seconds(12))
        return client
    }

    // MARK: the breaker

    /// A callee that is well and ill in turns, with answers that come late: no success of before closes the breaker.
    public static let flapping = Scenario("flapping") { simulator, mutations in
        let server = SimulatedServer(simulator)
        // A stuck one then takes about 0.6 s: longer than the breaker is open, and not so long that it counts as slow.
        server.behaviour.service = .milliseconds(6)
        server.behaviour.stuck = 0.5
        let client = SimulatedClient(simulator, server, shortBreaker(), mutations: mutations)
        for turn in 1..<8 {
            simulator.after(.milliseconds(turn * 700), "turn") { server.behaviour.failing = turn % 2 == 1 ? 1 : 0 }
        }
        arrivals(simulator, until: .seconds(6), mean: .milliseconds(6)) {
            var call = SimulatedClient.Call()
            call.kind = .once
            client.send(call)
        }
        simulator.run(until: .seconds(10))
        return client
    }

    /// Probes that never return, then a callee that is well: the breaker closes all the same.
    public static let leakedProbe = Scenario("leaked probe") { simulator, mutations in
        let server = SimulatedServer(simulator)
        server.behaviour.failing = 1
        let client = SimulatedClient(simulator, server, shortBreaker(), mutations: mutations)
        let leaksFrom = simulator.now + .seconds(1)
        let leaksUntil = simulator.now + .seconds(4)
        simulator.after(.seconds(4), "well") { server.behaviour.failing = 0 }
        arrivals(simulator, until: .seconds(12), mean: .milliseconds(10)) {
            var call = SimulatedClient.Call()
            call.kind = .once
            call.leaks = simulator.now >= leaksFrom && simulator.now < leaksUntil
            client.send(call)
        }
        simulator.run(until: .seconds(14))
        if client.pipeline.breaker.state != .closed { client.violate("the breaker never closed although the callee was well") }
        return client
    }

    /// A healthy callee, and callers that give it no time: they harm nobody's calls but their own.
    public static let tinyDeadlines = Scenario("tiny deadlines") { simulator, mutations in
        let server = SimulatedServer(simulator)
        server.behaviour.service = .milliseconds(50)
        server.behaviour.isSteady = true
        let client = SimulatedClient(simulator, server, shortBreaker(), mutations: mutations)
        arrivals(simulator, until: .seconds(3), mean: .milliseconds(10)) {
            var call = SimulatedClient.Call()
            call.deadline = .milliseconds(simulator.random.chance(0.9) ? 10 : 900)
            client.send(call)
        }
        simulator.run(until: .seconds(4))
        if client.pipeline.breaker.state != .closed { client.violate("clients with tiny deadlines opened the breaker") }
        if client.pipeline.limit.snapshot.limit < 32 { client.violate("clients with tiny deadlines shrank the limit") }
        return client
    }

    private static func shortBreaker() -> CallPolicy {
        var policy = CallPolicy()
        policy.hedge = nil
        policy.breaker!.window = .seconds(2)
        policy.breaker!.openTime = .milliseconds(400)
        policy.breaker!.longestOpenTime = .milliseconds(800)
        return policy
    }
}
