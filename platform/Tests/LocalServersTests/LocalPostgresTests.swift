import FoundationEssentials
import TestKit
import Testing

@testable import LocalServers

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Real servers: whatever is tested here is the installed PostgreSQL's behaviour as much as ours.
@Suite(.serialized) struct LocalPostgresTests {
    private func psql(_ server: LocalPostgres, _ sql: String) async throws -> String { try await TestPostgres.psql(server.adminURL, sql) }

    private func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    @Test("a server answers, keeps what it was told over a stop and a kill, and its folder goes when it was temporary")
    func life() async throws {
        let server = try await LocalPostgres.start(.init(durable: false))
        #expect(server.isRunning)
        #expect(try await psql(server, "CREATE TABLE t (n int); INSERT INTO t VALUES (1); SELECT count(*) FROM t") == "1")
        #expect(try await psql(server, "SHOW listen_addresses") == "127.0.0.1")
        #expect(try await psql(server, "SHOW server_encoding") == "UTF8")
        #expect(try await psql(server, "SHOW timezone") == "UTC")
        #expect(try await psql(server, "SELECT upper('ä'), 'Z' < 'a'") == "Ä|t")
        let port = server.port

        await server.stop()
        #expect(!server.isRunning)
        #expect(!isThere(server.folder))
        await server.stop()
        #expect(Loopback.isFree(port))
    }

    @Test("after a kill or a stop, a restart is on the same port with what was committed")
    func restart() async throws {
        let server = try await LocalPostgres.start(.init())
        _ = try await psql(server, "CREATE TABLE t (n int); INSERT INTO t VALUES (1)")
        let port = server.port
        let first = try #require(server.processIdentifier)

        server.kill()
        await server.untilEnded()
        #expect(!server.isRunning)
        #expect(isThere("\(server.folder)/data/postmaster.pid"))
        try await server.restart()
        #expect(server.port == port)
        #expect(server.processIdentifier != first)
        #expect(try await psql(server, "INSERT INTO t VALUES (2); SELECT count(*) FROM t") == "2")

        // One that runs is stopped first.
        try await server.restart()
        #expect(try await psql(server, "SELECT count(*) FROM t") == "2")
        await server.stop()
    }

    @Test("a kill ends every process of the server, also one that is busy")
    func killAll() async throws {
        let server = try await LocalPostgres.start(.init(durable: false))
        let parent = try #require(server.processIdentifier)
        let busy = Task { try await psql(server, "SELECT count(*) FROM generate_series(1, 100000000000)") }
        try await eventually(within: .seconds(30), "the query runs") {
            try await psql(server, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT count(*) FROM generate%'") == "1"
        }
        let children = ProcessTable.children(of: parent)
        #expect(children.count >= 5)
        server.kill()
        await server.untilEnded()
        await #expect(throws: PsqlFailure.self) { try await busy.value }
        try await eventually(within: .seconds(10), "all are gone") { (children + [parent]).allSatisfy { ProcessTable.program(of: $0) == nil } }
        try await server.restart()
        #expect(try await psql(server, "SELECT 1") == "1")
        await server.stop()
    }

    @Test("a folder keeps the data, the password and the log from one server to the next, for this user's eyes only")
    func folder() async throws {
        try await withTemporaryFolder { folder in
            let path = "\(folder)/made/postgres"
            let first = try await LocalPostgres.start(.init(folder: path))
            _ = try await psql(first, "CREATE TABLE t (n int)")
            await first.stop()
            #expect(isThere("\(path)/data/PG_VERSION"))

            let second = try await LocalPostgres.start(.init(folder: path))
            #expect(try await psql(second, "SHOW fsync") == "on")
            #expect(second.password == first.password)
            #expect(try await psql(second, "SELECT count(*) FROM t") == "0")
            #expect(second.log.hasPrefix(second.folder) && isThere(second.log))
            for file in ["pgpass", "server.log"] {
                let mode = try FileManager.default.attributesOfItem(atPath: "\(path)/\(file)")[.posixPermissions] as? Int
                #expect(mode == 0o600, "\(file)")
            }
            #expect(!isThere("\(path)/password.new"))
            await second.stop()
            #expect(isThere(path))
        }
    }

    @Test("a folder on which a server runs is not given to a second one")
    func inUse() async throws {
        try await withTemporaryFolder { folder in
            let server = try await LocalPostgres.start(.init(folder: folder, durable: false))
            let files = PostgresFolder(path: server.folder, isTemporary: false)
            let error = await #expect(throws: LocalServerError.self) { try await files.clear(within: .zero) }
            #expect(error?.code == .inUse)
            #expect(error?.description.contains("pid \(server.processIdentifier ?? 0)") == true)
            await server.stop()
        }
    }

    @Test("what a crashed server left does not stop the next, even if its number belongs to another process now")
    func staleFile() async throws {
        try await withTemporaryFolder { folder in
            let first = try await LocalPostgres.start(.init(folder: folder, durable: false))
            await first.stop()
            // Our own number: there is such a process, and it is no PostgreSQL.
            try "\(getpid())\n\(folder)/data\n1\n5432\n\n\n\nready   \n".write(
                toFile: "\(folder)/data/postmaster.pid", atomically: true, encoding: .utf8)
            let second = try await LocalPostgres.start(.init(folder: folder, durable: false))
            #expect(try await psql(second, "SELECT 1") == "1")
            await second.stop()
        }
    }

    @Test("each caller of withPostgresDatabase has an empty database of its own, which is gone afterwards, also after a failure")
    func testDatabases() async throws {
        struct Failure: Error {}
        var names: Set<String> = []
        for _ in 0..<2 {
            let name = try await withPostgresDatabase { url in
                try await TestPostgres.psql(url, "CREATE TABLE t (n int)")
                return try await TestPostgres.psql(url, "SELECT current_database()")
            }
            names.insert(name)
        }
        await #expect(throws: Failure.self) {
            try await withPostgresDatabase { url in
                names.insert(try await TestPostgres.psql(url, "SELECT current_database()"))
                throw Failure()
            }
        }
        #expect(names.count == 3)
        let all = names.map { "'\($0)'" }.joined(separator: ", ")
        let left = try await psql(try await TestPostgres.shared(), "SELECT count(*) FROM pg_database WHERE datname IN (\(all))")
        #expect(left == "0")
    }

