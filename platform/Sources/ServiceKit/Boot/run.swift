import AsyncHTTPClient
import Basics
import Database
import HTTPPath
import Hummingbird
public import Logging
public import NIOCore
import NIOPosix
import Resilience
public import ServiceLifecycle
import Synchronization
import Telemetry
public import UnixSignals

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension ServiceDefinition {
    /// `main`: runs the service until SIGTERM or SIGINT, or one of its small commands, and ends the process.
    ///
    /// Exit codes: 0 stopped as asked, 64 wrong usage, 69 something it needs is not to be had (a taken port, a locked or damaged
    /// database), 78 a configuration that cannot be used, 143 a `migrate` that was broken off. The reason is one line on standard error.
    public func main() async -> Never {
        // A reader that went away must end a write and not the process.
        signal(SIGPIPE, SIG_IGN)
        do {
            switch CommandLine.arguments.dropFirst().first {
            case "--help", "-h", "help": print(helpText)
            case "--version", "version": print("\(name) \(BuildInfo.version)")
            case "health": exit(await checkHealth() ? 0 : 1)
            case "migrate":
                // What is broken off has not been done: an init container that ended with 0 would let its service start.
                onSignal { _ in _exit(143) }
                try await prepare()
            default: try await serve()
            }
            exit(0)
        } catch let error as ConfigurationError {
            fail(error.description, 78)
        } catch let error as DatabaseError {
            fail(error.message, 69)
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            fail("the port is taken: stop what listens there, or choose another with HTTP_PORT", 69)
        } catch let error as IOError {
            fail("the address cannot be listened on (\(String(cString: strerror(error.errnoCode)))): see HTTP_HOST and HTTP_PORT", 69)
        } catch {
            fail("\(Problem.describe(error)): \(error)", 70)
        }
    }

    private func fail(_ message: String, _ code: Int32) -> Never {
        let line = Array("\(name): \(message)\n".utf8)
        _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
        exit(code)
    }

    /// Until something listens to signals: said expressly, because the first process of a container ignores what it has no handler for,
    /// and would wait for its database until it is killed.
    private func onSignal(_ end: @convention(c) (CInt) -> Void) {
        signal(SIGTERM, end)
        signal(SIGINT, end)
    }

    private func serve() async throws {
        onSignal { _ in _exit(0) }
        let (boot, parts) = try await start()
        do {
            try await run(boot, parts)
        } catch {
            await parts.close()
            await boot.telemetry?.shutdown()
            throw error
        }
        await parts.close()
        // Last, so that the spans of what was closed go out too.
        await boot.telemetry?.shutdown()
        boot.logger.info("stopped")
    }

    /// `SERVICE migrate`: everything of a start but the serving. A rollout that runs it first, as a step of its own, fails there
    /// where a migration does, while the replicas before it go on serving.
    private func prepare() async throws {
        let (boot, parts) = try await start()
        await parts.close()
        await boot.telemetry?.shutdown()
        boot.logger.info("the database is up to date")
    }

    private func start() async throws -> (Boot, ServiceParts) {
        try checkArguments()
        let settings = try await Settings()
        try check(settings)
        let telemetry = Telemetry.bootstrap(
            TelemetryConfiguration(
                service: name, version: BuildInfo.version, environment: try settings(ServiceSettings.environment),
                variable: { settings.text(ofVariable: $0) }),
            logFormat: LogFormat(rawValue: try settings(ServiceSettings.logFormat)) ?? .automatic,
            logLevel: Logger.Level(rawValue: try settings(ServiceSettings.logLevel)) ?? .info,
            definitions: metrics, metadataProvider: Self.logMetadata)
        let boot = Boot(service: name, settings: settings, logger: Logger(label: name), telemetry: telemetry)
        return (boot, try await build(boot))
    }

    /// What every record logged within a request carries, besides the ids of its span.
    public static let logMetadata = Logger.MetadataProvider {
        guard let call = CallContext.current else { return [:] }
        return ["correlation_id": "\(call.correlationID)"]
    }

    private func run(_ boot: Boot, _ parts: ServiceParts) async throws {
        let logger = boot.logger
        let group = try group(boot, parts, stopOn: [.sigterm, .sigint]) { channel in
            let address = channel.localAddress
            logger.info("ready", metadata: ["address": "\(address?.ipAddress ?? ""):\(address?.port ?? 0)"])
        }
        if let descriptor = try boot.settings.optional(ServiceSettings.supervisor) {
            try await onEnd(ofPipe: CInt(descriptor)) { Task { await group.triggerGracefulShutdown() } }
        }
        try await group.run()
    }

    /// All that serves, not yet running: the listener, the background work and the drain. `main` runs it, and so do the tests.
    /// - Parameters:
    ///   - signals: those that begin the orderly stop; none in a process that is not this service's alone.
    ///   - onReady: called with the listening channel when requests are accepted.
    public func group(
        _ boot: Boot, _ parts: ServiceParts, stopOn signals: [UnixSignal] = [], onReady: @escaping @Sendable (any Channel) async -> Void = { _ in }
    ) throws -> ServiceGroup {
        let logger = boot.logger
        // Ready when the last one listens; who waits for it is told the service's own.
        let listeners = Listeners(count: 1 + parts.furtherPorts.count)
        let readiness = boot.readiness
        @Sendable func listens(_ channel: any Channel, isOwn: Bool) async {
            guard let own = listeners.add(channel, isOwn: isOwn) else { return }
            readiness.becomeReady()
            await onReady(own)
        }
        let further = try parts.furtherPorts.map { port in
            try self.application(boot, parts, furtherPort: port) { await listens($0, isOwn: false) }
        }
        let application = try self.application(boot, parts) { await listens($0, isOwn: true) }
        var quiet = logger
        quiet.logLevel = .warning
        // Shut down in reverse: drain first, then the listener, then the background work.
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = parts.background.map { .init(service: $0) }
        services += further.map { .init(service: $0) }
        services.append(.init(service: application))
        services.append(
            .init(
                service: Drain(readiness: boot.readiness, time: try boot.settings(ServiceSettings.drain), logger: logger),
                successTerminationBehavior: .ignore))
        var configuration = ServiceGroupConfiguration(services: services, gracefulShutdownSignals: signals, logger: quiet)
        configuration.maximumGracefulShutdownDuration = try boot.settings(ServiceSettings.drain) + boot.settings(ServiceSettings.shutdownTimeout)
        return ServiceGroup(configuration: configuration)
    }

    /// - Throws: `ConfigurationError` for the first setting whose value cannot be used.
    public func check(_ settings: Settings) throws(ConfigurationError) {
        for setting in allSettings { try setting.check(settings) }
    }

    /// A misspelt flag must not be silence.
    private func checkArguments() throws {
        let known = Set(allSettings.map(\.flag))
        for argument in CommandLine.arguments.dropFirst() where argument.hasPrefix("-") {
            let flag = argument.split(separator: "=", maxSplits: 1).first.map(String.init) ?? argument
            guard known.contains(flag) else { throw ConfigurationError("\(flag) is not a flag of this program: see --help") }
        }
    }

    /// `SERVICE health`: asks the running one; for containers, which have no shell and no curl.
    private func checkHealth() async -> Bool {
        guard let settings = try? await Settings(arguments: []), let port = try? settings(ServiceSettings.port(port)),
            let host = try? settings(ServiceSettings.host)
        else { return false }
        let client = HTTPClient.forServices()
        let target = host == "0.0.0.0" ? "127.0.0.1" : host
        let answer = try? await HTTPUpstream(name: name, baseURL: "http://\(target):\(port)", client: client).send(
            UpstreamRequest(.get, "/health/ready"))
        try? await client.shutdown()
        return answer?.status == 200
    }

    var helpText: String {
        var text = """
            \(name) \(BuildInfo.version)

            USAGE: \(name) [--flag VALUE …]     runs the service until SIGTERM or Ctrl-C
                   \(name) migrate [--flag …]   brings its database up to date and ends
                   \(name) health               exit status 0 if the running service is ready
                   \(name) --version

            Every setting is a flag, an environment variable, or a line in a file .env in the working folder, in that order.


            """
        for setting in allSettings {
            let value = setting.defaultText.map { "default \($0)\(setting.unit.map { " \($0)" } ?? "")" } ?? "no default"
            text += "  \(setting.flag), \(setting.variable)   (\(value))\n      \(setting.help)\n"
        }
        return text
    }
}

