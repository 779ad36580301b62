#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A folder that is ready for a server, and all that is needed to start one on it.
struct PostgresSetup: Sendable {
    let options: LocalPostgres.Options
    let files: PostgresFolder
    let binaries: PostgresBinaries
    /// Whom the server runs as, if not as this process' user.
    let user: ServerUser?
    let password: String

    // MARK: The folder

    static func prepare(_ options: LocalPostgres.Options) async throws(LocalServerError) -> PostgresSetup {
        // Before anything is written: without programs there is nothing to clean up.
        let files = try folder(options)
        do throws(LocalServerError) {
            return try await prepare(options, files)
        } catch {
            if files.isTemporary { System.removeTree(files.path) }
            throw error
        }
    }

    private static func folder(_ options: LocalPostgres.Options) throws(LocalServerError) -> PostgresFolder {
        guard let path = options.folder else {
            return PostgresFolder(
                path: try System.makeTemporaryFolder("hello-dd-postgres", environment: options.environment), isTemporary: true)
        }
        try System.makeFolder(path)
        guard let absolute = System.realPath(path) else { throw LocalServerError(.folder, "cannot enter \(path): \(System.reason())") }
        return PostgresFolder(path: absolute, isTemporary: false)
    }

    private static func prepare(_ options: LocalPostgres.Options, _ files: PostgresFolder) async throws(LocalServerError) -> PostgresSetup {
        let environment = environment(options)
        let binaries = try await PostgresBinaries.find(version: files.version, environment: options.environment)
        var user: ServerUser?
        if System.isRoot {
            let chosen = try ServerUser.choose(dataFolder: files.data)
            _ = chown(files.path, chosen.uid, chosen.gid)
            user = try await chosen.reaching(files.path, environment: environment)
        } else if let owner = System.owner(of: files.data), owner != geteuid() {
            let name = ServerUser(uid: owner)?.name ?? String(owner)
            throw LocalServerError(.folder, "\(files.data) belongs to user \(name): start it as that user or as root, or choose another folder")
        }
        var setup = PostgresSetup(options: options, files: files, binaries: binaries, user: user, password: files.password ?? "")
        if files.version == nil { setup = try await setup.initialise() }
        guard !setup.password.isEmpty else {
            throw LocalServerError(.folder, "\(files.path) has data but no password (\(files.passwords)): remove the folder to begin anew")
        }
        if options.tls, !System.exists(files.certificate) { try await setup.makeCertificate() }
        return setup
    }

    /// What the programs see: nothing of what steers PostgreSQL's clients, and messages in English, since they are read here.
    private static func environment(_ options: LocalPostgres.Options) -> [String: String] {
        var environment = options.environment.filter {
            !$0.key.hasPrefix("PG") && !$0.key.hasPrefix("LC_") && $0.key != "LANG" && $0.key != "LANGUAGE"
        }
        environment["LC_ALL"] = "C"
        return environment
    }

    private func program(_ words: [String]) throws(LocalServerError) -> Program {
        Program(words: try user?.command(words) ?? words, environment: Self.environment(options))
    }

    private func initialise() async throws(LocalServerError) -> PostgresSetup {
        let password = PostgresFolder.makePassword()
        let passwordFile = "\(files.path)/password.new"
        try System.write(password + "\n", to: passwordFile, owner: user)
        defer { unlink(passwordFile) }
        // The first sorts by code point and knows upper and lower case of all letters; where it is not to be had, of ASCII's.
        var last = (code: Int32(0), text: "")
        for locale in ["C.UTF-8", "C"] {
            System.removeTree(files.unfinishedData)
            let words = [
                "\(binaries.folder)/initdb", "--pgdata=\(files.unfinishedData)", "--username=\(LocalPostgres.adminUser)", "--pwfile=\(passwordFile)",
                "--auth=scram-sha-256", "--encoding=UTF8", "--locale=\(locale)",
            ]
            last = try await program(options.durable ? words : words + ["--no-sync"]).output()
            if last.code == 0 || !last.text.contains("locale") { break }
        }
        guard last.code == 0 else { throw LocalServerError(.failed, "initdb failed: \(last.text.trimmed)") }
        try System.write("\(Loopback.host):*:*:\(LocalPostgres.adminUser):\(password)\n", to: files.passwords, owner: nil)
        guard rename(files.unfinishedData, files.data) == 0 else {
            throw LocalServerError(.folder, "cannot rename \(files.unfinishedData): \(System.reason())")
        }
        return PostgresSetup(options: options, files: files, binaries: binaries, user: user, password: password)
    }

    private func makeCertificate() async throws(LocalServerError) {
        let folders = (options.environment["PATH"] ?? "").split(separator: ":") + ["/usr/bin"]
        guard let openssl = folders.map({ "\($0)/openssl" }).first(where: System.isExecutable) else {
            throw LocalServerError(.notInstalled, "a server with TLS needs a certificate, and openssl is not installed to make it")
        }
        let (code, text) = try await program([
            openssl, "req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650", "-subj",
            "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:\(Loopback.host)", "-keyout", files.key, "-out", files.certificate,
        ])
        .output()
        guard code == 0 else { throw LocalServerError(.failed, "openssl made no certificate: \(text.trimmed)") }
        _ = chmod(files.key, 0o600)
    }

