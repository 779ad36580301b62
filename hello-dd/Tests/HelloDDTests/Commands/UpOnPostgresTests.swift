import Foundation
import LocalServers
import TestKit
import Testing

@testable import HelloDD

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The program with real PostgreSQL servers, and services that are small scripts.
@Suite(.serialized)
struct UpOnPostgresTests {
    private func ask(_ shop: FakeShop, _ database: String, _ sql: String) async throws -> CommandResult {
        try await shop.run(["psql", database, "--data", shop.data, "--", "--no-psqlrc", "--quiet", "-t", "-A", "-c", sql])
    }

    private func answer(_ shop: FakeShop, _ database: String, _ sql: String) async throws -> String {
        let result = try await ask(shop, database, sql)
        #expect(result.code == 0, "\(result.errors)")
        return result.output.trimmingCharacters(in: .newlines)
    }

    @Test("up --with-servers: a role and a database a service, a server that comes back, data that stays, and nothing left at the end")
    func withServers() async throws {
        let shop = try FakeShop()
        let up = try await shop.up("--with-servers")
        #expect(up.code == 0, "\(up.errors)")
        #expect(up.output.contains("PostgreSQL at 127.0.0.1:"))
        #expect(up.output.contains("Redis at 127.0.0.1:"))
        #expect(up.output.contains("psql inventory --data"))

        let database = try #require(try await shop.status().database)
        #expect(database.engine == "postgres" && database.ownServer)
        let first = try #require(database.pid)
        for name in ["inventory", "pricing", "orders"] {
            let who = try await answer(
                shop, name, "SELECT current_user, current_database(), pg_get_userbyid(datdba) FROM pg_database WHERE datname = '\(name)'")
            #expect(who == "\(name)|\(name)|\(name)")
        }
        let stranger = try await ask(shop, "pricing", "\\connect inventory")
        #expect(stranger.errors.contains("permission denied for database"))
        _ = try await answer(shop, "inventory", "CREATE TABLE t (n int); INSERT INTO t VALUES (1)")
        let doctor = try await shop.run(["doctor", "--data", shop.data, "--bin", shop.binaries])
        #expect(doctor.output.contains("✓ the services' databases on 127.0.0.1:"))

        kill(first, SIGKILL)
        try await shop.waitUntil("the server is back") { ($0.database?.pid).map { $0 != first } == true }
        #expect(try await answer(shop, "inventory", "INSERT INTO t VALUES (2); SELECT count(*) FROM t") == "2")

        let down = try await shop.run(["down", "--data", shop.data])
        #expect(down.code == 0)
        #expect(down.output.contains("postgresql stopped"))
        let refused = try await ask(shop, "inventory", "SELECT 1")
        #expect(refused.code == 1)
        #expect(refused.errors.contains("not running"))

        #expect(try await shop.up("--with-servers").code == 0)
        #expect(try await answer(shop, "inventory", "SELECT count(*) FROM t") == "2")
        let status = try await shop.status()
        let server = try #require(status.database?.pid)
        kill(try #require(status.supervisorPid), SIGKILL)
        try await eventually(within: .seconds(60), "the server is gone with its supervisor") { ProcessIdentity(of: server) == nil }
        #expect(try await shop.up("--with-servers").code == 0)
        #expect(try await answer(shop, "inventory", "SELECT count(*) FROM t") == "2")
        try await shop.down()
    }

    @Test(
        "the real services run on a server of the shop's own, each with its database, and the tour has no surprise, also after the server was killed")
    func tour() async throws {
        let shop = try FakeShop()
        let ports = ["--gateway-port", "0", "--inventory-port", "0", "--pricing-port", "0", "--no-console"]
        let up = try await shop.run(["up", "--detach", "--with-servers", "--data", shop.data] + ports)
        #expect(up.code == 0, "\(up.errors)")
        for name in ["inventory", "pricing", "orders"] {
            let foreign = try await answer(shop, name, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner <> '\(name)'")
            #expect(foreign == "0")
            let own = try await answer(shop, name, "SELECT count(*) > 1 FROM pg_tables WHERE schemaname = 'public'")
            #expect(own == "t")
        }
        let first = try await shop.run(["demo", "--brief", "--data", shop.data])
        #expect(first.code == 0, "\(first.output)\(first.errors)")
        let server = try #require(try await shop.status().database?.pid)
        kill(server, SIGKILL)
        // The services' own word: ready means that their database answers.
        try await shop.waitUntil("the server is back") { ($0.database?.pid).map { $0 != server } == true }
        try await eventually(within: .seconds(60), "the services have found it") {
            try await shop.run(["health", "--data", shop.data]).output.contains("✗") == false
        }
        let second = try await shop.run(["demo", "--brief", "--data", shop.data])
        #expect(second.code == 0, "\(second.output)\(second.errors)")
        try await shop.down()
        // No file of SQLite's was made beside it.
        let files = Files.list(shop.data).filter { $0.hasSuffix(".sqlite") }
        #expect(files == [])
    }

    @Test("up --with-servers without PostgreSQL is one line that says what to install")
    func absent() async throws {
        let shop = try FakeShop()
        let up = try await shop.up("--with-servers", environment: ["POSTGRES_BIN": "/nowhere"])
        #expect(up.code == 1)
        #expect(up.errors.contains("Error: POSTGRES_BIN is /nowhere, but 'postgres' is not there: install PostgreSQL's server"))
        let doctor = try await shop.run(["doctor", "--data", shop.data, "--bin", shop.binaries], environment: ["POSTGRES_BIN": "/nowhere"])
        #expect(doctor.output.contains("✓ PostgreSQL is not installed; only `up --with-servers` needs it"))
    }

    @Test("up --postgres: on a server that runs, also as a user who is no superuser; a second time nothing is made anew, also without the folder")
    func onServer() async throws {
        try await TestPostgres.withServer(durable: false) { server in
            try await TestPostgres.psql(server.adminURL, "CREATE ROLE boss LOGIN CREATEROLE CREATEDB PASSWORD 'secret'")
            let url = server.url(database: "postgres", user: "boss", password: "secret")
            let shop = try FakeShop()
            let up = try await shop.up("--postgres", url)
            #expect(up.code == 0, "\(up.errors)")
            let database = try #require(try await shop.status().database)
            #expect(database.engine == "postgres" && !database.ownServer && database.pid == nil)
            _ = try await answer(shop, "orders", "CREATE TABLE t (n int)")
            let settings = try String(contentsOfFile: "\(shop.data)/run.json", encoding: .utf8)
            #expect(!settings.contains("secret"))
            try await shop.down()
            let mode = try FileManager.default.attributesOfItem(atPath: "\(shop.data)/postgres.json")[.posixPermissions] as? Int
            #expect(mode == 0o600)

            #expect(try await shop.up("--postgres", url).code == 0)
            let count = try await answer(shop, "orders", "SELECT count(*) FROM t")
            #expect(count == "0")
            try await shop.down()

            // Another folder, as if this one had been removed: the roles are the shop's, so they get new passwords.
            let other = try FakeShop()
            let again = try await other.up("--postgres", url)
            #expect(again.code == 0, "\(again.errors)")
            try await other.down()
            let old = try await shop.up("--postgres", url)
            #expect(old.code == 1)
            #expect(old.errors.contains("postgres.json is not the server's"))
        }
    }

    @Test("what keeps up --postgres from preparing the server is one line that says what to do")
    func refusals() async throws {
        try await TestPostgres.withServer(durable: false) { server in
            let shop = try FakeShop()
            func refusal(_ url: String) async throws -> String {
                let up = try await shop.up("--postgres", url, environment: ["PGCONNECT_TIMEOUT": "5"])
                #expect(up.code == 1)
                let lines = up.errors.split(separator: "\n")
                #expect(lines.count == 1, "\(up.errors)")
                return up.errors
            }
            let password = try await refusal(server.url(database: "postgres", user: "postgres", password: "wrong"))
            #expect(password.contains("password authentication failed") && password.contains("PGPASSWORD"))
            #expect(!password.contains("wrong"))

            try await TestPostgres.psql(server.adminURL, "CREATE ROLE reader LOGIN PASSWORD 'r'; CREATE ROLE half LOGIN CREATEROLE PASSWORD 'h'")
            let role = try await refusal(server.url(database: "postgres", user: "reader", password: "r"))
            #expect(role.contains("user reader may not make the role inventory") && role.contains("ALTER ROLE \"reader\" CREATEROLE"))
            let database = try await refusal(server.url(database: "postgres", user: "half", password: "h"))
            #expect(database.contains("user half may not make the database inventory") && database.contains("CREATEDB"))

            try await TestPostgres.psql(server.adminURL, "CREATE ROLE pricing LOGIN")
            try await TestPostgres.psql(server.adminURL, "CREATE DATABASE orders")
            let foreignRole = try await refusal(server.adminURL)
            #expect(foreignRole.contains("there is a role pricing on 127.0.0.1:\(server.port) that hello-dd did not make"))
            try await TestPostgres.psql(server.adminURL, "DROP ROLE pricing")
            let foreignDatabase = try await refusal(server.adminURL)
            #expect(foreignDatabase.contains("the database orders") && foreignDatabase.contains("belongs to postgres"))

            await server.stop()
            let absent = try await refusal(server.adminURL)
            #expect(absent.contains("no PostgreSQL server answers at 127.0.0.1:\(server.port)") && absent.contains("--with-servers"))
        }
    }

    @Test(
        "options that contradict each other are refused",
        arguments: [
            (["--with-servers", "--postgres", "postgres://x"], "exclude each other"), (["--ephemeral", "--postgres", "postgres://x"], "would stay"),
            (["--postgres", "localhost"], "wants an address such as postgres://"),
        ])
    func contradictions(arguments: [String], text: String) async throws {
        let result = try await runCommand(FakeShop.program, ["up"] + arguments)
        #expect(result.code == 64 || result.code == 1)
        #expect(result.errors.contains(text))
    }
}
