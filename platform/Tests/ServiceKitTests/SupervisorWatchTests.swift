import Logging
import ServiceLifecycle
import Testing

@testable import ServiceKit

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

@Suite("a service that hello-dd started stops with it")
struct SupervisorWatchTests {
    /// Ends when it is asked to, and says whether it was cancelled instead.
    private actor Worker: Service {
        private(set) var wasCancelled = false

        func run() async throws {
            do { try await gracefulShutdown() } catch { wasCancelled = true }
        }
    }

    @Test("a graceful shutdown ends the watch without cancelling the work of others")
    func graceful() async throws {
        let worker = Worker()
        let group = ServiceGroup(
            services: [worker, SupervisorWatch(pid: getpid())], gracefulShutdownSignals: [], logger: Logger(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(await !worker.wasCancelled)
    }

    @Test("when the supervisor has gone, the watch ends")
    func gone() async throws {
        // A process that has ended and was waited for: its number names nobody.
        var child: pid_t = 0
        #expect(posix_spawnp(&child, "true", nil, nil, [strdup("true"), nil], nil) == 0)
        #expect(waitpid(child, nil, 0) == child)
        try await SupervisorWatch(pid: child).run()
    }
}