    // MARK: The server

    struct Running: Sendable {
        let process: ServerProcess
        let pid: pid_t
        let port: Int
    }

    /// Starts the server, on another port if the one chosen was taken in the meantime, and returns when it takes connections.
    func launch() async throws(LocalServerError) -> Running {
        let end = ContinuousClock.now + options.readyWithin
        var attempts = 0
        while true {
            // A server in whose stead this one starts has stopped when its backends have: a crashed one's take a moment.
            try await files.clear(within: .seconds(20))
            guard let port = options.port ?? Loopback.freePort() else { throw LocalServerError(.portTaken, "no free port on \(Loopback.host)") }
            let offset = System.size(of: files.log)
            let process = try launch(port: port)
            do throws(LocalServerError) {
                guard let pid = try await readyPid(process, port: port, before: end) else {
                    let lines = files.lastLines(from: min(offset, System.size(of: files.log)))
                    attempts += 1
                    // Ten: with a chosen port that another just gives up, a second; with free ones, more than chance takes.
                    guard attempts < 10, try await mayTryAgain(after: lines, port: port) else { throw failure(lines, port: port) }
                    continue
                }
                return Running(process: process, pid: pid, port: port)
            } catch {
                process.abandon()
                if error.code == .timeout { await process.untilEnded() }
                throw error
            }
        }
    }

    private func launch(port: Int) throws(LocalServerError) -> ServerProcess {
        var settings = [
            "listen_addresses": Loopback.host, "port": String(port),
            // None: its path would have to be short, and its file would be one more thing to protect.
            "unix_socket_directories": "",
            // Three services with some connections each, and tools. Memory for a laptop: the shop's data is far smaller.
            "max_connections": "100", "shared_buffers": "64MB", "max_wal_size": "512MB",
            "timezone": "UTC", "log_timezone": "UTC",
            // What concerns the server. A client's errors are the client's to tell, and would write a line for each conflict.
            "log_min_messages": "log", "log_min_error_statement": "fatal", "log_checkpoints": "off", "lc_messages": "C",
            // Compiling a query pays off after a second; none here takes that long.
            "jit": "off",
        ]
        #if os(Linux)
        // After a crash every file is first written to disk: by one call for all, and not by one for each of a thousand (0.4 s here, not 7).
        if binaries.version >= 14 { settings["recovery_init_sync_method"] = "syncfs" }
        #endif
        if options.tls {
            settings["ssl"] = "on"
            settings["ssl_cert_file"] = files.certificate
            settings["ssl_key_file"] = files.key
        }
        if !options.durable {
            for name in ["fsync", "synchronous_commit", "full_page_writes"] { settings[name] = "off" }
        }
        settings.merge(options.settings) { $1 }
        let words =
            ["\(binaries.folder)/postgres", "-D", files.data] + settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
        let log = try System.openLog(files.log)
        defer { close(log) }
        return try ServerProcess(
            program(words), log: log,
            farewell: ServerProcess.Farewell(
                // Immediate for one whose data goes with it, fast else.
                signal: files.isTemporary ? "QUIT" : "INT", patience: 15, removes: files.isTemporary ? files.path : nil,
                processFile: files.processFile))
    }

    /// The server's process number, when it takes connections; nil if it ended.
    private func readyPid(_ process: ServerProcess, port: Int, before end: ContinuousClock.Instant) async throws(LocalServerError) -> pid_t? {
        while process.exitCode == nil {
            if let status = files.status, status.isReady, status.port == port { return status.pid }
            guard ContinuousClock.now < end else {
                throw LocalServerError(
                    .timeout, "PostgreSQL was not ready within \(options.readyWithin); the end of \(files.log):\n\(files.lastLines(from: 0))")
            }
            do { try await Task.sleep(for: .milliseconds(10)) } catch { throw LocalServerError(.timeout, "given up") }
        }
        return nil
    }

    private static func isPortTaken(_ lines: String) -> Bool {
        lines.contains("could not bind") || lines.contains("could not create any TCP/IP sockets")
    }

    private func mayTryAgain(after lines: String, port: Int) async throws(LocalServerError) -> Bool {
        let isPortTaken = Self.isPortTaken(lines)
        // A crashed server's last child still holds its memory.
        guard isPortTaken || lines.contains("pre-existing shared memory block") else { return false }
        if isPortTaken, options.port == nil { return true }
        do { try await Task.sleep(for: .milliseconds(200)) } catch { return false }
        return true
    }

    private func failure(_ lines: String, port: Int) -> LocalServerError {
        Self.isPortTaken(lines)
            ? LocalServerError(.portTaken, "PostgreSQL cannot listen on port \(port) of \(Loopback.host): it is taken")
            : LocalServerError(.failed, "PostgreSQL did not start; the end of \(files.log):\n\(lines)")
    }
}
