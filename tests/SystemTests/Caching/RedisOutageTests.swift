import Foundation
import HTTPPath
import HTTPTypes
import LocalServers
import NIOCore
import TestKit
import Testing

/// Prices with Redis absent, killed and slow. What a reader may have to wait for is Redis' time limit, at each of the two questions that are
/// put to it on the way to the database (the first may find nothing and the second asks for the lease), and then for the database.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct RedisOutageTests {
    private let remoteTimeout = Duration.milliseconds(100)
    /// For the database and the machine: far above what either takes, and below any time limit that would hide a wait for Redis.
    private let margin = Duration.seconds(2)

    private func check(_ what: String, _ replicas: PricingReplicas, for time: Duration) async throws {
        var readers: [PriceReaders] = []
        // Some that are asked for often, and some that are new to the cache.
        for sku in ["LAPTOP-001", "MOUSE-001"] { readers.append(PriceReaders(replicas, sku, readersEach: 2)) }
        let end = ContinuousClock.now + time
        var cold = 0
        while ContinuousClock.now < end {
            cold += 1
            let answer = try await replicas.send(0, .get, "/api/v1/prices/NONE-\(cold)")
            #expect(answer.status == 404, "\(what): \(answer.status)")
        }
        for one in readers { await one.stop() }
        let answers = readers.flatMap(\.all)
        let slowest = answers.map(\.took).max() ?? .zero
        print("\(what): \(answers.count) answers and \(cold) for unknown products, the slowest after \(slowest)")
        #expect(answers.count > 20)
        #expect(answers.allSatisfy { $0.status == 200 }, "\(what): \(Set(answers.map(\.status)))")
        #expect(slowest <= remoteTimeout * 2 + margin, "\(what)")
    }

    private var settings: [String: String] {
        // So short a lifetime that Redis is asked all the time.
        ["CACHE_REMOTE_TIMEOUT_SECONDS": "0.1", "CACHE_LIFETIME_SECONDS": "0.1"]
    }

    @Test("without Redis, with Redis killed and with Redis that does not answer, prices are given without a 5xx, within its time limit and a margin")
    func outages() async throws {
        try await withDeadPort { port in
            try await PricingReplicas.with(redis: ["redis://127.0.0.1:\(port)"], settings: settings) { replicas in
                try await check("Redis absent from the start", replicas, for: .seconds(1))
                let health = try JSON.parse(try await replicas.send(0, .get, "/health").body.readableBytesView)
                #expect(health["status"] == "degraded")
            }
        }
        try await TestRedis.withServer { server in
            try await PricingReplicas.with(redis: [server.url], settings: settings) { replicas in
                try await replicas.hears(0)
                try await check("Redis well", replicas, for: .seconds(1))
                server.pause()
                try await check("Redis does not answer", replicas, for: .seconds(3))
                server.resume()
                try await replicas.hears(0)
                server.kill()
                await server.untilEnded()
                try await check("Redis killed", replicas, for: .seconds(2))
            }
        }
    }

    @Test("1,500 concurrent requests for a cold price at three replicas are one read of the database")
    func coldKey() async throws {
        try await TestRedis.withServer { server in
            // As patient as a machine under this load needs; a lease lasts five seconds.
            try await PricingReplicas.with(redis: [server.url, server.url, server.url], settings: ["CACHE_REMOTE_TIMEOUT_SECONDS": "5"]) { replicas in
                for replica in 0...2 { try await replicas.hears(replica) }
                try await withThrowingTaskGroup(of: Int64.self) { group in
                    for number in 0..<1500 { group.addTask { try await replicas.amount(number % 3, "LAPTOP-001") } }
                    for try await amount in group { #expect(amount == 129_900) }
                }
                var loads: [Int64] = []
                for replica in 0...2 { loads.append(try await replicas.stats(replica)["loads"]?.integer ?? -1) }
                #expect(loads.reduce(0, +) == 1, "\(loads)")
            }
        }
    }
}
