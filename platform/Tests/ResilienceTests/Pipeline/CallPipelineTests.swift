import Resilience
import Synchronization
import TestKit
import Testing

@Suite struct CallPipelineTests {
    private func fail(_ pipeline: CallPipeline, _ verdict: Verdict, _ kind: CallKind = .repeatable) async {
        do throws(CallFailure<Failure>) {
            try await pipeline.call(kind, verdict: \Failure.verdict) { _ throws(Failure) in throw Failure(verdict: verdict) }
        } catch {}
    }

    private static func policy(_ change: (inout CallPolicy) -> Void) -> CallPolicy {
        var policy = CallPolicy.none
        change(&policy)
        return policy
    }

    @Test("beyond the admission limit a call is refused, and a place is free again when one ends")
    func admission() async throws {
        let (gate, events) = (Gate(), Events())
        let pipeline = CallPipeline("test", Self.policy { $0.mostInside = 2 }, observer: events)
        let calls = (0..<2).map { _ in
            Task { try await pipeline.call(.once, verdict: \Failure.verdict) { _ throws(Failure) in try? await gate.pass() } }
        }
        await gate.arrivals(2)
        await #expect(throws: CallFailure<Failure>.rejected(.admission(AdmissionLimitReached(limit: 2)))) {
            try await pipeline.call(.once, verdict: \Failure.verdict) { _ throws(Failure) in }
        }
        gate.open()
        for call in calls { try await call.value }
        try await pipeline.call(.once, verdict: \Failure.verdict) { _ throws(Failure) in }
        #expect(pipeline.admission.inside == 0)
        #expect(events.list.count == 1)
    }

    @Test("a body sees the nearest of the caller's deadline, the call's, and the attempt's")
    func deadlines() async throws {
        let clock = TestClock()
        let pipeline = CallPipeline(
            "test", Self.policy { ($0.deadline, $0.attemptTimeout) = (.seconds(2), .seconds(1)) }, clock: clock.waiting())
        func seen(_ kind: CallKind) async throws -> Duration? {
            try await pipeline.call(kind, verdict: \Failure.verdict) { attempt throws(Failure) in
                #expect(attempt.deadline == Deadline.current)
                return Deadline.current.map { $0.instant - clock.now }
            }
        }
        #expect(try await seen(.repeatable) == .seconds(1))
        // Nothing follows an attempt that cannot be repeated, so it gets all of the time.
        #expect(try await seen(.once) == .seconds(2))
        #expect(try await seen(.openEnded) == nil)
        let near = try await Deadline.with(Deadline(clock.now + .milliseconds(300))) { [try await seen(.repeatable), try await seen(.openEnded)] }
        #expect(near == [.milliseconds(300), .milliseconds(300)])
    }

    @Test("without any time left nothing is sent")
    func noTime() async {
        let clock = TestClock()
        let pipeline = CallPipeline("test", clock: clock.waiting())
        await #expect(throws: CallFailure<Failure>.rejected(.deadline)) {
            try await Deadline.with(Deadline(clock.now)) {
                try await pipeline.call(.once, verdict: \Failure.verdict) { _ throws(Failure) in Issue.record("it was sent") }
            }
        }
    }

    @Test(
        "a client cannot open the breaker with tiny deadlines, and time that is enough for a slow call counts",
        arguments: [(10, 0), (999, 0), (1000, 30)])
    func tinyDeadlines(milliseconds: Int, failures: Int) async {
        let clock = TestClock()
        let policy = Self.policy {
            $0.breaker = BreakerConfiguration()
            $0.breaker!.minimumCalls = 1000
            $0.concurrency = ConcurrencyConfiguration()
            ($0.deadline, $0.attemptTimeout) = (.seconds(2), .seconds(1.5))
        }
        let pipeline = CallPipeline("test", policy, clock: clock.waiting())
        for _ in 0..<30 {
            await Deadline.with(Deadline(clock.now + .milliseconds(milliseconds))) { await fail(pipeline, .timedOut) }
        }
        #expect(pipeline.breaker.snapshot.failures == failures)
        #expect((pipeline.limit.snapshot.limit < 32) == (failures > 0))
    }

    @Test("a callee that hangs opens the breaker although the caller's deadline is a little shorter than its own")
    func hanging() async {
        let clock = TestClock()
        let pipeline = CallPipeline("test", Self.policy { ($0.breaker, $0.deadline) = (BreakerConfiguration(), .seconds(2)) }, clock: clock.waiting())
        for _ in 0..<20 {
            await Deadline.with(Deadline(clock.now + .seconds(1.99))) { await fail(pipeline, .timedOut, .once) }
        }
        #expect(pipeline.breaker.state == .open)
    }

    @Test("cancelled calls are no failures, whatever error they end with")
    func cancellation() async {
        let pipeline = CallPipeline("test", Self.policy { ($0.breaker, $0.concurrency) = (BreakerConfiguration(), ConcurrencyConfiguration()) })
        for _ in 0..<50 {
            await Task {
                withUnsafeCurrentTask { $0?.cancel() }
                await fail(pipeline, .failed)
            }.value
        }
        #expect(pipeline.breaker.snapshot.calls == 0)
        #expect(pipeline.limit.snapshot.inFlight == 0)
    }

    @Test(
        "each verdict counts as it should",
        arguments: [
            (Verdict.refused, 0, 1, 32), (.failed, 1, 1, 32), (.overloaded(), 1, 1, 28), (.throttled(), 0, 0, 28), (.abandoned, 0, 0, 32),
        ])
    func verdicts(verdict: Verdict, failures: Int, calls: Int, limit: Int) async {
        let pipeline = CallPipeline("test", Self.policy { ($0.breaker, $0.concurrency) = (BreakerConfiguration(), ConcurrencyConfiguration()) })
        await fail(pipeline, verdict)
        #expect(pipeline.breaker.snapshot.failures == failures)
        #expect(pipeline.breaker.snapshot.calls == calls)
        #expect(pipeline.limit.snapshot.limit == limit)
    }

    @Test("the breaker comes before the concurrency limit: an open one takes no place, and a full limit spends no probe")
    func order() async throws {
        let clock = TestClock()
        let policy = Self.policy {
            $0.breaker = BreakerConfiguration()
            ($0.breaker!.minimumCalls, $0.breaker!.probes) = (1, 1)
            $0.concurrency = ConcurrencyConfiguration()
            ($0.concurrency!.least, $0.concurrency!.initial, $0.concurrency!.most) = (1, 1, 1)
        }
        let pipeline = CallPipeline("test", policy, clock: clock.waiting())
        await fail(pipeline, .failed)
        #expect(pipeline.breaker.state == .open)
        await #expect(throws: CallFailure<Failure>.rejected(.circuitOpen(CircuitOpen(state: .open, retryAfter: .seconds(5))))) {
            try await pipeline.call(.once, verdict: \Failure.verdict) { _ throws(Failure) in }
        }
        clock.advance(.seconds(5))
        let place = try pipeline.limit.enter()
        await #expect(throws: CallFailure<Failure>.rejected(.concurrency(ConcurrencyLimitReached(limit: 1)))) {
            try await pipeline.call(.once, verdict: \Failure.verdict) { _ throws(Failure) in }
        }
        place.leave(.ignored)
        try await pipeline.call(.once, verdict: \Failure.verdict) { _ throws(Failure) in }
        #expect(pipeline.breaker.state == .closed)
    }

    @Test("a call that lasts as long as its source does is never slow")
    func openEnded() async throws {
        let clock = TestClock()
        let pipeline = CallPipeline("test", clock: clock.waiting())
        for _ in 0..<40 {
            try await pipeline.call(.openEnded, verdict: \Failure.verdict) { _ throws(Failure) in clock.advance(.seconds(9)) }
        }
        #expect(pipeline.breaker.state == .closed)
        #expect(pipeline.breaker.snapshot.slowCalls == 0)
        #expect(pipeline.limit.snapshot.limit == 32)
    }

    @Test("a policy changes while calls are under way, and what was learnt stays")
    func update() async throws {
        let clock = TestClock()
        let pipeline = CallPipeline("test", Self.policy { $0.breaker = BreakerConfiguration() }, clock: clock.waiting())
        for _ in 0..<19 { await fail(pipeline, .failed) }
        var policy = pipeline.policy
        policy.breaker!.minimumCalls = 5
        policy.retry.attempts = 2
        pipeline.update(policy)
        await fail(pipeline, .failed)
        #expect(pipeline.breaker.state == .open)
        #expect(pipeline.policy.retry.attempts == 2)
    }
}
