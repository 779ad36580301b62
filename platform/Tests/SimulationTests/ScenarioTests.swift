import Resilience
import Simulation
import Testing

@Suite("Scenarios in virtual time")
struct ScenarioTests {
    @Test("what must hold in a scenario holds for every seed", arguments: Scenario.all)
    func holds(_ scenario: Scenario) {
        for seed in Seeds.chosen {
            let result = scenario.run(seed: seed)
            #expect(result.violations.isEmpty, "\(scenario.name): replay with SEED=\(seed)")
            #expect(result.calls > 50)
            if Seeds.isReplay {
                let hash = String(result.hash, radix: 16)
                print("\(scenario.name), seed \(seed): schedule \(hash), \(result.calls) calls, \(result.attempts) attempts")
            }
        }
    }

    @Test("a seed replays: the same schedule, the same counts; another seed is another schedule", arguments: Scenario.all)
    func replays(_ scenario: Scenario) {
        let first = scenario.run(seed: 7)
        #expect(scenario.run(seed: 7) == first)
        #expect(scenario.run(seed: 8).hash != first.hash)
    }
}

@Suite("Planted mutations")
struct MutationTests {
    /// Whether a run without the guard breaks what the scenario promises, for some of the seeds; with it none does.
    private func expectCaught(_ mutation: Mutations, by scenario: Scenario, as violation: String) {
        let seeds = Array(Seeds.few)
        for seed in seeds { #expect(scenario.run(seed: seed).violations.isEmpty, "the control failed: SEED=\(seed)") }
        let caught = seeds.filter { scenario.run(seed: $0, mutations: mutation).violations.contains(violation) }
        #expect(!caught.isEmpty, "no seed noticed")
    }

    @Test("a retry budget that is never spent is noticed: more attempts than it allows")
    func retryBudget() { expectCaught(.retryBudget, by: .retryStorm, as: "more attempts than the budget allows") }

    @Test("a breaker that takes outcomes of any generation is noticed: it closes on a stale success")
    func breakerGeneration() {
        expectCaught(.breakerGeneration, by: .flapping, as: "the breaker closed on a success of before it opened")
    }

    @Test("probes that keep their places for ever are noticed: the breaker never closes")
    func probeLease() { expectCaught(.probeLease, by: .leakedProbe, as: "the breaker never closed although the callee was well") }

    @Test("retries that are begun whatever is left of the time are noticed: a caller waits past its deadline")
    func retryDeadline() { expectCaught(.retryDeadline, by: .deadlines, as: "a caller waited past its deadline") }

    @Test("retries after a refusal of one's own are noticed")
    func rejectionIsFinal() { expectCaught(.rejectionIsFinal, by: .openBreaker, as: "what was refused here was tried again") }

    @Test("calls that were given up and count as fast are noticed: the limit grows on a callee that hangs")
    func abandonedIsNoSuccess() { expectCaught(.abandonedIsNoSuccess, by: .abandonedCalls, as: "the limit grew on calls that were given up") }

    @Test("a limit that shrinks for each of the calls sent under it is noticed: the callee stands idle")
    func oneDecreaseEach() { expectCaught(.oneDecreaseEach, by: .hiccup, as: "the limit keeps the callee from its work") }

    @Test("a limit that never lets the queue drain is noticed: the queue becomes the baseline")
    func breath() { expectCaught(.breath, by: .standingQueue, as: "the queue at the callee became the baseline") }

    @Test("calls that are sent to stand in a queue for longer than they have time are noticed: they time out")
    func waitIsForeseen() { expectCaught(.waitIsForeseen, by: .overload, as: "calls were sent that could not be answered in time") }

    @Test("time-outs that count however short the deadline are noticed: clients open the breaker")
    func shortDeadline() { expectCaught(.shortDeadlineIsNoFailure, by: .tinyDeadlines, as: "clients with tiny deadlines opened the breaker") }

    @Test("a hedge that must be paid for is noticed: it fails its call")
    func hedgeIsOptional() { expectCaught(.hedgeIsOptional, by: .hedging, as: "a hedge that could not be paid for failed the call") }
}
