import Basics
public import Resilience
import Synchronization

/// Makes calls through the real engines (``CallMachine``, breaker, budget, limits) in virtual time, and checks after each step what must
/// always hold.
public final class SimulatedClient {
    /// What a call is.
    public struct Call {
        public var kind = CallKind.repeatable
        /// The caller's own; nil for the policy's only.
        public var deadline: Duration?
        /// When the caller gives up; nil for never.
        public var patience: Duration?
        /// Whether its attempts are lost without a word: no answer, no time-out, as when a task is stuck for ever.
        public var leaks = false

        public init() {}
    }

    /// How a call ended.
    public enum Outcome: Hashable {
        case value, error, budgetExhausted, abandoned
        case rejected(String)
    }

    public let pipeline: CallPipeline
    /// What was broken, each once.
    public private(set) var violations: [String] = []
    public private(set) var outcomes: [Outcome: Int] = [:]
    public private(set) var calls = 0
    /// Calls of which something was sent.
    public private(set) var callsSent = 0
    public private(set) var attempts = 0
    private let simulator: Simulator
    private let server: SimulatedServer
    private let mutations: Mutations
    private let watch: BreakerWatch
    /// Attempts that nobody will ever hear of again.
    private var leaked: [Flight] = []

    /// - Parameter policy: valid.
    public convenience init(_ simulator: Simulator, _ server: SimulatedServer, _ policy: CallPolicy) {
        self.init(simulator, server, policy, mutations: [])
    }

    package init(_ simulator: Simulator, _ server: SimulatedServer, _ policy: CallPolicy, mutations: Mutations) {
        self.simulator = simulator
        self.server = server
        self.mutations = mutations
        let (clock, watch) = (simulator.clock, BreakerWatch(simulator.clock))
        self.watch = watch
        pipeline = CallPipeline(
            "simulated", policy, observer: watch, clock: CallClock(now: { clock.now }, sleep: { _ in }, random: { 0 }), mutations: mutations)
    }

    public func send(_ call: Call = Call(), _ done: @escaping (Outcome) -> Void = { _ in }) {
        calls += 1
        let run = Run(self, call, done)
        run.begin()
    }

    /// One call on its way: what `CallRun` does with tasks.
    private final class Run {
        let client: SimulatedClient
        let call: Call
        let policy: CallPolicy
        let began: ContinuousClock.Instant
        let deadline: ContinuousClock.Instant?
        let rules: AttemptRules
        let done: (Outcome) -> Void
        var machine: CallMachine
        var flights: [Int: Flight] = [:]
        var wasRejected = false
        var hasEnded = false

        init(_ client: SimulatedClient, _ call: Call, _ done: @escaping (Outcome) -> Void) {
            self.client = client
            self.call = call
            self.done = done
            policy = client.pipeline.policy
            began = client.simulator.now
            let ends = [policy.deadline, call.deadline].compactMap { $0 }.map { [began] in began + $0 }
            deadline = ends.min()
            rules = AttemptRules(policy: policy, kind: call.kind, deadline: deadline, mutations: client.mutations)
            machine = CallMachine(policy.retry, call.kind, deadline: deadline, mutations: client.mutations)
        }

        func begin() {
            if let patience = call.patience {
                client.simulator.after(patience, "gave up") { [self] in if !hasEnded { end(.abandoned) } }
            }
            perform(machine.start())
        }

        func perform(_ action: CallMachine.Action) {
            guard !hasEnded else { return }
            let simulator = client.simulator
            switch action {
            case .wait: return
            case .attempt(let number, let isHedge): attempt(number, isHedge)
            case .pause(let until, _):
                simulator.at(until, "retry") { [self] in if !hasEnded { perform(machine.resumed(at: simulator.now)) } }
            case .end(.value): end(.value)
            case .end(.error): end(.error)
            case .end(.budgetExhausted):
                if !flights.isEmpty { client.violate("a hedge that could not be paid for failed the call") }
                end(.budgetExhausted)
            case .end(.rejected(let rejection)): end(.rejected(rejection.reason))
            }
        }