/// Counts the listeners of a start.
private final class Listeners: Sendable {
    private let state: Mutex<(open: Int, own: (any Channel)?)>

    init(count: Int) { state = Mutex((count, nil)) }

    /// - Returns: the service's own listener, once, when all are there.
    func add(_ channel: any Channel, isOwn: Bool) -> (any Channel)? {
        state.withLock { state in
            if isOwn { state.own = channel }
            state.open -= 1
            return state.open == 0 ? state.own : nil
        }
    }
}

/// Keeps the listener open for a while after readiness has turned false, so that load balancers notice first.
private struct Drain: Service {
    let readiness: Readiness
    let time: Duration
    let logger: Logger

    func run() async throws {
        // Graceful shutdown cancels nothing here: it only ends the wait.
        try? await gracefulShutdown()
        readiness.drain()
        logger.info("draining", metadata: ["seconds": "\(time.inSeconds)"])
        try? await Task.sleep(for: time)
    }
}

/// Calls `body` when nobody holds the writing end of a pipe any more. Whoever starts a service keeps that end and writes nothing: when
/// it has gone, even by SIGKILL, the kernel closes it, and the service stops; nothing is left behind on a laptop.
/// - Parameter descriptor: the reading end; owned from here on.
func onEnd(ofPipe descriptor: CInt, _ body: @escaping @Sendable () -> Void) async throws {
    do {
        let channel = try await NIOPipeBootstrap(group: MultiThreadedEventLoopGroup.singleton).takingOwnershipOfDescriptor(input: descriptor).get()
        channel.closeFuture.whenComplete { _ in body() }
    } catch {
        throw ConfigurationError("\(ServiceSettings.supervisor.variable) must be the reading end of a pipe")
    }
}
