internal import FoundationEssentials
internal import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A PostgreSQL server of one's own, run from the binaries that are installed: for the shop on a laptop, and for tests.
///
/// It listens on this machine's own address only, wants a password (SCRAM), and is gone when this process is, however that ends. Root
/// may start one too: it then runs as the user that its data belongs to, else as `postgres` or `nobody`.
public final class LocalPostgres: Sendable {
    public struct Options: Sendable {
        /// Where everything of the server stands: data, password, log. Made if it is not there, and kept. Nil: among the system's
        /// temporary files, and removed at the end.
        public var folder: String?
        /// Nil: a free one.
        public var port: Int?
        /// Whether an acknowledged commit outlives a crash. False for tests: nothing is waited for that only a crash would tell.
        public var durable = true
        /// The server's settings, above this module's.
        public var settings: [String: String] = [:]
        /// Whether it offers TLS, with a certificate that it signs itself: see ``LocalPostgres/certificate``. Needs `openssl`.
        public var tls = false
        /// How long it may take until it answers; after a crash it first reads its log again.
        public var readyWithin = Duration.seconds(60)
        /// Where its binaries and the temporary folder are looked for.
        public var environment = ProcessInfo.processInfo.environment

        public init(folder: String? = nil, port: Int? = nil, durable: Bool = true, settings: [String: String] = [:], tls: Bool = false) {
            self.folder = folder
            self.port = port
            self.durable = durable
            self.settings = settings
            self.tls = tls
        }
    }

    /// The superuser. Its password is in the folder's `pgpass`, a file as `PGPASSFILE` wants it.
    public static let adminUser = "postgres"

    /// Absolute.
    public let folder: String
    public let port: Int
    public let password: String
    public let binaries: PostgresBinaries
    let files: PostgresFolder
    let options: Options
    let user: ServerUser?

    private let running: Mutex<PostgresSetup.Running>

    init(_ setup: PostgresSetup, _ running: PostgresSetup.Running) {
        folder = setup.files.path
        files = setup.files
        password = setup.password
        binaries = setup.binaries
        options = setup.options
        user = setup.user
        port = running.port
        self.running = Mutex(running)
    }

    deinit { running.withLock { $0 }.process.abandon() }

    /// Starts a server and returns when it answers. The folder's first start takes a second or two: `initdb`.
    public static func start(_ options: Options) async throws(LocalServerError) -> LocalPostgres {
        let setup = try await PostgresSetup.prepare(options)
        do throws(LocalServerError) {
            return LocalPostgres(setup, try await setup.launch())
        } catch {
            if setup.files.isTemporary { System.removeTree(setup.files.path) }
            throw error
        }
    }

    /// The version of PostgreSQL that wrote the data in a folder of a server; nil if there is none.
    public static func dataVersion(in folder: String) -> Int? { PostgresFolder(path: folder, isTemporary: false).version }

    /// `postgres://…` for a client on this machine; by default the superuser's.
    public func url(database: String, user: String? = nil, password: String? = nil) -> String {
        let name = (user ?? Self.adminUser).urlEncoded
        let secret = (password ?? (user == nil ? self.password : nil)).map { ":\($0.urlEncoded)" } ?? ""
        return "postgres://\(name)\(secret)@\(Loopback.host):\(port)/\(database.urlEncoded)"
    }

    /// The superuser's, to the database that every server has.
    public var adminURL: String { url(database: "postgres") }

    /// The file that a client checks the server by (`sslmode=verify-full&sslrootcert=…`), with `tls`.
    public var certificate: String { files.certificate }

    /// What the server writes. Bounded at a start: 10 MiB, and as much before it.
    public var log: String { files.log }

    /// The number of the server's first process; nil if it does not run.
    public var processIdentifier: Int32? {
        let running = running.withLock { $0 }
        return running.process.exitCode == nil ? running.pid : nil
    }

    public var isRunning: Bool { processIdentifier != nil }

    /// Returns when the server has ended: stopped, crashed or killed. After a restart, call it again.
    public func untilEnded() async { await running.withLock { $0 }.process.untilEnded() }

    /// Ends what it does, writes all to disk and ends; clients are cut off. Returns when it has gone, and its folder if it is temporary.
    public func stop() async {
        await end()
        if files.isTemporary { System.removeTree(folder) }
    }

    private func end() async {
        let process = running.withLock { $0 }.process
        // "Fast": sessions are ended, and what was committed is written. That takes as long as the disk does.
        send(SIGINT)
        let limit = Task { [weak self] in
            try await Task.sleep(for: .seconds(30))
            self?.kill()
        }
        await process.untilEnded()
        limit.cancel()
    }

    /// Ends it as a crash would, with all its processes (SIGKILL). What was not on disk is lost. Returns at once: see ``untilEnded()``.
    public func kill() {
        guard let pid = processIdentifier else { return }
        // Stopped first, so that it starts no other while its children are counted, and none mourns it.
        send(SIGSTOP)
        for child in ProcessTable.children(of: pid) { _ = sendSignal(child, SIGKILL) }
        send(SIGKILL)
    }

    /// Starts it again with the same folder and port, stopped before if it runs. Returns when it answers.
    public func restart() async throws(LocalServerError) {
        await end()
        var again = options
        again.port = port
        let setup = PostgresSetup(options: again, files: files, binaries: binaries, user: user, password: password)
        let started = try await setup.launch()
        running.withLock { $0 = started }
    }

    private func send(_ signal: Int32) {
        if let pid = processIdentifier { _ = sendSignal(pid, signal) }
    }
}

private func sendSignal(_ pid: pid_t, _ signal: Int32) -> Int32 { kill(pid, signal) }

extension String {
    /// With every byte that means something in an address as `%XX`.
    var urlEncoded: String {
        utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                String(UnicodeScalar(byte))
            case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "~"): String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        .joined()
    }
}
