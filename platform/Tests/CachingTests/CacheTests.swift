import Basics
import Caching
import NIOCore
import Resilience
import Synchronization
import TestKit
import Testing

/// One process, no remote tier; the clock is the test's.
@Suite(.timeLimit(.minutes(5))) struct CacheTests {
    private let clock = ManualClock()

    private func cache(_ change: (inout CachePolicy) -> Void = { _ in }, loads: Int = 1000) -> Cache<ByteBuffer> {
        var policy = CachePolicy()
        (policy.jitter, policy.eagerness) = (0, 0)
        policy.softTimeout = .seconds(60)
        policy.hardTimeout = .seconds(20)
        change(&policy)
        return Cache(name: "test", policy: policy, capacity: 1 << 20, codec: .bytes, loads: loads, sources: clock.sources)
    }

    private func loaded(_ text: String?, _ version: Int64 = 1, validUntil: Timestamp? = nil) -> Loaded<ByteBuffer> {
        Loaded(text.map { ByteBuffer(string: $0) }, version: version, validUntil: validUntil)
    }

    private func text(_ cache: Cache<ByteBuffer>, _ load: @escaping @Sendable () async throws -> Loaded<ByteBuffer>) async throws -> String? {
        try await cache.value(for: "a", load: load).map { String(buffer: $0) }
    }

    @Test("a value is loaded once, and again when its lifetime has passed")
    func lifetime() async throws {
        let cache = cache { $0.staleFor = .zero }
        let loads = Loads()
        func read() async throws -> String? {
            try await text(cache) { loaded("\(loads.next())") }
        }
        #expect(try await read() == "1")
        clock.advance(by: .seconds(59))
        #expect(try await read() == "1")
        clock.advance(by: .seconds(1))
        #expect(try await read() == "2")
    }

    @Test("that there is none is remembered for a time of its own")
    func negative() async throws {
        let cache = cache()
        #expect(try await text(cache) { loaded(nil, 0) } == nil)
        #expect(try await text(cache) { loaded("x") } == nil)
        clock.advance(by: .seconds(5))
        #expect(try await text(cache) { loaded("x") } == "x")
    }

    @Test("a value is never given out after its own end, fresh or stale")
    func validUntil() async throws {
        let cache = cache()
        let end = clock.now + .seconds(10)
        #expect(try await text(cache) { loaded("old", validUntil: end) } == "old")
        clock.advance(by: .seconds(10))
        await #expect(throws: Broken.self) { try await cache.value(for: "a") { throw Broken() } }
        #expect(try await text(cache) { loaded("new") } == "new")
    }

    @Test("ten thousand concurrent requests for one cold key are one load")
    func coldKey() async throws {
        let cache = cache()
        let gate = Gate()
        let loads = Loads()
        try await withThrowingTaskGroup(of: String?.self) { group in
            for _ in 0..<10_000 {
                group.addTask {
                    try await text(cache) {
                        loads.next()
                        try await gate.pass()
                        return loaded("x")
                    }
                }
            }
            await gate.arrivals(1)
            gate.open()
            for try await answer in group { #expect(answer == "x") }
        }
        #expect(loads.count == 1)
        #expect(cache.statistics.loads == 1)
    }

    @Test("a load that fails is told to all who wait for it, and the next one loads anew")
    func failure() async throws {
        let cache = cache()
        await #expect(throws: Broken.self) { try await cache.value(for: "a") { throw Broken() } }
        #expect(try await text(cache) { loaded("x") } == "x")
    }

    @Test("where the source fails a stale value is given out, until that is no use either")
    func staleIfError() async throws {
        let cache = cache()
        _ = try await text(cache) { loaded("old") }
        clock.advance(by: .seconds(100))
        #expect(try await text(cache) { throw Broken() } == "old")
        #expect(cache.statistics.stale == 1)
        clock.advance(by: .seconds(300))
        await #expect(throws: Broken.self) { try await cache.value(for: "a") { throw Broken() } }
    }

    @Test("where the source is slow a stale value is given out, and what it brings in the end is there for the next")
    func staleIfSlow() async throws {
        let cache = cache { $0.softTimeout = .milliseconds(10) }
        let gate = Gate()
        _ = try await text(cache) { loaded("old") }
        clock.advance(by: .seconds(100))
        let slow: @Sendable () async throws -> Loaded<ByteBuffer> = {
            try await gate.pass()
            return loaded("new", 2)
        }
        #expect(try await text(cache, slow) == "old")
        #expect(try await text(cache, slow) == "old")
        await gate.arrivals(1)
        gate.open()
        try await eventually(within: .seconds(60), "the new value is there") { try await text(cache) { throw Broken() } == "new" }
    }

    @Test("a load is cancelled when its last waiter has left, and who comes later never inherits it")
    func leaving() async throws {
        let cache = cache()
        let (gate, cancelled) = (Gate(), Gate())
        let slow: @Sendable () async throws -> Loaded<ByteBuffer> = {
            do { try await gate.pass() } catch {
                cancelled.open()
                throw error
            }
            return loaded("slow")
        }
        let first = Task { try await text(cache, slow) }
        await gate.arrivals(1)
        let second = Task { try await Deadline.with(.after(.milliseconds(20))) { try await text(cache, slow) } }
        await #expect(throws: DeadlineExceeded.self) { try await second.value }
        // One is left, so it goes on.
        #expect(!cancelled.isOpen)
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        #expect(try await text(cache) { loaded("fresh") } == "fresh")
        try await cancelled.pass()
    }

    @Test("what a load brings that began before an invalidation is not kept, and nobody joins it after")
    func invalidation() async throws {
        let cache = cache()
        let gate = Gate()
        let slow = Task {
            try await text(cache) {
                try await gate.pass()
                return loaded("old", 1)
            }
        }
        await gate.arrivals(1)
        await cache.invalidate("a", version: 2)
        #expect(try await text(cache) { loaded("new", 2) } == "new")
        gate.open()
        #expect(try await slow.value == "old")
        #expect(try await text(cache) { throw Broken() } == "new")
        #expect(cache.statistics.outdated == 1)
    }

    @Test("an older version never takes a newer one's place")
    func versions() async throws {
        let cache = cache { $0.staleFor = .seconds(1000) }
        _ = try await text(cache) { loaded("new", 5) }
        clock.advance(by: .seconds(61))
        // From a replica that lags, say.
        _ = try await text(cache) { loaded("old", 4) }
        #expect(try await text(cache) { throw Broken() } == "new")
    }

    @Test("loads at the same time are bounded, and who comes when they are is told")
    func bounded() async throws {
        let cache = cache(loads: 2)
        let gate = Gate()
        let tasks = ["x", "y"].map { key in
            Task {
                try await cache.value(for: key) {
                    try await gate.pass()
                    return loaded(key)
                }
            }
        }
        await gate.arrivals(2)
        await #expect(throws: CacheError.tooManyLoads(2)) { try await cache.value(for: "z") { loaded("z") } }
        gate.open()
        for task in tasks { _ = try await task.value }
        #expect(try await cache.value(for: "z") { loaded("z") } != nil)
    }

    @Test("a value is loaded anew before it ends, by somebody who does not wait for it")
    func earlyRefresh() async throws {
        let cache = cache { $0.eagerness = 1_000_000_000 }
        let gate = Gate()
        _ = try await text(cache) { loaded("old") }
        let slow: @Sendable () async throws -> Loaded<ByteBuffer> = {
            try await gate.pass()
            return loaded("new", 2)
        }
        #expect(try await text(cache, slow) == "old")
        await gate.arrivals(1)
        gate.open()
        try await eventually(within: .seconds(60), "the new value is there") { try await text(cache, slow) == "new" }
    }
}

struct Broken: Error {}

/// Counts loads.
final class Loads: Sendable {
    private let value = Atomic(0)

    var count: Int { value.load(ordering: .relaxed) }

    @discardableResult
    func next() -> Int { value.add(1, ordering: .relaxed).newValue }
}
