internal import FoundationEssentials
internal import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A Redis server of one's own, run from the program that is installed: for the shop on a laptop, and for tests.
///
/// It listens on this machine's own address only, wants a password, keeps its data in memory alone (it is a cache), and is gone when this
/// process is, however that ends.
public final class LocalRedis: Sendable {
    public struct Options: Sendable {
        /// Where its configuration and log stand. Made if it is not there, and kept. Nil: among the system's temporary files, and removed
        /// at the end.
        public var folder: String?
        /// Nil: a free one.
        public var port: Int?
        /// The server's settings, above this module's. A value with spaces is quoted by the caller.
        public var settings: [String: String] = [:]
        /// Whether it speaks TLS, and nothing else, with a certificate that it signs itself: see ``LocalRedis/certificate``. Needs `openssl`.
        public var tls = false
        /// How long it may take until it answers.
        public var readyWithin = Duration.seconds(30)
        /// Where its program and the temporary folder are looked for.
        public var environment = ProcessInfo.processInfo.environment

        public init(folder: String? = nil, port: Int? = nil, settings: [String: String] = [:], tls: Bool = false) {
            self.folder = folder
            self.port = port
            self.settings = settings
            self.tls = tls
        }
    }

    /// The variable that names its program, above every other place.
    public static let variable = "REDIS_SERVER"

    /// Absolute.
    public let folder: String
    public let port: Int
    public let password: String
    private let program: String
    private let options: Options
    private let running: Mutex<ServerProcess>

    private init(folder: String, port: Int, password: String, program: String, options: Options, process: ServerProcess) {
        self.folder = folder
        self.port = port
        self.password = password
        self.program = program
        self.options = options
        running = Mutex(process)
    }

    deinit { running.withLock { $0 }.abandon() }

    /// Starts a server and returns when it answers.
    ///
    /// - Throws: `notInstalled` with what to install, `portTaken`, `folder`, `failed`, `timeout`.
    public static func start(_ options: Options = Options()) async throws(LocalServerError) -> LocalRedis {
        let program = try find(options.environment)
        let folder: String
        if let path = options.folder {
            try System.makeFolder(path)
            guard let absolute = System.realPath(path) else { throw LocalServerError(.folder, "cannot enter \(path): \(System.reason())") }
            folder = absolute
        } else {
            folder = try System.makeTemporaryFolder("hello-dd-redis", environment: options.environment)
        }
        do throws(LocalServerError) {
            if options.tls, !System.exists("\(folder)/server.crt") { try await makeCertificate(in: folder, options.environment) }
            let password = System.read("\(folder)/password").map(\.trimmed) ?? PostgresFolder.makePassword()
            try System.write(password + "\n", to: "\(folder)/password", owner: nil)
            var attempts = 0
            while true {
                guard let port = options.port ?? Loopback.freePort() else { throw LocalServerError(.portTaken, "no free port on \(Loopback.host)") }
                do throws(LocalServerError) {
                    let process = try await launch(program, folder: folder, port: port, password: password, options)
                    return LocalRedis(folder: folder, port: port, password: password, program: program, options: options, process: process)
                } catch {
                    attempts += 1
                    // Somebody else may have taken the free port in the meantime.
                    guard error.code == .portTaken, options.port == nil, attempts < 10 else { throw error }
                }
            }
        } catch {
            if options.folder == nil { System.removeTree(folder) }
            throw error
        }
    }

    /// `redis://…`, or `rediss://…` with TLS, for a client on this machine.
    public var url: String { "\(options.tls ? "rediss" : "redis")://:\(password)@\(Loopback.host):\(port)" }

    /// The file with the authority that a client checks the server by, with `tls`.
    public var certificate: String { "\(folder)/server.crt" }

    /// What the server writes. Bounded at a start: 10 MiB, and as much before it.
    public var log: String { "\(folder)/server.log" }

    /// The number of the server's process; nil if it does not run.
    public var processIdentifier: Int32? {
        guard running.withLock({ $0 }).exitCode == nil else { return nil }
        return System.read("\(folder)/server.pid").flatMap { Int32($0.trimmed) }
    }

    public var isRunning: Bool { processIdentifier != nil }

    /// Returns when the server has ended: stopped, crashed or killed. After a restart, call it again.
    public func untilEnded() async { await running.withLock { $0 }.untilEnded() }

    /// Returns when it has gone, and its folder if it is temporary.
    public func stop() async {
        resume()
        send(SIGTERM)
        let limit = Task { [weak self] in
            try await Task.sleep(for: .seconds(10))
            self?.kill()
        }
        await untilEnded()
        limit.cancel()
        if options.folder == nil { System.removeTree(folder) }
    }

    /// Ends it as a crash would (SIGKILL). Returns at once: see ``untilEnded()``.
    public func kill() { send(SIGKILL) }

    /// Holds it: it neither answers nor closes anything until ``resume()``.
    public func pause() { send(SIGSTOP) }

