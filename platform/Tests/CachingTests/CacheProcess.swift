import Basics
import Caching
import LocalServers
import NIOCore
import Redis
import Resilience
import TestKit
import Testing

/// A cache with a connection of its own, as another process would have it.
struct CacheProcess: Sendable {
    let cache: Cache<ByteBuffer>
    let client: RedisClient
    /// What they share.
    let name: String
}

extension CachePolicy {
    /// That of these tests, with a change.
    static func patient(_ change: (inout CachePolicy) -> Void = { _ in }) -> CachePolicy {
        var policy = CachePolicy()
        (policy.jitter, policy.eagerness) = (0, 0)
        // A busy machine takes its time; tests of time limits set their own.
        policy.remoteTimeout = .seconds(30)
        policy.hardTimeout = .seconds(20)
        policy.leaseLifetime = .seconds(30)
        policy.softTimeout = .seconds(20)
        change(&policy)
        return policy
    }
}

/// Runs `body` with so many processes that share one cache, which all hear each other.
func withProcesses<T: Sendable>(
    _ count: Int, _ server: LocalRedis? = nil, mutations: CacheMutations = [], policy: CachePolicy = .patient(),
    options changeOptions: (inout RedisOptions) -> Void = { _ in }, _ body: ([CacheProcess]) async throws -> T
) async throws -> T {
    let one: LocalRedis
    if let server { one = server } else { one = try await TestRedis.shared() }
    var options = try RedisOptions(url: one.url)
    options.commandTimeout = .seconds(60)
    options.connectTimeout = .seconds(10)
    changeOptions(&options)
    let name = "\(Sources.system.makeID())"
    var processes: [CacheProcess] = []
    for _ in 0..<count {
        let client = RedisClient(options)
        let remote = RemoteCache(client, name: name, breaker: CircuitBreaker(), mutations: mutations)
        let cache = Cache(name: "test", policy: policy, capacity: 1 << 20, codec: .bytes, remote: remote, mutations: mutations)
        processes.append(CacheProcess(cache: cache, client: client, name: name))
    }
    for process in processes {
        process.cache.listen()
        try await eventually(within: .seconds(60), "it listens") { process.cache.statistics.hears }
    }
    let result: Result<T, any Error>
    do { result = .success(try await body(processes)) } catch { result = .failure(error) }
    for process in processes {
        await process.cache.shutdown()
        await process.client.shutdown()
    }
    return try result.get()
}

func loaded(_ text: String?, _ version: Int64) -> Loaded<ByteBuffer> { Loaded(text.map { ByteBuffer(string: $0) }, version: version) }

func read(
    _ process: CacheProcess, _ key: String = "a", _ load: @escaping @Sendable () async throws -> Loaded<ByteBuffer>
) async throws -> String? {
    try await process.cache.value(for: key, load: load).map { String(buffer: $0) }
}
