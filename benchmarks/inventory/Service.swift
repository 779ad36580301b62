import Basics
import LocalServers
import NIOCore
import NIOPosix
import ServiceKit

/// The service as it is shipped, in a process of its own, asked over HTTP by connections that each wait for one answer at a time.
struct Service: Contender {
    let running: RunningService
    let connections: Int
    var name: String { "\(running.label), \(connections) connections" }

    func run(_ workload: Workload, seconds: Int) async throws -> Measurement {
        try await LoadClient(port: running.port, token: running.token).run(workload, connections: connections, seconds: seconds)
    }
}

final class RunningService: Sendable {
    let label: String
    let port: Int
    let token: String
    private let child: Child

    /// - Parameter settings: of the service, besides its address and its database.
    init(_ label: String, program: String, _ warehouse: Warehouse, folder: String, settings: [String: String] = [:]) async throws {
        self.label = label
        let group = MultiThreadedEventLoopGroup.singleton
        // A port that was free a moment ago.
        let probe = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
        port = probe.localAddress?.port ?? 0
        try await probe.close()
        var environment = [
            "DATABASE_URL": warehouse.url, "HTTP_PORT": "\(port)", "KEYS_DIR": "\(folder)/keys", "LOG_FORMAT": "json",
        ]
        environment.merge(settings) { $1 }
        child = try Child([program], environment: environment, output: "\(folder)/\(label).log")
        let signer = try await LocalKeys(folder: "\(folder)/keys").signer(.services)
        token = try await signer.token(
            issuer: "api-gateway", subject: "api-gateway", audience: "inventory-service", role: .service, lifetime: .seconds(86_400))
        for _ in 0..<500 {
            try await Task.sleep(for: .milliseconds(20))
            guard let channel = try? await ClientBootstrap(group: group).connect(host: "127.0.0.1", port: port).get() else { continue }
            try? await channel.close()
            return
        }
        child.stop()
        throw BenchError("the service did not start:\n\(child.text)")
    }

    func stop() async throws {
        child.stop()
        _ = try await child.end()
    }
}