    public func resume() { send(SIGCONT) }

    /// Starts it again on the same port, ended before if it runs, and empty. Returns when it answers.
    public func restart() async throws(LocalServerError) {
        kill()
        await untilEnded()
        let process = try await Self.launch(program, folder: folder, port: port, password: password, options)
        running.withLock { $0 = process }
    }

    private func send(_ signal: Int32) {
        if let pid = processIdentifier { _ = sendSignal(pid, signal) }
    }

    // MARK: Starting

    private static func find(_ environment: [String: String]) throws(LocalServerError) -> String {
        let advice =
            "install it (Debian and Ubuntu: `apt-get install redis-server`; macOS: `brew install redis`), or name its program in \(variable)"
        if let program = environment[variable], !program.isEmpty {
            guard System.isExecutable(program) else {
                throw LocalServerError(.notInstalled, "\(variable) is \(program), which is no program: \(advice)")
            }
            return program
        }
        let folders = (environment["PATH"] ?? "").split(separator: ":").map { String($0) } + ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]
        for name in ["redis-server", "valkey-server"] {
            if let program = folders.map({ "\($0)/\(name)" }).first(where: System.isExecutable) { return program }
        }
        throw LocalServerError(.notInstalled, "Redis is not installed here: \(advice)")
    }

    private static func launch(
        _ program: String, folder: String, port: Int, password: String, _ options: Options
    ) async throws(LocalServerError) -> ServerProcess {
        var settings = [
            "bind": Loopback.host, "port": String(port), "requirepass": password, "dir": "\"\(folder)\"", "pidfile": "\"\(folder)/server.pid\"",
            // In memory alone, and of that no more than a laptop spares; what was used least goes first.
            "save": "\"\"", "appendonly": "no", "maxmemory": "64mb", "maxmemory-policy": "allkeys-lru",
            "always-show-logo": "no", "set-proc-title": "no",
        ]
        if options.tls {
            settings["port"] = "0"
            settings["tls-port"] = String(port)
            settings["tls-cert-file"] = "\"\(folder)/server.crt\""
            settings["tls-key-file"] = "\"\(folder)/server.key\""
            settings["tls-auth-clients"] = "no"
        }
        settings.merge(options.settings) { $1 }
        let text = settings.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)\n" }.joined()
        // A file, because everybody may read the words that a program is started with.
        try System.write(text, to: "\(folder)/redis.conf", owner: nil)
        unlink("\(folder)/server.pid")
        let log = "\(folder)/server.log"
        let offset = System.size(of: log)
        let descriptor = try System.openLog(log)
        defer { close(descriptor) }
        let process = try ServerProcess(
            Program(words: [program, "\(folder)/redis.conf"], environment: options.environment), log: descriptor,
            farewell: ServerProcess.Farewell(
                signal: "TERM", patience: 5, removes: options.folder == nil ? folder : nil, processFile: "\(folder)/server.pid"))
        let end = ContinuousClock.now + options.readyWithin
        while process.exitCode == nil {
            let lines = System.read(log, from: min(offset, System.size(of: log))) ?? ""
            if lines.contains("Ready to accept connections") { return process }
            guard ContinuousClock.now < end else {
                process.abandon()
                throw LocalServerError(.timeout, "Redis was not ready within \(options.readyWithin): see \(log)")
            }
            do { try await Task.sleep(for: .milliseconds(5)) } catch {
                process.abandon()
                throw LocalServerError(.timeout, "given up")
            }
        }
        let lines = System.read(log, from: min(offset, System.size(of: log))) ?? ""
        throw lines.contains("Address already in use")
            ? LocalServerError(.portTaken, "Redis cannot listen on port \(port) of \(Loopback.host): it is taken")
            : LocalServerError(.failed, "Redis did not start; the end of \(log):\n\(lines.split(separator: "\n").suffix(5).joined(separator: "\n"))")
    }

    private static func makeCertificate(in folder: String, _ environment: [String: String]) async throws(LocalServerError) {
        let folders = (environment["PATH"] ?? "").split(separator: ":") + ["/usr/bin"]
        guard let openssl = folders.map({ "\($0)/openssl" }).first(where: System.isExecutable) else {
            throw LocalServerError(.notInstalled, "a server with TLS needs a certificate, and openssl is not installed to make it")
        }
        let (code, text) = try await Program(
            words: [
                openssl, "req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650", "-subj",
                "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:\(Loopback.host)", "-keyout", "\(folder)/server.key", "-out",
                "\(folder)/server.crt",
            ], environment: environment
        )
        .output()
        guard code == 0 else { throw LocalServerError(.failed, "openssl made no certificate: \(text.trimmed)") }
        _ = chmod("\(folder)/server.key", 0o600)
    }
}

private func sendSignal(_ pid: pid_t, _ signal: Int32) -> Int32 { kill(pid, signal) }
