public import LocalServers

/// Redis for tests: one server for the process, of which each test uses keys of its own, or a server of its own.
public enum TestRedis {
    /// Started by the first that asks. It is gone when the process is, however that ends. Redis must be installed: without it the caller
    /// fails with what to install.
    public static func shared() async throws -> LocalRedis { try await starting.value }

    private static let starting = Task { try await LocalRedis.start() }

    /// Runs `body` with a server of its own, for a test that kills, holds, empties or configures it; removed afterwards.
    public static func withServer<T>(
        settings: [String: String] = [:], tls: Bool = false, _ body: (LocalRedis) async throws -> T
    ) async throws -> T {
        let server = try await LocalRedis.start(LocalRedis.Options(settings: settings, tls: tls))
        do {
            let result = try await body(server)
            await server.stop()
            return result
        } catch {
            await server.stop()
            throw error
        }
    }
}