        func attempt(_ number: Int, _ isHedge: Bool) {
            let (simulator, pipeline) = (client.simulator, client.pipeline)
            let now = simulator.now
            if wasRejected { client.violate("what was refused here was tried again") }
            if let deadline, now > deadline { client.violate("an attempt began after the deadline") }
            let flight = Flight(began: now)
            let ends = rules.end(at: now)
            flight.isGivenTime = rules.isGivenTime(now, ends)
            do throws(Rejection) {
                flight.admission = try pipeline.admit(policy, at: now, until: ends, isGivenTime: flight.isGivenTime)
            } catch {
                if !isHedge { wasRejected = true }
                return perform(machine.rejected(error, pipeline.budget, at: now))
            }
            if number == 1 {
                pipeline.budget.call(at: now)
                client.callsSent += 1
            }
            client.attempts += 1
            flights[number] = flight
            if call.leaks {
                client.leaked.append(flight)
                flights = [:]
                return end(.abandoned)
            }
            if let ends { simulator.at(ends, "time-out") { [self] in answer(number, .timedOut) } }
            if !isHedge, call.kind.isHedgeable, let hedge = policy.hedge, let late = pipeline.lateAfter {
                simulator.after(max(late, hedge.earliest), "late") { [self] in
                    if !hasEnded, flights[number] != nil { perform(machine.late(pipeline.budget, at: simulator.now)) }
                }
            }
            client.server.receive { [self] reply in
                switch reply {
                case .done: answer(number, nil)
                case .failed: answer(number, .failed)
                case .refused: answer(number, .overloaded())
                }
            }
        }

        /// - Parameter verdict: of the error; nil for a value.
        func answer(_ number: Int, _ verdict: Verdict?) {
            guard let flight = flights.removeValue(forKey: number), !hasEnded else { return }
            let (now, pipeline) = (client.simulator.now, client.pipeline)
            guard let verdict else {
                if !call.kind.isOpenEnded { pipeline.note(now - flight.began, policy) }
                client.settle(flight, .success, .success)
                return perform(machine.succeeded())
            }
            let (outcome, load) = rules.outcome(verdict, isGivenTime: flight.isGivenTime)
            client.settle(flight, outcome, load)
            perform(
                machine.failed(verdict, pipeline.budget, expected: pipeline.median, at: now) { [self] in client.simulator.random.unit() })
        }

        func end(_ outcome: Outcome) {
            hasEnded = true
            // Whatever is still under way is cancelled, and cancellation says nothing about the callee.
            for number in flights.keys.sorted() { client.settle(flights[number]!, .ignored, .ignored) }
            flights = [:]
            if let deadline, client.simulator.now > deadline { client.violate("a caller waited past its deadline") }
            client.outcomes[outcome, default: 0] += 1
            done(outcome)
        }
    }

    /// An attempt under way.
    private final class Flight {
        let began: ContinuousClock.Instant
        var admission: Admission?
        var isGivenTime = true

        init(began: ContinuousClock.Instant) { self.began = began }
    }

    private func settle(_ flight: Flight, _ outcome: BreakerMachine.Outcome, _ load: ConcurrencyMachine.Outcome) {
        guard let admission = flight.admission.take() else { return }
        watch.settling(flight.began)
        admission.end(outcome, load, took: nil, at: simulator.now)
        if let violation = watch.violation { violate(violation) }
    }

    /// Looks at what must hold over the whole run: `attempts <= (1 + share) × calls + floor × windows`.
    public func checkBudget() {
        let budget = pipeline.policy.budget
        let windows = (simulator.clock.elapsed.inSeconds / budget.window.inSeconds).rounded(.up)
        let allowed = (1 + budget.share) * Double(callsSent) + budget.perSecond * budget.window.inSeconds * max(1, windows)
        if Double(attempts) > allowed { violate("more attempts than the budget allows") }
    }

    public func violate(_ what: String) {
        if !violations.contains(what) { violations.append(what) }
    }
}

/// Sees the breaker's changes, and that none of them comes from a call of before.
private final class BreakerWatch: CallObserver {
    private let clock: VirtualClock
    private let state = Mutex<(openedAt: ContinuousClock.Instant?, settling: ContinuousClock.Instant?, violation: String?)>((nil, nil, nil))

    init(_ clock: VirtualClock) { self.clock = clock }

    var violation: String? { state.withLock { $0.violation } }
    func settling(_ began: ContinuousClock.Instant) { state.withLock { $0.settling = began } }

    func observe(_ event: CallEvent, in pipeline: String) {
        guard case .breaker(let transition) = event else { return }
        let now = clock.now
        state.withLock { state in
            switch transition.to {
            case .open: state.openedAt = now
            case .closed:
                guard let opened = state.openedAt, let began = state.settling, began < opened else { return }
                state.violation = "the breaker closed on a success of before it opened"
            default: break
            }
        }
    }
}
