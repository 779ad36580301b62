internal import LocalServers
internal import Resilience

/// A server of the shop's own.
protocol OwnServer: Sendable {
    func untilEnded() async
    func restart() async throws(LocalServerError)
    func stop() async
}

extension LocalPostgres: OwnServer {}
extension LocalRedis: OwnServer {}

/// Starts one of the shop's own servers again when it ends without having been asked to.
struct ServerWatch: Sendable {
    let server: any OwnServer
    /// How it is called in what is said.
    let name: Style.ServerName
    let console: UpConsole
    /// Called when another process runs than before.
    let onChange: @Sendable () async -> Void
    /// As a service's: long enough for a crashed server's last children to go, and soon enough after the cause is gone. It is never given
    /// up: the services wait for it, and say so.
    var backoff = Backoff(base: .milliseconds(200), cap: .seconds(10))

    /// Returns when it is cancelled and the server has ended.
    func run() async {
        while true {
            await server.untilEnded()
            if Task.isCancelled { return }
            console.server("ended unexpectedly; starting it again", .warning, name)
            await onChange()
            guard await startAgain() else { return }
            await onChange()
        }
    }

    private func startAgain() async -> Bool {
        var attempts = 0
        while !Task.isCancelled {
            // Half of the pause is fixed: a pause near zero would be a busy loop.
            let pause = backoff.bound(attempts) * (0.5 + 0.5 * .random(in: 0...1))
            guard (try? await Task.sleep(for: pause)) != nil else { return false }
            do {
                try await server.restart()
                if Task.isCancelled {
                    await server.stop()
                    return false
                }
                console.server("runs again", .good, name)
                return true
            } catch {
                attempts += 1
                console.server("cannot be started: \(error.description)", .bad, name)
            }
        }
        return false
    }
}
