import Resilience
import Synchronization
import TestKit
import Testing

@Suite struct PipelineHedgeTests {
    /// A pipeline that has seen enough calls to know what late is.
    private func pipeline(
        _ clock: CallClock, budget: Double = 10, _ events: Events = Events(), _ change: (inout CallPolicy) -> Void = { _ in }
    ) async throws -> CallPipeline {
        var policy = CallPolicy.none
        policy.hedge = HedgePolicy()
        (policy.budget.share, policy.budget.perSecond) = (0, budget)
        change(&policy)
        let pipeline = CallPipeline("test", policy, observer: events, clock: clock)
        for _ in 0..<200 { try await pipeline.call(.once, verdict: \Failure.verdict) { _ throws(Failure) in } }
        #expect(pipeline.lateAfter != nil)
        return pipeline
    }

    private func read(_ pipeline: CallPipeline, _ body: @escaping @Sendable (Attempt) async throws(Failure) -> Int) async throws -> Int {
        try await pipeline.call(.read, verdict: \Failure.verdict, body)
    }

    @Test("a second attempt that answers first wins, and the first is cancelled")
    func second() async throws {
        let (events, never, cancelled) = (Events(), Gate(), Count())
        let pipeline = try await pipeline(TestClock().waiting(), events)
        let value = try await read(pipeline) { attempt throws(Failure) in
            if attempt.isHedge { return attempt.number }
            do { try await never.pass() } catch { cancelled.add() }
            throw Failure(number: 1)
        }
        #expect(value == 2)
        #expect(cancelled.now == 1)
        #expect(events.list == [.hedged, .hedgeWon])
        #expect(pipeline.budget.snapshot.spent == 1)
    }

    @Test("a first attempt that answers in time is alone")
    func first() async throws {
        let started = Count()
        let pipeline = try await pipeline(TestClock().held(by: Gate()))
        let value = try await read(pipeline) { attempt throws(Failure) in
            started.add()
            return attempt.number
        }
        #expect(value == 1)
        #expect(started.now == 1)
    }

    @Test("without budget the first goes on alone and its answer comes out")
    func unaffordable() async throws {
        let (asked, gate, waited) = (Count(), Gate(), Gate())
        let clock = TestClock()
        let pipeline = try await pipeline(CallClock(now: { clock.now }, sleep: { _ in waited.open() }, random: { 0.5 }), budget: 0)
        let call = Task {
            try await read(pipeline) { attempt throws(Failure) in
                asked.add()
                do { try await gate.pass() } catch { throw Failure(number: 9) }
                return attempt.number
            }
        }
        try await waited.pass()
        await gate.arrivals(1)
        gate.open()
        #expect(try await call.value == 1)
        #expect(asked.now == 1)
    }

    @Test("where one fails the other decides, and where both fail the last error comes out")
    func failures() async throws {
        let hedgeFailed = Gate()
        let pipeline = try await pipeline(TestClock().waiting())
        let value = try await read(pipeline) { attempt throws(Failure) in
            if attempt.isHedge {
                hedgeFailed.open()
                throw Failure(number: 2)
            }
            do { try await hedgeFailed.pass() } catch { throw Failure(number: 9) }
            return attempt.number
        }
        #expect(value == 1)
        let both = Gate()
        await #expect(throws: CallFailure<Failure>.self) {
            try await read(pipeline) { attempt throws(Failure) -> Int in
                if attempt.isHedge { both.open() } else { do { try await both.pass() } catch { throw Failure(number: 9) } }
                throw Failure(number: attempt.number)
            }
        }
    }

    @Test("a first attempt that is refused by the callee before the second is sent is the answer")
    func failsEarly() async throws {
        let pipeline = try await pipeline(TestClock().held(by: Gate()))
        await #expect(throws: CallFailure<Failure>.failed(Failure(number: 1, verdict: .refused))) {
            try await read(pipeline) { attempt throws(Failure) -> Int in throw Failure(number: attempt.number, verdict: .refused) }
        }
    }

    @Test("a hedge that is refused here leaves the first alone")
    func refused() async throws {
        let events = Events()
        let tried = Gate()
        let clock = TestClock()
        let pipeline = try await pipeline(clock.waiting(), events) { policy in
            policy.concurrency = ConcurrencyConfiguration()
            (policy.concurrency!.least, policy.concurrency!.initial, policy.concurrency!.most) = (1, 1, 1)
        }
        let call = Task {
            try await read(pipeline) { attempt throws(Failure) in
                #expect(!attempt.isHedge)
                do { try await tried.pass() } catch { throw Failure(number: 9) }
                return attempt.number
            }
        }
        // The refusal is told before the first attempt may go on.
        while events.list.count < 2 { await Task.yield() }
        tried.open()
        #expect(try await call.value == 1)
        #expect(events.list.contains(.rejected(.concurrency(ConcurrencyLimitReached(limit: 1)))))
    }

    @Test("nothing is hedged that does not only read, nor while too little is known", arguments: [CallKind.repeatable, .once])
    func onlyReads(kind: CallKind) async throws {
        let events = Events()
        let pipeline = try await pipeline(TestClock().waiting(), events)
        _ = try await pipeline.call(kind, verdict: \Failure.verdict) { _ throws(Failure) in }
        var policy = CallPolicy.none
        policy.hedge = HedgePolicy()
        let fresh = CallPipeline("fresh", policy, observer: events, clock: TestClock().waiting())
        _ = try await fresh.call(.read, verdict: \Failure.verdict) { _ throws(Failure) in }
        #expect(events.list.isEmpty)
    }
}
