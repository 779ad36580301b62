import Resilience
import Synchronization
import TestKit
import Testing

@Suite struct PipelineRetryTests {
    private static func policy(_ change: (inout CallPolicy) -> Void = { _ in }) -> CallPolicy {
        var policy = CallPolicy.none
        policy.retry = RetryPolicy()
        change(&policy)
        return policy
    }

    /// Fails as `failure` says until attempt `succeeds`.
    private func call(
        _ pipeline: CallPipeline, _ kind: CallKind = .repeatable, succeeds: Int = .max,
        _ failure: @escaping @Sendable (Int) -> Failure = { Failure(number: $0) }
    ) async throws(CallFailure<Failure>) -> Int {
        try await pipeline.call(kind, verdict: \Failure.verdict) { attempt throws(Failure) in
            guard attempt.number >= succeeds else { throw failure(attempt.number) }
            return attempt.number
        }
    }

    private func failure(_ body: () async throws(CallFailure<Failure>) -> Int) async -> CallFailure<Failure>? {
        do throws(CallFailure<Failure>) {
            let value = try await body()
            Issue.record("it gave \(value)")
            return nil
        } catch { return error }
    }

    @Test("it is tried until it succeeds, and the value comes out")
    func succeeds() async throws {
        let pipeline = CallPipeline("test", Self.policy(), clock: TestClock().waiting())
        let value = try await call(pipeline, succeeds: 3)
        #expect(value == 3)
    }

    @Test("after the last attempt its error comes out")
    func exhausted() async {
        let pipeline = CallPipeline("test", Self.policy(), clock: TestClock().waiting())
        let failure = await failure { () throws(CallFailure<Failure>) in try await call(pipeline) }
        #expect(failure == .failed(Failure(number: 3)))
    }

    @Test("what may not be sent twice is sent once")
    func once() async {
        let pipeline = CallPipeline("test", Self.policy(), clock: TestClock().waiting())
        let failure = await failure { () throws(CallFailure<Failure>) in try await call(pipeline, .once) }
        #expect(failure == .failed(Failure(number: 1)))
    }

    @Test("what the callee refuses for the caller's sake, and what the caller gave up, is not tried again", arguments: [Verdict.refused, .abandoned])
    func final(verdict: Verdict) async {
        let pipeline = CallPipeline("test", Self.policy(), clock: TestClock().waiting())
        let failure = await failure { () throws(CallFailure<Failure>) in try await call(pipeline) { Failure(number: $0, verdict: verdict) } }
        #expect(failure == .failed(Failure(number: 1, verdict: verdict)))
    }

    @Test("without budget the last error comes out in an error of its own")
    func budget() async {
        let events = Events()
        let policy = Self.policy {
            $0.retry.attempts = 5
            ($0.budget.share, $0.budget.perSecond) = (0, 0.1)
        }
        let pipeline = CallPipeline("test", policy, observer: events, clock: TestClock().waiting())
        let failure = await failure { () throws(CallFailure<Failure>) in try await call(pipeline) }
        #expect(failure == .retryBudgetExhausted(last: Failure(number: 2)))
        #expect(events.list == [.retried(number: 2, after: .milliseconds(12.5)), .retryBudgetExhausted])
    }

    @Test("waits grow with full jitter, and what the callee asked for is the least")
    func delays() async {
        let waits = Waits()
        let pipeline = CallPipeline("test", Self.policy { $0.retry.attempts = 5 }, clock: TestClock().waiting(random: 0.5, waits))
        _ = await failure { () throws(CallFailure<Failure>) in
            try await call(pipeline) { Failure(number: $0, verdict: $0 == 3 ? .overloaded(retryAfter: .seconds(2)) : .failed) }
        }
        #expect(waits.list == [.milliseconds(12.5), .milliseconds(25), .seconds(2), .milliseconds(100)])
    }

    @Test("a wait that would outlast the deadline is not begun")
    func deadline() async {
        let waits = Waits()
        let pipeline = CallPipeline("test", Self.policy { $0.deadline = .seconds(60) }, clock: TestClock().waiting(waits))
        let failure = await failure { () throws(CallFailure<Failure>) in
            try await call(pipeline) { Failure(number: $0, verdict: .throttled(retryAfter: .seconds(61))) }
        }
        #expect(failure == .failed(Failure(number: 1, verdict: .throttled(retryAfter: .seconds(61)))))
        #expect(waits.list.isEmpty)
    }

    @Test("a retry that calls as long as they take could not end in time is not begun")
    func tooLate() async throws {
        let clock = TestClock()
        let waits = Waits()
        let pipeline = CallPipeline("test", Self.policy { $0.deadline = .seconds(1) }, clock: clock.waiting(random: 0, waits))
        // They take 400 ms.
        for _ in 0..<100 {
            _ = try await pipeline.call(.repeatable, verdict: \Failure.verdict) { _ throws(Failure) in clock.advance(.milliseconds(400)) }
        }
        let failure = await failure { () throws(CallFailure<Failure>) in
            try await pipeline.call(.repeatable, verdict: \Failure.verdict) { attempt throws(Failure) -> Int in
                clock.advance(.milliseconds(600))
                throw Failure(number: attempt.number)
            }
        }
        #expect(failure == .failed(Failure(number: 1)))
        #expect(waits.list.isEmpty)
    }

    @Test("a refusal of one's own is not tried again, and earns no budget")
    func rejection() async {
        let policy = Self.policy {
            $0.breaker = BreakerConfiguration()
            ($0.budget.share, $0.budget.perSecond) = (1, 0)
        }
        let waits = Waits()
        let pipeline = CallPipeline("test", policy, clock: TestClock().waiting(waits))
        pipeline.breaker.set(.forcedOpen)
        for _ in 0..<10 {
            let failure = await failure { () throws(CallFailure<Failure>) in try await call(pipeline, succeeds: 1) }
            guard case .rejected(.circuitOpen(let open)) = failure else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(open.state == .forcedOpen)
        }
        #expect(waits.list.isEmpty)
        #expect(pipeline.budget.snapshot.limit == 0)
    }

    @Test("where the breaker opens between two attempts, what was sent is told and not the refusal")
    func sentOnce() async {
        let policy = Self.policy {
            $0.breaker = BreakerConfiguration()
            $0.breaker?.minimumCalls = 1
        }
        let pipeline = CallPipeline("test", policy, clock: TestClock().waiting())
        let failure = await failure { () throws(CallFailure<Failure>) in try await call(pipeline) }
        #expect(failure == .failed(Failure(number: 1)))
    }

    @Test("who only reads is told when to come back instead: nothing can have been done")
    func readRefused() async {
        let policy = Self.policy {
            $0.breaker = BreakerConfiguration()
            $0.breaker?.minimumCalls = 1
        }
        let pipeline = CallPipeline("test", policy, clock: TestClock().waiting())
        let failure = await failure { () throws(CallFailure<Failure>) in try await call(pipeline, .read) }
        guard case .rejected(.circuitOpen(let open)) = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(open.retryAfter > .seconds(4))
    }

    @Test("cancellation ends it in a wait, with the last error")
    func cancelled() async {
        let gate = Gate()
        let pipeline = CallPipeline("test", Self.policy(), clock: TestClock().held(by: gate))
        let task = Task { await failure { () throws(CallFailure<Failure>) in try await call(pipeline) } }
        await gate.arrivals(1)
        task.cancel()
        #expect(await task.value == .failed(Failure(number: 1)))
    }
}
