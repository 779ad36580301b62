import Database
import HTTPPath
import HTTPTypes
import LocalServers
import TestKit
import Testing

@testable import ServiceKit

#if canImport(FoundationEssentials)
import FoundationEssentials
#endif

@Suite("The service's database")
struct OpenDatabaseTests {
    private func parts(_ settings: [String: String]) throws(ConfigurationError) -> String? {
        try PostgresParts(Boot(service: "parcel-service", settings: Settings(settings), logger: LogCapture().logger("test")))?.connectionString
    }

    private func refusal(_ settings: [String: String]) async -> String {
        var all = ["DATABASE_URL": ""]
        all.merge(settings) { $1 }
        do {
            try await withService(ParcelService().definition, settings: all) { _ in }
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("without DB_HOST its parts say nothing")
    func noParts() throws {
        #expect(try parts([:]) == nil)
        #expect(try parts(["DB_NAME": "x", "DB_PASSWORD": "y"]) == nil)
    }

    @Test("a server by its parts: database and role are called like the service, and every value is quoted as libpq reads it")
    func parts() throws {
        #expect(try parts(["DB_HOST": "db"]) == "host='db' port='5432' dbname='parcel_service' user='parcel_service'")
        let all = try parts([
            "DB_HOST": "/run/pg", "DB_PORT": "6543", "DB_NAME": "my db", "DB_USER": "o'hara", "DB_PASSWORD": #"a\'b =c"#, "DB_SSLMODE": "verify-full",
            "DB_SSLROOTCERT": "/etc/ca.pem",
        ])
        #expect(
            all == #"""
                host='/run/pg' port='6543' dbname='my db' user='o\'hara' password='a\\\'b =c' sslmode='verify-full' sslrootcert='/etc/ca.pem'
                """#)
    }

    @Test("a password may be in a file, whose last line end is no part of it", arguments: ["s e'cret", "s e'cret\n", "s e'cret\r\n"])
    func passwordFile(_ content: String) async throws {
        try await withTemporaryFolder { folder in
            let file = "\(folder)/password"
            try content.write(toFile: file, atomically: true, encoding: .utf8)
            #expect(try parts(["DB_HOST": "db", "DB_PASSWORD_FILE": file])?.hasSuffix(#"password='s e\'cret'"#) == true)
        }
    }

    @Test("settings that contradict each other, or cannot be used, are refused by name, and no secret is repeated")
    func refused() async throws {
        try await withTemporaryFolder { folder in
            let empty = "\(folder)/empty"
            try "\n".write(toFile: empty, atomically: true, encoding: .utf8)
            let cases: [([String: String], String)] = [
                (["DATABASE_URL": "mysql://x:hunter2@y/z"], "DATABASE_URL must be sqlite:PATH, sqlite::memory:, or postgres://"),
                (["DATABASE_URL": "postgres://x:hunter2@y:port/z"], "DATABASE_URL cannot be used"),
                (["DATABASE_URL": "postgresql://x:hunter2@y/z?nonsense=1"], "DATABASE_URL cannot be used"),
                (["DATABASE_URL": "postgresql://x:hunter2@y/z?sslmode=on"], "DATABASE_URL cannot be used"),
                (["DATABASE_URL": "postgres://x:hunter2@y/z", "DB_SSLMODE": "verify-full"], "DB_SSLMODE goes with DB_HOST"),
                (["DB_HOST": "y", "DB_PASSWORD": "hunter2", "DB_PASSWORD_FILE": empty], "DB_PASSWORD and DB_PASSWORD_FILE are both set"),
                (["DB_HOST": "y", "DB_PASSWORD_FILE": "\(folder)/none"], "DB_PASSWORD_FILE must name a file"),
                (["DB_HOST": "y", "DB_PASSWORD_FILE": empty], "DB_PASSWORD_FILE names an empty file"),
                (["DB_HOST": "y", "DB_SSLMODE": "on"], "DB_SSLMODE must be one of disable, allow, prefer, require, verify-ca, verify-full"),
                (["DB_HOST": "y", "DATABASE_POOL_SIZE": "0"], "DATABASE_POOL_SIZE must be a whole number from 1 to 200"),
                (["DB_HOST": "y", "DATABASE_START_TIMEOUT_SECONDS": "-1"], "DATABASE_START_TIMEOUT_SECONDS must be a number of seconds"),
            ]
            for (settings, expected) in cases {
                let refusal = await refusal(settings)
                #expect(refusal.hasPrefix(expected), "\(settings)")
                #expect(!refusal.contains("hunter2"))
            }
        }
    }

    @Test("a server that is not there in time is named with its port, and without the password")
    func unreachable() async throws {
        let logs = LogCapture()
        let settings = ["DATABASE_URL": "postgres://x:hunter2@127.0.0.1:1/z", "DATABASE_START_TIMEOUT_SECONDS": "0"]
        let boot = Boot(service: "parcel-service", settings: Settings(settings), logger: logs.logger("test"))
        let error = await #expect(throws: DatabaseError.self) { try await openDatabase(boot, defaultFile: "x") }
        #expect(error?.code == .unavailable)
        #expect(error?.message.hasPrefix("the PostgreSQL server at 127.0.0.1:1 could not be reached within 0.0 seconds: ") == true)
        #expect(!"\(logs.records)\(String(describing: error))".contains("hunter2"))
    }

    @Test("a server that comes later is waited for, by its name and port in the log, and found")
    func late() async throws {
        try await TestPostgres.withServer(durable: false) { server in
            server.kill()
            await server.untilEnded()
            let logs = LogCapture()
            let boot = Boot(
                service: "parcel-service", settings: Settings(["DATABASE_URL": server.adminURL, "DATABASE_START_TIMEOUT_SECONDS": "600"]),
                logger: logs.logger("test"))
            async let database = openDatabase(boot, defaultFile: "x")
            try await eventually(within: .seconds(300), "the wait is logged") { logs.records.contains { $0.message.hasPrefix("the database is not there yet") } }
            #expect(logs.records.first?.metadata["server"] == "127.0.0.1:\(server.port)")
            #expect(!"\(logs.records)".contains(server.password))
            try await server.restart()
            let opened = try await database
            #expect(try await opened.query("SELECT 1 AS one")[0].decode("one", as: Int.self) == 1)
            await opened.shutdown()
        }
    }

    @Test("a server by its parts is opened, and health says which engine it is, and no more", arguments: [TestStore.memory, .postgres])
    func health(_ store: TestStore) async throws {
        try await withService(ParcelService().definition, store: store) { service in
            let health = try await service.client.get("/health").expect(200)
            let dependency = health.json["dependencies"]?[0]
            #expect(dependency?["engine"] == (store == .memory ? "sqlite" : "postgresql"))
            #expect(dependency?["status"] == "up")
            #expect(!health.text.contains("postgres:") && !health.text.contains("127.0.0.1"))
        }
    }

    @Test(
        "where the server is, is said without user and password",
        arguments: [
            ("postgres://u:p@db:5433/x", "db:5433"), ("postgresql://u:p@db/x", "db:5432"), ("postgres://u:p@a:1,b:2/x", "a:1,b:2"),
            ("host=a,b port=6 password=p", "a:6,b:6"), ("hostaddr=10.0.0.1", "10.0.0.1:5432"), ("host=/run/pg", "/run/pg:5432"),
            ("dbname=x port=7", "the local socket, port 7"),
        ])
    func server(_ url: String, _ server: String) async throws {
        let database = try PostgresDatabase(url: url)
        #expect(database.server == server)
        await database.shutdown()
    }
}