    @Test("a wrong password is refused, and there is no way in without one")
    func passwords() async throws {
        let server = try await TestPostgres.shared()
        let wrong = server.url(database: "postgres", user: LocalPostgres.adminUser, password: "wrong")
        let refused = await #expect(throws: PsqlFailure.self) { try await TestPostgres.psql(wrong, "SELECT 1") }
        #expect(refused?.description.contains("password authentication failed") == true)
        let without = server.url(database: "postgres", user: LocalPostgres.adminUser) + "?passfile=/dev/null"
        await #expect(throws: PsqlFailure.self) { try await TestPostgres.psql(without, "SELECT 1") }
    }

    @Test("with TLS a client can check whom it talks to")
    func tls() async throws {
        try await TestPostgres.withServer(durable: false, tls: true) { server in
            let checked = "\(server.adminURL)?sslmode=verify-full&sslrootcert=\(server.certificate.urlEncoded)"
            let encrypted = try await TestPostgres.psql(checked, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            #expect(encrypted == "t")
            let plain = try await TestPostgres.psql("\(server.adminURL)?sslmode=disable", "SELECT 1")
            #expect(plain == "1")
        }
    }

    @Test("settings of the caller's win, and a server for tests waits for no disk")
    func settings() async throws {
        try await TestPostgres.withServer(durable: false, settings: ["max_connections": "23"]) { server in
            let settings = try await psql(server, "SELECT current_setting('max_connections'), current_setting('fsync')")
            #expect(settings == "23|off")
        }
    }

    @Test("a server that cannot start says why, and leaves no folder")
    func badSetting() async throws {
        try await withTemporaryFolder { folder in
            var options = LocalPostgres.Options(settings: ["shared_buffers": "nonsense"])
            options.environment["TMPDIR"] = folder
            let error = await #expect(throws: LocalServerError.self) { try await LocalPostgres.start(options) }
            #expect(error?.code == .failed)
            #expect(error?.description.contains("shared_buffers") == true)
            let left = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(left == [])
        }
    }

    @Test("a port that was asked for and is taken is an error that names it")
    func takenPort() async throws {
        let server = try await TestPostgres.shared()
        let error = await #expect(throws: LocalServerError.self) { try await LocalPostgres.start(.init(port: server.port, durable: false)) }
        #expect(error?.code == .portTaken)
        #expect(error?.description.contains("\(server.port)") == true)
    }

    @Test("servers that start at once have a port each")
    func concurrentStarts() async throws {
        let servers = try await withThrowingTaskGroup(of: LocalPostgres.self) { group in
            for _ in 0..<4 { group.addTask { try await LocalPostgres.start(.init(durable: false)) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(servers.map(\.port)).count == 4)
        for server in servers { await server.stop() }
    }

    @Test("as root the server runs as another user, and data in a folder that only root may enter is no hindrance")
    func asRoot() async throws {
        try await withTemporaryFolder { folder in
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder)
            let server = try await LocalPostgres.start(.init(folder: "\(folder)/postgres", durable: false))
            #expect(try await psql(server, "SELECT 1") == "1")
            let owner = try #require(System.owner(of: "/proc/\(server.processIdentifier ?? 0)"))
            #expect(owner != 0)
            #expect(geteuid() == 0 || owner == geteuid())
            #expect(System.owner(of: "\(server.folder)/data") == owner)
            await server.stop()
        }
    }

    @Test("a server whose object is gone is stopped")
    func forgotten() async throws {
        var server: LocalPostgres? = try await LocalPostgres.start(.init(durable: false))
        let folder = try #require(server?.folder)
        server = nil
        try await eventually(within: .seconds(30), "its folder is removed") { !isThere(folder) }
    }

    @Test("a server dies with its process, even by SIGKILL, and takes its folder along")
    func diesWithParent() async throws {
        let result = try await #require(processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]) {
            let server = try await LocalPostgres.start(.init(durable: false))
            let text = Array("server \(server.processIdentifier ?? 0) \(server.folder)\n".utf8)
            _ = text.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
            _ = kill(getpid(), SIGKILL)
        }
        let line = String(decoding: result.standardOutputContent, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("server ") }
        let words = try #require(line).split(separator: " ")
        let pid = try #require(Int32(words[1]))
        try await eventually(within: .seconds(30), "the server is gone, and its folder") {
            ProcessTable.program(of: pid) == nil && !isThere(String(words[2]))
        }
    }
}
