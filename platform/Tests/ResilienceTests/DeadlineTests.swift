import Basics
import Resilience
import Testing

@Suite("Deadline")
struct DeadlineTests {
    @Test("an inner deadline may be nearer, and is never later")
    func onlyShortens() async {
        let near = Deadline.after(.seconds(10))
        let far = Deadline.after(.seconds(100))
        await Deadline.with(far) {
            #expect(Deadline.current == far)
            await Deadline.with(near) { #expect(Deadline.current == near) }
            #expect(Deadline.current == far)
        }
        await Deadline.with(near) {
            await Deadline.with(far) { #expect(Deadline.current == near) }
        }
        #expect(Deadline.current == nil)
    }

    @Test("work without a deadline has none, whatever surrounds it")
    func none() async {
        await Deadline.with(.after(.seconds(1))) {
            await Deadline.none { #expect(Deadline.current == nil) }
            #expect(Deadline.current != nil)
        }
    }

    @Test("a passed deadline is seen, and nothing is left of it")
    func passed() async throws {
        let passed = Deadline.after(.seconds(-1))
        #expect(passed.hasPassed)
        #expect(passed.remaining == .zero)
        await #expect(throws: DeadlineExceeded.self) { try await Deadline.with(passed) { try Deadline.check() } }
        try await Deadline.with(.after(.seconds(60))) { try Deadline.check() }
        try Deadline.check()
    }

    @Test("errors pass through with their type")
    func errors() async {
        struct Own: Error {}
        do throws(Own) {
            try await Deadline.with(.after(.seconds(1))) { () throws(Own) in throw Own() }
            Issue.record("nothing was thrown")
        } catch {}
    }
}

@Suite("withTimeout")
struct WithTimeoutTests {
    @Test("what ends in time gives its value")
    func inTime() async throws {
        #expect(try await withTimeout(.seconds(60)) { 7 } == 7)
    }

    @Test("what takes too long is cancelled, awaited, and DeadlineExceeded is thrown")
    func tooLong() async throws {
        let (ended, continuation) = AsyncStream.makeStream(of: Bool.self)
        await #expect(throws: DeadlineExceeded.self) {
            try await withTimeout(.milliseconds(5)) {
                try? await Task.sleep(for: .seconds(600))
                continuation.yield(Task.isCancelled)
                continuation.finish()
            }
        }
        var iterator = ended.makeAsyncIterator()
        #expect(await iterator.next() == true)
    }

    @Test("the deadline in force counts, if it is nearer")
    func nearerDeadline() async throws {
        await #expect(throws: DeadlineExceeded.self) {
            try await Deadline.with(.after(.milliseconds(5))) {
                try await withTimeout(.seconds(600)) { try await Task.sleep(for: .seconds(600)) }
            }
        }
    }

    @Test("the body sees the deadline that it has")
    func deadlineInside() async throws {
        let left = try await withTimeout(.seconds(3600)) { Deadline.current?.remaining ?? .zero }
        #expect(left > .seconds(3000) && left <= .seconds(3600))
    }

    @Test("the body's error is the error")
    func ownError() async {
        struct Own: Error {}
        await #expect(throws: Own.self) { try await withTimeout(.seconds(60)) { throw Own() } }
    }

    @Test("a caller that gives up cancels the body, and that is no time-out")
    func cancelled() async {
        let (started, continuation) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            try await withTimeout(.seconds(600)) {
                continuation.finish()
                try await Task.sleep(for: .seconds(600))
            }
        }
        for await _ in started {}
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}

@Suite("Backoff")
struct BackoffTests {
    /// Gives the same number for ever.
    struct Constant: RandomNumberGenerator {
        var value: UInt64
        mutating func next() -> UInt64 { value }
    }

    @Test("the bound doubles from the base up to the cap, and stays there")
    func bounds() {
        let backoff = Backoff(base: .milliseconds(25), cap: .milliseconds(150))
        #expect((0...4).map { backoff.bound($0).milliseconds } == [25, 50, 100, 150, 150])
        #expect(backoff.bound(1_000_000) == .milliseconds(150))
        #expect(backoff.bound(-1) == .milliseconds(25))
    }

    @Test("a cap near the greatest duration does not overflow")
    func greatCap() {
        #expect(Backoff(base: .seconds(1), cap: .seconds(Int64.max / 4)).bound(200) == .seconds(Int64.max / 4))
    }

    @Test("a wait lies between nothing and the bound, and uses the whole of it")
    func jitter() {
        let backoff = Backoff(base: .milliseconds(100), cap: .seconds(10))
        var lowest = Constant(value: 1)
        var highest = Constant(value: .max)
        #expect(backoff.delay(3, using: &lowest) == .zero)
        #expect(backoff.delay(3, using: &highest) > .milliseconds(799))
        #expect(backoff.delay(3, using: &highest) <= .milliseconds(800))
        for attempt in 0..<50 { #expect((.zero ... .seconds(10)).contains(backoff.delay(attempt))) }
    }
}
