import Basics
import Caching
import LocalServers
import NIOCore
import Redis
import Resilience
import Synchronization
import TestKit
import Testing

/// Several caches on one real Redis, as several processes would have them.
@Suite(.timeLimit(.minutes(5))) struct SharedCacheTests {
    @Test("what one process has loaded the others find, as it was")
    func shared() async throws {
        try await withProcesses(2) { (processes) async throws in
            #expect(try await read(processes[0]) { loaded("x", 7) } == "x")
            #expect(try await read(processes[1]) { throw Broken() } == "x")
            #expect(try await read(processes[0], "none") { loaded(nil, 0) } == nil)
            #expect(try await read(processes[1], "none") { throw Broken() } == nil)
            #expect(processes[1].cache.statistics.remote == 2)
        }
    }

    @Test("ten thousand concurrent requests for one cold key in three processes are one load")
    func coldKey() async throws {
        try await withProcesses(3) { (processes) async throws in
            let loads = Loads()
            try await withThrowingTaskGroup(of: String?.self) { group in
                for number in 0..<10_000 {
                    group.addTask {
                        try await read(processes[number % 3]) {
                            loads.next()
                            return loaded("x", 1)
                        }
                    }
                }
                for try await answer in group { #expect(answer == "x") }
            }
            #expect(loads.count == 1)
        }
    }

    @Test("when the process that has the lease dies, another loads after it")
    func lostLease() async throws {
        try await withProcesses(2, policy: .patient { $0.leaseLifetime = .milliseconds(300) }) { (processes) async throws in
            let gate = Gate()
            let stuck = Task {
                try await read(processes[0]) {
                    try await gate.pass()
                    return loaded("late", 1)
                }
            }
            await gate.arrivals(1)
            #expect(try await read(processes[1]) { loaded("x", 1) } == "x")
            gate.open()
            _ = try await stuck.value
        }
    }

    @Test("an invalidation reaches every process")
    func invalidation() async throws {
        try await withProcesses(3) { (processes) async throws in
            for process in processes { _ = try await read(process) { loaded("old", 1) } }
            #expect(await processes[0].cache.invalidate("a", version: 2))
            #expect(try await read(processes[0]) { loaded("new", 2) } == "new")
            for process in processes {
                try await eventually(within: .seconds(60), "the new value is seen") { try await read(process) { loaded("new", 2) } == "new" }
            }
        }
    }

    @Test("a row that is made after it was found missing is seen")
    func madeLater() async throws {
        try await withProcesses(2) { (processes) async throws in
            for process in processes { #expect(try await read(process) { loaded(nil, 0) } == nil) }
            await processes[0].cache.invalidate("a", version: 1)
            for process in processes {
                try await eventually(within: .seconds(60), "it is seen") { try await read(process) { loaded("x", 1) } == "x" }
            }
        }
    }

    @Test("with the server away, held or back again, each answer comes from the source or from memory, and none is older than allowed")
    func outage() async throws {
        try await TestRedis.withServer { server in
            try await withProcesses(
                2, server,
                policy: .patient {
                    $0.remoteTimeout = .milliseconds(50)
                    $0.deafLifetime = .milliseconds(50)
                },
                options: {
                    $0.commandTimeout = .milliseconds(50)
                    $0.silence = .milliseconds(500)
                }
            ) { (processes) async throws in
                let version = Mutex<Int64>(1)
                let source: @Sendable () async throws -> Loaded<ByteBuffer> = {
                    let now = version.withLock { $0 }
                    return loaded("\(now)", now)
                }
                func change() async {
                    let now = version.withLock { version in
                        version += 1
                        return version
                    }
                    await processes[0].cache.invalidate("a", version: now)
                }
                /// Both processes see the newest value, sooner or later.
                func settles(_ when: String) async throws {
                    for process in processes {
                        try await eventually(within: .seconds(60), "the newest is seen: \(when)") {
                            try await read(process, "a", source) == "\(version.withLock { $0 })"
                        }
                    }
                }
                try await settles("at first")
                await change()
                try await settles("connected")
                server.kill()
                await server.untilEnded()
                await change()
                try await settles("killed")
                try await server.restart()
                for process in processes { try await eventually(within: .seconds(60), "it listens again") { process.cache.statistics.hears } }
                await change()
                try await settles("restarted")
                server.pause()
                await change()
                try await settles("held")
                server.resume()
                for process in processes { try await eventually(within: .seconds(60), "it listens again") { process.cache.statistics.hears } }
                await change()
                try await settles("continued")
                #expect(processes[0].cache.statistics.loadFailures == 0)
            }
        }
    }

    @Test("a value that another program wrote, or half of one, is loaded anew")
    func garbage() async throws {
        try await withProcesses(1) { (processes) async throws in
            #expect(try await read(processes[0], "g") { loaded("x", 1) } == "x")
            let keys = try await processes[0].client.send(RedisCommand("KEYS", "cache:*:v:g")).elements ?? []
            for key in keys.compactMap(\.bytes) {
                for wrong in ["", "x", "0000000000000000001", "0000000000000000001v", "000000000000000000xv12345678123456781234567812345678"] {
                    _ = try await processes[0].client.send(RedisCommand("SET", .bytes(key), .text(wrong)))
                    try await withMemoryOf(processes[0]) { (process) async throws in
                        #expect(try await read(process, "g") { loaded("y", 2) } == "y")
                    }
                }
            }
        }
    }

    @Test("a user with no more rights than a cache and a rate limit need can use both, and nothing else")
    func rights() async throws {
        try await TestRedis.withServer { server in
            let administrator = RedisClient(try RedisOptions(url: server.url))
            // As docs/operations/cache-deaf.md says, and as the server on AWS is made.
            let rights = "on >pw ~cache:* ~rate:* -@all +@read +@write +@connection +@scripting +time -@dangerous".split(separator: " ")
            _ = try await administrator.send(RedisCommand(["ACL", "SETUSER", "services"] + rights.map { .text(String($0)) }))
            await administrator.shutdown()
            try await withProcesses(2, server, options: { ($0.user, $0.password) = ("services", "pw") }) { (processes) async throws in
                #expect(try await read(processes[0]) { loaded("old", 1) } == "old")
                #expect(await processes[0].cache.invalidate("a", version: 2))
                try await eventually(within: .seconds(60), "it is heard") { processes[1].cache.statistics.invalidationsHeard > 0 }
                #expect(await processes[1].cache.invalidateAll())
                let limiter = RedisRateLimiter(
                    processes[0].client, name: "test", limit: RateLimit(burst: 2, perSecond: 0.001), patience: .seconds(30))
                for isAllowed in [true, true, false] { #expect(try await limiter.take("a").isAllowed == isAllowed) }
                for forbidden in [RedisCommand("FLUSHALL"), RedisCommand("GET", "other"), RedisCommand("CLIENT", "LIST")] {
                    do {
                        _ = try await processes[0].client.send(forbidden)
                        Issue.record("\(forbidden.name) was not refused")
                    } catch {
                        #expect((error as? RedisError)?.server?.code == "NOPERM")
                    }
                }
            }
        }
    }

    /// As a process that has just been started.
    private func withMemoryOf(_ process: CacheProcess, _ body: (CacheProcess) async throws -> Void) async throws {
        await process.cache.invalidate("g", version: 0)
        try await body(process)
    }
}

/// Many values at once.
@Suite(.timeLimit(.minutes(5))) struct ManyValuesTests {
    @Test("many values come from memory, from the shared tier and by one load, each where it is")
    func tiers() async throws {
        try await withProcesses(2) { (processes) async throws in
            _ = try await read(processes[0], "a") { loaded("A", 1) }
            _ = try await read(processes[1], "b") { loaded("B", 1) }
            let asked = Mutex<[[String]]>([])
            func ask(_ process: CacheProcess) async throws -> [String: String] {
                try await process.cache.values(for: ["a", "b", "c", "none", "a"]) { missing in
                    asked.withLock { $0.append(missing) }
                    return ["c": loaded("C", 1)]
                }.mapValues { String(buffer: $0) }
            }
            #expect(try await ask(processes[0]) == ["a": "A", "b": "B", "c": "C"])
            #expect(processes[0].cache.statistics.remote == 1 && processes[0].cache.statistics.memory == 1)
            // The other one finds it in the shared tier; of what there is not, nothing is remembered.
            #expect(try await ask(processes[1]) == ["a": "A", "b": "B", "c": "C"])
            #expect(asked.withLock { $0 } == [["c", "none"], ["none"]])
            #expect(try await read(processes[0], "c") { throw Broken() } == "C")
        }
    }

    @Test("of many values that a slow load brings, those that were changed meanwhile are not kept, here or for others")
    func guards() async throws {
        try await withProcesses(2) { (processes) async throws in
            let gate = Gate()
            let slow = Task {
                try await processes[0].cache.values(for: ["a", "b"]) { _ in
                    try await gate.pass()
                    return ["a": loaded("old", 1), "b": loaded("b", 1)]
                }
            }
            await gate.arrivals(1)
            await processes[1].cache.invalidate("a", version: 2)
            gate.open()
            #expect(try await slow.value.count == 2)
            for process in processes {
                #expect(try await read(process, "a") { loaded("new", 2) } == "new")
                #expect(try await read(process, "b") { throw Broken() } == "b")
            }
        }
    }

    @Test("without a shared tier too, what was changed while many values were loaded is not kept")
    func alone() async throws {
        let cache = Cache(name: "test", capacity: 1 << 20, codec: .bytes)
        let gate = Gate()
        let slow = Task {
            try await cache.values(for: ["a", "b"]) { _ in
                try await gate.pass()
                return ["a": loaded("old", 1), "b": loaded("b", 1)]
            }
        }
        await gate.arrivals(1)
        await cache.invalidate("a", version: 2)
        gate.open()
        _ = try await slow.value
        let found = try await cache.values(for: ["a", "b"]) { missing in
            #expect(missing == ["a"])
            return ["a": loaded("new", 2)]
        }
        #expect(found == ["a": ByteBuffer(string: "new"), "b": ByteBuffer(string: "b")])
    }
}
