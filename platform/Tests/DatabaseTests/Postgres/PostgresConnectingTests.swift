import Database
import Foundation
import LocalServers
import Resilience
import Testing

@Suite(.timeLimit(.minutes(5))) struct PostgresConnectingTests {
    /// Expects that the server cannot be had, for a reason that `words` are part of, and that no secret is told.
    private func expectUnavailable(_ url: String, _ words: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        var options = PostgresDatabase.Options()
        // The server may be slow, and is not to be given up for that.
        options.connectTimeout = .seconds(60)
        let database = try PostgresDatabase(url: url, options: options)
        for attempt in ["query", "warmUp", "withTransaction"] {
            let error = await #expect(throws: DatabaseError.self, sourceLocation: sourceLocation) {
                switch attempt {
                case "query": _ = try await database.query("SELECT 1")
                case "warmUp": try await database.warmUp()
                default: try await database.withTransaction { _ = try await $0.query("SELECT 1") }
                }
            }
            #expect(error?.code == .unavailable, sourceLocation: sourceLocation)
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")", sourceLocation: sourceLocation)
            #expect(error.map { "\($0) \(String(reflecting: $0))".contains("secret") } == false, sourceLocation: sourceLocation)
        }
        await database.shutdown()
    }

    @Test("a wrong password is unavailable, and not repeated")
    func password() async throws {
        let server = try await PostgresServer.shared()
        try await expectUnavailable(server.url(database: "postgres", user: "postgres", password: "secret"), "password authentication failed")
    }

    @Test("a database that is not there is unavailable, and named")
    func unknownDatabase() async throws {
        let server = try await PostgresServer.shared()
        try await expectUnavailable(server.url(database: "nowhere"), #"database "nowhere" does not exist"#)
    }

    @Test("a port on which nobody listens is unavailable")
    func refused() async throws {
        let proxy = try Proxy(to: 1)
        proxy.end()
        try await expectUnavailable("postgres://user:secret@127.0.0.1:\(proxy.port)/name?connect_timeout=2", "onnection refused")
    }

    @Test("a server that hangs up at once is unavailable")
    func closing() async throws {
        let proxy = try Proxy(to: 1)
        defer { proxy.end() }
        proxy.set(.refusing)
        try await expectUnavailable("host=127.0.0.1 port=\(proxy.port) user=user password=secret dbname=name", "server closed the connection")
    }

    @Test("an address that cannot be read is refused at once, and not repeated", arguments: ["", "secret", "postgres://[secret", "secret=1"])
    func unreadable(url: String) throws {
        let error = #expect(throws: DatabaseError.self) { try PostgresDatabase(url: url) }
        #expect(error?.code == .unavailable)
        #expect(error.map { "\($0)".contains("secret") } == false)
    }

    @Test("a deadline is kept while the server does not answer to the connection")
    func deadline() async throws {
        let proxy = try Proxy(to: 1)
        defer { proxy.end() }
        proxy.set(.stalling)
        var options = PostgresDatabase.Options()
        // Beyond the suite's time limit of five minutes.
        options.connectTimeout = .seconds(600)
        options.connections = 2
        let database = try PostgresDatabase(url: "postgres://user@127.0.0.1:\(proxy.port)/name", options: options)
        for _ in 0..<3 {
            try await expect(.timeout) { try await Deadline.with(.after(.milliseconds(30))) { _ = try await database.query("SELECT 1") } }
            try await expect(.timeout) {
                try await Deadline.with(.after(.milliseconds(30))) { try await database.withTransaction { _ = try await $0.query("SELECT 1") } }
            }
            let task = Task { try await database.withTransaction { _ = try await $0.query("SELECT 1") } }
            task.cancel()
            try await expect(.cancelled) { try await task.value }
        }
        // The attempt itself goes on, for whoever comes next; no caller made another one beside it.
        #expect(proxy.accepted <= 2)
        proxy.cut()
        await database.shutdown()
    }

    @Test("while the server is down callers are refused without trying, and find it again when it is back")
    func failFast() async throws {
        let proxy = try await Proxy.beforeServer()
        defer { proxy.end() }
        proxy.set(.refusing)
        try await Store.withPostgres(connections: 4, port: proxy.port) { database, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0..<500 {
                            let found = try await code { _ = try await database.query("SELECT 1") }
                            try #require(found == .unavailable)
                        }
                    }
                }
                try await group.waitForAll()
            }
            // Of 4,000 callers.
            #expect(proxy.accepted < 400)
            proxy.set(.passing)
            try await untilItSucceeds { _ = try await database.query("SELECT 1") }
            try await database.warmUp()
        }
    }

    @Test("there are never more connections than the limit, and callers share them")
    func limit() async throws {
        try await Store.withPostgres(connections: 3) { database, administrator in
            let done = Event()
            let watcher = Task {
                var most = 0
                repeat { most = max(most, try await administrator.connections()) } while !done.hasHappened
                return most
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<60 {
                    group.addTask {
                        let answer: Int = try await database.withTransaction { transaction in
                            try await transaction.query("SELECT \(number) FROM pg_sleep(0.01)")[0].decode(0)
                        }
                        #expect(answer == number)
                    }
                }
                try await group.waitForAll()
            }
            done.happen()
            let most = try await watcher.value
            #expect(most <= 3)
            #expect(most > 0)
        }
    }

    @Test("warming up opens all connections")
    func warmUp() async throws {
        try await Store.withPostgres(connections: 5) { database, administrator in
            #expect(try await administrator.connections() == 0)
            try await database.warmUp()
            #expect(try await administrator.connections() == 5)
        }
    }

    @Test("a database that is dropped without shutdown closes its connections; so does a shutdown")
    func dropped() async throws {
        try await Store.withPostgres { _, administrator in
            var options = PostgresDatabase.Options()
            options.applicationName = "dropped-\(UInt64.random(in: 0...(.max)))"
            var database: PostgresDatabase? = try PostgresDatabase(url: administrator.store.url(), options: options)
            let count: SQL = "(SELECT count(*) FROM pg_stat_activity WHERE application_name = \(options.applicationName))"
            try await database?.warmUp()
            try await administrator.until("\(count) = \(options.connections)")
            database = nil
            try await administrator.until("\(count) = 0")

            let other = try PostgresDatabase(url: administrator.store.url(), options: options)
            try await other.warmUp()
            await other.shutdown()
            try await administrator.until("\(count) = 0")
            try await expect(.closed) { try await other.warmUp() }
        }
    }
}
