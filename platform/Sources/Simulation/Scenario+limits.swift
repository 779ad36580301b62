import Basics
import Resilience

extension Scenario {
    /// Callers that give up before a hanging callee answers: they are no fast successes, so the limit does not grow.
    public static let abandonedCalls = Scenario("abandoned calls") { simulator, mutations in
        let server = SimulatedServer(simulator)
        server.behaviour.service = .seconds(30)
        let client = SimulatedClient(simulator, server, limitOnly(), mutations: mutations)
        arrivals(simulator, until: .seconds(5), mean: .milliseconds(1)) {
            var call = SimulatedClient.Call()
            call.patience = .milliseconds(Int64.random(in: 20...60, using: &simulator.random))
            client.send(call)
        }
        simulator.run(until: .seconds(6))
        if client.pipeline.limit.snapshot.limit > 32 { client.violate("the limit grew on calls that were given up") }
        return client
    }

    /// A callee whose capacity is halved and doubled under far too much load: nearly all of it is used all the time but for a moment
    /// after each change.
    public static let capacityChange = Scenario("capacity change") { simulator, mutations in
        let server = SimulatedServer(simulator, capacity: 16, queueLimit: 8)
        server.behaviour.service = .milliseconds(50)
        let client = SimulatedClient(simulator, server, limitOnly(), mutations: mutations)
        var doneBefore = 0
        /// Work done since the last look, as a share of what the callee could have done.
        func look(_ capacity: Int, _ seconds: Double) {
            let possible = Double(capacity) / 0.05 * seconds
            if Double(server.done - doneBefore) < 0.75 * possible { client.violate("the limit keeps the callee from its work") }
            if client.pipeline.limit.snapshot.limit > capacity * 3 { client.violate("the limit does not follow the callee's capacity") }
        }
        let phases = simulator.random.chance(0.5) ? [16, 8, 16] : [8, 16, 8]
        server.capacity = phases[0]
        for (phase, capacity) in phases.enumerated() {
            simulator.after(.seconds(phase * 4), "capacity") { server.capacity = capacity }
            simulator.after(.seconds(phase * 4 + 2), "look") { doneBefore = server.done }
            simulator.after(.seconds(phase * 4 + 4) - .milliseconds(1), "look") { look(capacity, 2) }
        }
        arrivals(simulator, until: .seconds(12), mean: .milliseconds(1)) { client.send() }
        simulator.run(until: .seconds(13))
        return client
    }

    /// Answers are lost for a moment, so that a hundred calls time out one after the other: they were all sent under one limit, which shrinks
    /// once, and a moment later all is as it was.
    public static let hiccup = Scenario("hiccup") { simulator, mutations in
        let server = SimulatedServer(simulator)
        server.behaviour.service = .milliseconds(50)
        var policy = limitOnly()
        policy.deadline = .milliseconds(500)
        policy.concurrency!.initial = 64
        let client = SimulatedClient(simulator, server, policy, mutations: mutations)
        simulator.after(.seconds(3), "lost") { server.behaviour.lost = 1 }
        simulator.after(.milliseconds(3200), "back") { server.behaviour.lost = 0 }
        var doneBefore = 0
        simulator.after(.milliseconds(3900), "look") { doneBefore = server.done }
        simulator.after(.milliseconds(4900), "look") {
            // Of some 500 that are asked for.
            if server.done - doneBefore < 400 { client.violate("the limit keeps the callee from its work") }
        }
        arrivals(simulator, until: .seconds(5), mean: .milliseconds(2)) { client.send() }
        simulator.run(until: .seconds(6))
        return client
    }

    /// A callee that never refuses and only gets slower: the queue in front of it stays short, although the queue is all that was ever seen.
    public static let standingQueue = Scenario("standing queue") { simulator, mutations in
        let server = SimulatedServer(simulator, capacity: 5)
        server.behaviour.service = .milliseconds(20)
        server.behaviour.isSteady = true
        var policy = limitOnly()
        policy.concurrency!.baselineWindow = .seconds(1)
        let client = SimulatedClient(simulator, server, policy, mutations: mutations)
        arrivals(simulator, until: .seconds(15), mean: .milliseconds(2)) { client.send() }
        var worst = 0
        for look in 100..<150 {
            simulator.after(.milliseconds(look * 100), "look") { worst = max(worst, client.pipeline.limit.snapshot.limit) }
        }
        simulator.run(until: .seconds(15))
        // The slack and what adds up of it: some 170 ms of queue.
        if worst > 5 + 45 { client.violate("the queue at the callee became the baseline") }
        if server.done < 3100 { client.violate("the limit keeps the callee from its work") }
        return client
    }

    /// Four times what the callee does, which never refuses anything: but for the first moments nobody is sent to stand in a queue for longer
    /// than there is time, and the callee does nearly all that it can.
    public static let overload = Scenario("overload") { simulator, mutations in
        let server = SimulatedServer(simulator, capacity: 8)
        server.behaviour.service = .milliseconds(200)
        server.behaviour.isSteady = true
        var policy = CallPolicy()
        (policy.hedge, policy.breaker) = (nil, nil)
        policy.concurrency!.initial = 256
        let client = SimulatedClient(simulator, server, policy, mutations: mutations)
        var (errorsBefore, doneBefore) = (0, 0)
        simulator.after(.seconds(4), "look") {
            errorsBefore = client.outcomes[.error, default: 0] + client.outcomes[.budgetExhausted, default: 0]
            doneBefore = server.done
        }
        arrivals(simulator, until: .seconds(14), mean: .milliseconds(6)) { client.send() }
        simulator.run(until: .seconds(14))
        let errors = client.outcomes[.error, default: 0] + client.outcomes[.budgetExhausted, default: 0] - errorsBefore
        if errors > 0 { client.violate("calls were sent that could not be answered in time") }
        // Of 400.
        if server.done - doneBefore < 340 { client.violate("the limit keeps the callee from its work") }
        return client
    }

    private static func limitOnly() -> CallPolicy {
        var policy = CallPolicy.none
        policy.deadline = .seconds(2)
        policy.concurrency = ConcurrencyConfiguration()
        return policy
    }

    /// Calls that come one by one, a random time apart; in bursts with pauses between them, if so wished.
    static func arrivals(_ simulator: Simulator, until end: Duration, mean: Duration, bursts: Bool = false, _ call: @escaping () -> Void) {
        func next() {
            var gap = simulator.random.around(mean)
            if bursts, simulator.random.chance(0.002) { gap = gap + .seconds(1) }
            guard simulator.clock.elapsed + gap < end else { return }
            simulator.after(gap, "arrival") {
                call()
                next()
            }
        }
        next()
    }
}
