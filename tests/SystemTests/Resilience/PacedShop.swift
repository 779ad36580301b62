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

/// The real gateway between services that are paced and disturbed at will; every one a process of its own.
final class PacedShop: Sendable {
    /// How a replica does its work.
    struct Behaviour {
        var milliseconds = 5
        var capacity = 10_000
        var queue = 10_000
        var failPercent = 0
    }

    struct Replica: Sendable {
        let name: String
        let port: Int
        let folder: String
    }

    let gateway: HTTPUpstream
    let gatewayURL: String
    let inventory: [Replica]
    let operatorToken: String
    private let pricing: Replica
    private let client: HTTPClient
    private let programs: Programs
    private let lost = Mutex<[Int: Counts]>([:])

    private actor Programs {
        var running: [Int: SpawnedProgram] = [:]

        func start(_ replica: Replica) throws {
            running[replica.port] = try PacedShop.spawn(
                "PacedService", replica, ["PACED_NAME": "\(replica.name)-service", "HTTP_PORT": "\(replica.port)"])
        }

        func add(_ port: Int, _ program: SpawnedProgram) { running[port] = program }

        func stop(_ port: Int, _ signal: Int32) async { await running.removeValue(forKey: port)?.stop(signal) }

        func stopAll() async {
            for (_, program) in running { await program.stop(SIGKILL) }
            running = [:]
        }
    }

    /// - Parameters:
    ///   - replicas: of inventory.
    ///   - settings: the gateway's.
    static func with<T: Sendable>(replicas: Int, settings: [String: String] = [:], _ body: (PacedShop) async throws -> T) async throws -> T {
        try await withTemporaryFolder { folder in
            let client = HTTPClient.forServices(connectTimeout: .seconds(30), connections: 2000)
            let programs = Programs()
            let result: Result<T, any Error>
            do {
                let shop = try await PacedShop(folder, replicas, settings, client, programs)
                result = .success(try await body(shop))
            } catch {
                result = .failure(error)
            }
            await programs.stopAll()
            try? await client.shutdown()
            return try result.get()
        }
    }

    private init(_ folder: String, _ replicas: Int, _ settings: [String: String], _ client: HTTPClient, _ programs: Programs) async throws {
        self.client = client
        self.programs = programs
        // Made before anybody looks for them, so that all have the same.
        let keys = LocalKeys(folder: "\(folder)/keys")
        operatorToken =
            "Bearer "
            + (try await keys.signer(.users).token(
                issuer: "hello-dd-local", subject: "ops", audience: "api-gateway", role: .operator, lifetime: .seconds(3600)))
        _ = try await keys.signer(.services)
        inventory = try (0..<replicas).map { _ in Replica(name: "inventory", port: try freePort(), folder: folder) }
        pricing = Replica(name: "pricing", port: try freePort(), folder: folder)
        for replica in inventory + [pricing] { try await programs.start(replica) }
        let own = Replica(name: "gateway", port: try freePort(), folder: folder)
        gatewayURL = "http://127.0.0.1:\(own.port)"
        gateway = HTTPUpstream(name: "gateway", baseURL: gatewayURL, client: client, timeout: .seconds(30))
        var environment = [
            "HTTP_PORT": "\(own.port)", "DATABASE_URL": "sqlite::memory:", "PRICING_SERVICE_URL": "http://127.0.0.1:\(pricing.port)",
            "INVENTORY_SERVICE_URL": inventory.map { "http://127.0.0.1:\($0.port)" }.joined(separator: ","),
            "RATE_LIMIT_ADDRESS_PER_SECOND": "0", "RATE_LIMIT_IDENTITY_PER_SECOND": "0",
        ]
        environment.merge(settings) { $1 }
        await programs.add(own.port, try Self.spawn("api-gateway", own, environment))
        for replica in inventory + [pricing, own] { try await ready(replica) }
    }

    private static func spawn(_ program: String, _ replica: Replica, _ environment: [String: String]) throws -> SpawnedProgram {
        var all = [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "KEYS_DIR": "\(replica.folder)/keys",
            "DATA_DIR": "\(replica.folder)/data-\(replica.port)", "LOG_LEVEL": "warning", "LOG_FORMAT": "json",
        ]
        all.merge(environment) { $1 }
        return try SpawnedProgram(
            RunningShop.programs.appending(path: program).path(), environment: all, log: "\(replica.folder)/\(replica.name)-\(replica.port).log")
    }

    private func ready(_ replica: Replica) async throws {
        let service = HTTPUpstream(name: replica.name, baseURL: "http://127.0.0.1:\(replica.port)", client: client)
        try await eventually(within: .seconds(60), "\(replica.name) is ready") {
            try await service.send(UpstreamRequest(.get, "/health/ready")).status == 200
        }
    }

    // MARK: disturbing

    func set(_ replica: Int, _ behaviour: Behaviour) async throws {
        let body = ByteBuffer(
            string: """
                {"serviceMilliseconds": \(behaviour.milliseconds), "capacity": \(behaviour.capacity), "queue": \(behaviour.queue), \
                "failPercent": \(behaviour.failPercent)}
                """)
        let answer = try await control(replica).send(UpstreamRequest(.put, "/control", body: body))
        try #require(answer.status == 200, "\(String(buffer: answer.body))")
    }

    /// SIGKILL. What it has counted is remembered here.
    func kill(_ replica: Int) async throws {
        let counted = try await counts(replica)
        lost.withLock { $0[replica] = counted }
        await programs.stop(inventory[replica].port, SIGKILL)
    }

    func start(_ replica: Int) async throws {
        try await programs.start(inventory[replica])
        try await ready(inventory[replica])
    }

    struct Counts: Sendable {
        var received = 0
        var done = 0
    }

    func counts(_ replica: Int) async throws -> Counts {
        let json = try JSON.parse(try await control(replica).send(UpstreamRequest(.get, "/control")).body.readableBytesView)
        let before = lost.withLock { $0[replica] ?? Counts() }
        return Counts(received: before.received + Int(json["received"]?.integer ?? 0), done: before.done + Int(json["done"]?.integer ?? 0))
    }

    private func control(_ replica: Int) -> HTTPUpstream {
        HTTPUpstream(name: "control", baseURL: "http://127.0.0.1:\(inventory[replica].port)", client: client, timeout: .seconds(30))
    }

    /// The state of the breaker before inventory; nil where the gateway gives no answer.
    func breaker() async -> String? {
        let request = UpstreamRequest(.get, "/api/v1/admin/breakers/inventory", headers: [.authorization: operatorToken])
        guard let answer = try? await gateway.send(request) else { return nil }
        return (try? JSON.parse(answer.body.readableBytesView))?["state"]?.string
    }
}

/// A port on which nothing listened a moment ago.
func freePort() throws -> Int {
    #if canImport(Glibc)
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
    let descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0 }
    }
    guard isBound else { throw TestKitError("no port is free") }
    return Int(UInt16(bigEndian: address.sin_port))
}
