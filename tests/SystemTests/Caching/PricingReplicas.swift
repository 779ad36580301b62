import AsyncHTTPClient
import Basics
import Foundation
import HTTPPath
import HTTPTypes
import NIOCore
import ServiceKit
import Synchronization
import TestKit
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Replicas of the real pricing-service, each a process, on one database.
struct PricingReplicas: Sendable {
    let replicas: [HTTPUpstream]
    private let token: String

    /// - Parameters:
    ///   - redis: of each replica, the address of its Redis; nil: it has none.
    ///   - settings: of all of them.
    static func with<T: Sendable>(
        redis: [String?], settings: [String: String] = [:], _ body: (PricingReplicas) async throws -> T
    ) async throws -> T {
        try await withTemporaryFolder { folder in
            let client = HTTPClient.forServices(connectTimeout: .seconds(60), connections: 2000)
            var programs: [SpawnedProgram] = []
            let result: Result<T, any Error>
            do {
                let keys = LocalKeys(folder: "\(folder)/keys")
                let token = try await keys.signer(.services).token(
                    issuer: "api-gateway", subject: "api-gateway", audience: "pricing-service", role: .service, lifetime: .seconds(3600))
                let database = try await StoreEngine.postgres.url()
                var replicas: [HTTPUpstream] = []
                for (number, address) in redis.enumerated() {
                    let port = try freePort()
                    var environment = [
                        "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "KEYS_DIR": "\(folder)/keys",
                        "DATA_DIR": "\(folder)/data-\(number)", "LOG_LEVEL": "warning", "LOG_FORMAT": "json", "HTTP_PORT": "\(port)",
                        "DATABASE_URL": database, "DATABASE_POOL_SIZE": "4", "SEED_CATALOGUE": "true", "OTEL_SDK_DISABLED": "true",
                        // No bound that a busy machine could miss; what a test bounds it says itself.
                        "SHED_QUEUE_TIME_SECONDS": "60", "SHED_PATIENCE_SECONDS": "60", "HTTP_MAX_IN_FLIGHT": "20000",
                        "HTTP_REQUEST_TIMEOUT_SECONDS": "60",
                    ]
                    environment["REDIS_URL"] = address
                    environment.merge(settings) { $1 }
                    programs.append(
                        try SpawnedProgram(
                            RunningShop.programs.appending(path: "pricing-service").path(), environment: environment,
                            log: "\(folder)/pricing-\(number).log"))
                    let replica = HTTPUpstream(name: "pricing-\(number)", baseURL: "http://127.0.0.1:\(port)", client: client, timeout: .seconds(60))
                    // One after the other: the first migrates and fills the database.
                    try await eventually(within: .seconds(60), "replica \(number) is ready") {
                        try await replica.send(UpstreamRequest(.get, "/health/ready")).status == 200
                    }
                    replicas.append(replica)
                }
                result = .success(try await body(PricingReplicas(replicas: replicas, token: "Bearer \(token)")))
            } catch {
                result = .failure(error)
            }
            for program in programs { await program.stop(SIGKILL) }
            try? await client.shutdown()
            return try result.get()
        }
    }

    func send(
        _ replica: Int, _ method: HTTPRequest.Method, _ path: String, ifMatch: String? = nil, _ body: String? = nil
    ) async throws -> UpstreamResponse {
        var headers: HTTPFields = [.authorization: token]
        headers[.ifMatch] = ifMatch
        return try await replicas[replica].send(UpstreamRequest(method, path, headers: headers, body: body.map { ByteBuffer(string: $0) }))
    }

    /// The amount that a replica gives as the price of a product.
    func amount(_ replica: Int, _ sku: String) async throws -> Int64 {
        let answer = try await send(replica, .get, "/api/v1/prices/\(sku)")
        guard answer.status == 200, let amount = try JSON.parse(answer.body.readableBytesView)["price"]?["amountMinor"]?.integer else {
            throw TestKitError("\(answer.status): \(String(buffer: answer.body))")
        }
        return amount
    }

    /// Changes a price through a replica; returns when it is committed and the replica has told others, or tried to.
    func change(_ replica: Int, _ sku: String, to amount: Int64) async throws {
        let answer = try await send(
            replica, .put, "/api/v1/prices/\(sku)", ifMatch: "*", #"{"base": {"amountMinor": \#(amount), "currency": "USD"}}"#)
        guard answer.status == 200 else { throw TestKitError("\(answer.status): \(String(buffer: answer.body))") }
    }

    func stats(_ replica: Int) async throws -> JSON { try JSON.parse(try await send(replica, .get, "/api/v1/cache/stats").body.readableBytesView) }

    /// Asks until the replica hears the others.
    func hears(_ replica: Int) async throws {
        try await eventually(within: .seconds(60), "replica \(replica) hears the others") { try await stats(replica)["shared"]?["hears"] == true }
    }
}

/// Readers that ask replicas for one price, again and again, and note what they are told.
final class PriceReaders: Sendable {
    struct Answer: Sendable {
        let replica: Int
        let begun: ContinuousClock.Instant
        let took: Duration
        /// Nil where the answer was no price.
        let amount: Int64?
        let status: Int
    }

    private let tasks: [Task<Void, Never>]
    private let sink: Sink

    init(_ replicas: PricingReplicas, _ sku: String, readersEach: Int = 3) {
        let sink = Sink()
        tasks = replicas.replicas.indices.flatMap { replica in
            (0..<readersEach).map { _ in
                Task {
                    while !Task.isCancelled {
                        let begun = ContinuousClock.now
                        let answer = try? await replicas.send(replica, .get, "/api/v1/prices/\(sku)")
                        let amount = answer.flatMap { try? JSON.parse($0.body.readableBytesView)["price"]?["amountMinor"]?.integer }
                        guard !Task.isCancelled else { return }
                        sink.add(
                            Answer(replica: replica, begun: begun, took: .now - begun, amount: amount, status: answer?.status ?? 0))
                        try? await Task.sleep(for: .milliseconds(5))
                    }
                }
            }
        }
        self.sink = sink
    }

    private final class Sink: Sendable {
        let answers = Mutex<[Answer]>([])
        func add(_ answer: Answer) { answers.withLock { $0.append(answer) } }
    }

    var all: [Answer] { sink.answers.withLock { $0 } }

    /// Waits until every replica has given this amount to a question that was asked after `moment`, and no other to the last few.
    func settle(on amount: Int64, since moment: ContinuousClock.Instant, replicas: Int) async throws {
        try await eventually(within: .seconds(60), "every replica gives \(amount)") {
            let all = all
            return (0..<replicas).allSatisfy { replica in
                let own = all.filter { $0.replica == replica && $0.begun > moment }.suffix(20)
                return own.count == 20 && own.allSatisfy { $0.amount == amount }
            }
        }
    }

    func stop() async {
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }
}
