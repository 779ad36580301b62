import Foundation
import HTTPPath
import LocalServers
import Redis
import TestKit
import Testing

/// Two replicas of pricing-service on one Redis, under load: how long an old price is given out after a change was committed.
///
/// The bound is the one that the service states itself (`GET /cache/stats`): twice the time in which a silent connection is noticed, and the
/// moment for which memory is believed without hearing. It is made of settings, not of what this machine manages; above it the test fails.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct StalenessTests {
    private let sku = "LAPTOP-001"

    private func withReplicas(_ body: (PricingReplicas, PriceReaders, LocalRedis, FreezingProxy, Duration) async throws -> Void) async throws {
        try await TestRedis.withServer { server in
            try await FreezingProxy.with(to: server.port) { proxy in
                // The second one's Redis can be frozen.
                let second = server.url.replacing(":\(server.port)", with: ":\(proxy.port)")
                // A price lives longer than the test, so nothing but what is tested makes the new one seen.
                try await PricingReplicas.with(redis: [server.url, second], settings: ["CACHE_LIFETIME_SECONDS": "600"]) { replicas in
                    for replica in 0...1 { try await replicas.hears(replica) }
                    let stated = try #require(try await replicas.stats(1)["shared"]?["stalenessBoundSeconds"])
                    guard case .number(let text) = stated, let seconds = Double(text) else { throw TestKitError("\(stated) is no number of seconds") }
                    let bound = Duration.seconds(seconds)
                    #expect(bound > .seconds(4) && bound < .seconds(6))
                    let readers = PriceReaders(replicas, sku)
                    let result: Result<Void, any Error>
                    do { result = .success(try await body(replicas, readers, server, proxy, bound)) } catch { result = .failure(error) }
                    await readers.stop()
                    try result.get()
                }
            }
        }
    }

    /// Changes the price amid a disturbance, and returns how old the oldest price was that anybody was given for a question asked later.
    private func staleness(
        _ what: String, _ replicas: PricingReplicas, _ readers: PriceReaders, to amount: Int64, bound: Duration,
        during disturb: () async throws -> Void
    ) async throws {
        let before = ContinuousClock.now
        try await replicas.change(0, sku, to: amount)
        let committed = ContinuousClock.now
        try await disturb()
        try await readers.settle(on: amount, since: committed, replicas: 2)
        let answers = readers.all.filter { $0.begun > before }
        let old = answers.filter { $0.begun > committed && $0.amount != amount && $0.status == 200 }
        let oldest = old.map { $0.begun - committed }.max() ?? .zero
        print("staleness \(what): \(oldest), bound \(bound), of \(answers.count) answers \(old.count) were old")
        #expect(oldest <= bound, "\(what)")
        #expect(answers.allSatisfy { $0.status == 200 }, "\(what): \(Set(answers.map(\.status)))")
        // In the replica that changed it there is no old price at all.
        #expect(old.allSatisfy { $0.replica == 1 }, "\(what)")
    }

    @Test("a price change is seen by both replicas within the stated bound: connected, with the invalidation connection cut, and frozen")
    func connections() async throws {
        try await withReplicas { replicas, readers, server, proxy, bound in
            try await replicas.change(0, sku, to: 1)
            try await readers.settle(on: 1, since: .now, replicas: 2)
            try await staleness("connected", replicas, readers, to: 2, bound: bound) {}

            let client = RedisClient(try RedisOptions(url: server.url))
            /// Ends every connection that listens, for a while, as often as it comes back.
            func cut(for time: Duration) async throws {
                let end = ContinuousClock.now + time
                repeat {
                    let list = try await client.send(RedisCommand("CLIENT", "LIST")).text ?? ""
                    for line in list.split(separator: "\n") where line.contains("name=pricing-service.listener") {
                        guard let id = line.split(separator: " ").first?.split(separator: "=").last else { continue }
                        _ = try? await client.send(RedisCommand("CLIENT", "KILL", "ID", .text(String(id))))
                    }
                    try await Task.sleep(for: .milliseconds(10))
                } while ContinuousClock.now < end
            }
            let cutting = Task { try await cut(for: .seconds(2)) }
            try await Task.sleep(for: .milliseconds(300))
            try await staleness("invalidation connection cut", replicas, readers, to: 3, bound: bound) { try await cutting.value }
            await client.shutdown()
            for replica in 0...1 { try await replicas.hears(replica) }

            proxy.freeze()
            try await staleness("reader's connections frozen", replicas, readers, to: 4, bound: bound) {
                try await Task.sleep(for: bound)
                proxy.thaw()
            }
            for replica in 0...1 { try await replicas.hears(replica) }
            try await staleness("connected again", replicas, readers, to: 5, bound: bound) {}
        }
    }

    @Test("a price change is seen by both replicas within the stated bound: Redis killed and restarted, and paused for five seconds")
    func server() async throws {
        try await withReplicas { replicas, readers, server, _, bound in
            try await replicas.change(0, sku, to: 1)
            try await readers.settle(on: 1, since: .now, replicas: 2)
            server.kill()
            await server.untilEnded()
            try await staleness("Redis killed", replicas, readers, to: 2, bound: bound) {}
            try await server.restart()
            for replica in 0...1 { try await replicas.hears(replica) }
            try await staleness("Redis restarted", replicas, readers, to: 3, bound: bound) {}

            server.pause()
            try await staleness("Redis paused for five seconds", replicas, readers, to: 4, bound: bound) {
                try await Task.sleep(for: .seconds(5))
                server.resume()
                // What was old before it paused could come back now.
                for replica in 0...1 { try await replicas.hears(replica) }
                try await Task.sleep(for: .seconds(1))
            }
        }
    }
}
