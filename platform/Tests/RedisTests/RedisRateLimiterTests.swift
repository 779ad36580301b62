import LocalServers
import Redis
import Resilience
import TestKit
import Testing

/// As several processes would share a limit: each with a client of its own.
@Suite(.timeLimit(.minutes(5))) struct RedisRateLimiterTests {
    private func withLimiters<T: Sendable>(
        _ limit: RateLimit, _ server: LocalRedis? = nil, patience: Duration = .seconds(60), _ body: ([RedisRateLimiter]) async throws -> T
    ) async throws -> T {
        let one: LocalRedis
        if let server { one = server } else { one = try await TestRedis.shared() }
        var options = try RedisOptions(url: one.url)
        (options.connectTimeout, options.commandTimeout) = (.seconds(60), .seconds(60))
        let clients = [RedisClient(options), RedisClient(options)]
        let name = "test.\(UInt64.random(in: 0 ... .max))"
        let limiters = clients.map { RedisRateLimiter($0, name: name, limit: limit, patience: patience) }
        let result: Result<T, any Error>
        do { result = .success(try await body(limiters)) } catch { result = .failure(error) }
        for client in clients { await client.shutdown() }
        return try result.get()
    }

    @Test("processes let the burst through once between them, and say exactly when the next one may come")
    func shared() async throws {
        // One in a thousand seconds: nothing is paid back while a busy machine takes its time.
        try await withLimiters(RateLimit(burst: 10, perSecond: 0.001)) { (limiters) async throws in
            let allowed = try await withThrowingTaskGroup(of: RateDecision.self) { group in
                for number in 0..<40 { group.addTask { try await limiters[number % 2].take("a") } }
                var allowed = 0
                for try await decision in group {
                    if decision.isAllowed {
                        allowed += 1
                    } else {
                        #expect(decision.remaining == 0)
                        #expect(decision.retryAfter > .seconds(900) && decision.retryAfter <= .seconds(1000))
                        #expect(decision.reset > .seconds(9000) && decision.reset <= .seconds(10_000))
                    }
                }
                return allowed
            }
            #expect(allowed == 10)
            #expect(try await limiters[0].take("b").remaining == 9)
            #expect(try await limiters[1].take("b").remaining == 8)
        }
    }

    @Test("what the server remembers of a key ends when its debt is paid")
    func bounded() async throws {
        try await TestRedis.withServer { server in
            try await withLimiters(RateLimit(burst: 5, perSecond: 0.001), server) { (limiters) async throws in
                _ = try await limiters[0].take("a")
                let client = RedisClient(try RedisOptions(url: server.url))
                let keys = try await client.pipeline([RedisCommand("KEYS", "rate:*")])[0].elements?.compactMap(\.bytes) ?? []
                #expect(keys.count == 1)
                let left = try await client.pipeline(keys.map { RedisCommand("PTTL", .bytes($0)) }).first?.integer ?? 0
                #expect(left > 900_000 && left <= 1_000_000)
                await client.shutdown()
            }
        }
    }

    @Test("without the server each process keeps to the limit by itself, and waits no longer than its patience")
    func fallback() async throws {
        try await TestRedis.withServer { server in
            try await withLimiters(RateLimit(burst: 10, perSecond: 0.001), server, patience: .milliseconds(20)) { (limiters) async throws in
                try await eventually(within: .seconds(60), "connected") {
                    try await limiters[0].take("warm \(UInt64.random(in: 0 ... .max))").isAllowed
                }
                server.pause()
                for limiter in limiters {
                    var allowed = 0
                    for _ in 0..<20 where try await limiter.take("a").isAllowed { allowed += 1 }
                    #expect(allowed == 10)
                }
                server.resume()
            }
        }
    }
}
