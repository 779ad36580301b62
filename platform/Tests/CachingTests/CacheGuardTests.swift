import Basics
import Caching
import LocalServers
import NIOCore
import Redis
import Synchronization
import TestKit
import Testing

/// Each guard against old values, seen twice: with it nobody is given the old value, and without it somebody is.
@Suite(.timeLimit(.minutes(5))) struct CacheGuardTests {
    @Test("a slow reader never puts an old value over a new one; without the versioned write it does", arguments: [false, true])
    func versionedWrite(isMutated: Bool) async throws {
        try await withProcesses(3, mutations: isMutated ? .versionedWrite : [], policy: .patient { $0.leaseLifetime = .milliseconds(100) }) {
            (processes) async throws in
            let gate = Gate()
            let slow = Task {
                try await read(processes[0]) {
                    try await gate.pass()
                    return loaded("old", 1)
                }
            }
            await gate.arrivals(1)
            #expect(try await read(processes[1]) { loaded("new", 2) } == "new")
            gate.open()
            #expect(try await slow.value == "old")
            // Whoever asks for the first time has the shared tier's.
            #expect(try await read(processes[2]) { throw Broken() } == (isMutated ? "old" : "new"))
            #expect(processes[0].cache.statistics.outdated == (isMutated ? 0 : 1))
            if !isMutated { #expect(try await read(processes[0]) { throw Broken() } == "new") }
        }
    }

    @Test("a slow reader never brings back what was deleted; without the tombstone it does", arguments: [false, true])
    func tombstone(isMutated: Bool) async throws {
        try await withProcesses(3, mutations: isMutated ? .tombstone : []) { (processes) async throws in
            let gate = Gate()
            let slow = Task {
                try await read(processes[0]) {
                    try await gate.pass()
                    return loaded("deleted", 1)
                }
            }
            await gate.arrivals(1)
            // Nothing is in the shared tier that a version could be compared with: only the tombstone knows.
            await processes[1].cache.invalidate("a", version: 2)
            gate.open()
            _ = try await slow.value
            #expect(try await read(processes[2]) { loaded(nil, 0) } == (isMutated ? "deleted" : nil))
        }
    }

    @Test("what began to load before an invalidation is not kept in memory; without that look it is", arguments: [false, true])
    func flightInvalidation(isMutated: Bool) async throws {
        let mutations: CacheMutations = isMutated ? .flightInvalidation : []
        let cache = Cache(name: "test", policy: CachePolicy(), capacity: 1 << 20, codec: .bytes, remote: nil, mutations: mutations)
        let gate = Gate()
        let slow = Task {
            try await cache.value(for: "a") {
                try await gate.pass()
                return loaded("old", 1)
            }
        }
        await gate.arrivals(1)
        await cache.invalidate("a", version: 2)
        gate.open()
        _ = try await slow.value
        let found = try await cache.value(for: "a") { loaded("new", 2) }
        #expect(found == ByteBuffer(string: isMutated ? "old" : "new"))
    }

    @Test("a server that lost its tombstones does not take what began to load before; without the epoch it does", arguments: [false, true])
    func tierEpoch(isMutated: Bool) async throws {
        try await TestRedis.withServer { server in
            try await withProcesses(3, server, mutations: isMutated ? .tierEpoch : [], policy: .patient { $0.hardTimeout = .seconds(20) }) {
                (processes) async throws in
                let gate = Gate()
                let slow = Task {
                    try await read(processes[0]) {
                        try await gate.pass()
                        return loaded("old", 1)
                    }
                }
                await gate.arrivals(1)
                await processes[1].cache.invalidate("a", version: 2)
                try await server.restart()
                for process in processes {
                    try await eventually(within: .seconds(60), "it is back") {
                        try await process.client.pipeline([RedisCommand("PING")]).count == 1 && process.cache.statistics.hears
                    }
                }
                gate.open()
                _ = try await slow.value
                // A process that was not there before trusts what it finds.
                let fresh = Cache(
                    name: "test", policy: processes[2].cache.policy, capacity: 1 << 20, codec: .bytes,
                    remote: RemoteCache(processes[2].client, name: processes[2].name))
                let found = try await fresh.value(for: "a") { loaded("new", 2) }
                #expect(found == ByteBuffer(string: isMutated ? "old" : "new"))
            }
        }
    }

    @Test("what was read before the connection was lost is not believed after; without that it is", arguments: [false, true])
    func hearing(isMutated: Bool) async throws {
        try await withProcesses(2, mutations: isMutated ? .hearing : [], policy: .patient { $0.deafLifetime = .milliseconds(1) }) {
            (processes) async throws in
            #expect(try await read(processes[0]) { loaded("old", 1) } == "old")
            // Its listener goes, and a change comes that it does not hear of.
            await processes[0].cache.goDeaf()
            await processes[1].cache.invalidate("a", version: 2)
            #expect(try await read(processes[0]) { loaded("new", 2) } == (isMutated ? "old" : "new"))
        }
    }

    @Test("an invalidation that could not be sent is sent when the server is back; one that is forgotten is not", arguments: [false, true])
    func debts(isMutated: Bool) async throws {
        try await TestRedis.withServer { server in
            try await withProcesses(
                2, server, mutations: isMutated ? [.debts, .hearing] : .hearing,
                policy: .patient { $0.remoteTimeout = .milliseconds(100) },
                options: {
                    $0.silence = .milliseconds(500)
                    $0.commandTimeout = .milliseconds(100)
                }
            ) { (processes) async throws in
                try await eventually(within: .seconds(60), "it is in the shared tier") {
                    _ = try await read(processes[0]) { loaded("old", 1) }
                    processes[0].cache.evict("a")
                    return try await read(processes[1]) { throw Broken() } == "old"
                }
                server.pause()
                try await eventually(within: .seconds(60), "nothing can be sent") {
                    _ = try? await processes[0].client.send(RedisCommand("PING"))
                    return !processes[0].client.isConnected
                }
                await processes[0].cache.invalidate("a", version: 2)
                #expect(processes[0].cache.statistics.invalidationsOwed == (isMutated ? 0 : 1))
                server.resume()
                try await eventually(within: .seconds(60), "it is back") {
                    processes[0].client.isConnected && processes[0].cache.statistics.invalidationsOwed == 0
                }
                let probe = RedisClient(processes[0].client.options)
                let tombstones = try await probe.pipeline([RedisCommand("KEYS", "cache:*:x:a")])[0].elements?.count
                await probe.shutdown()
                #expect(tombstones == (isMutated ? 0 : 1))
            }
        }
    }
}
