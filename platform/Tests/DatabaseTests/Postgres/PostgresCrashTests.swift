import Database
import LocalServers
import Resilience
import Testing

@Suite(.serialized, .timeLimit(.minutes(5))) struct PostgresCrashTests {
    /// What eight callers who never give up were told about the rows that they wrote.
    private struct Told: Sendable {
        var acknowledged: Set<Int> = []
        var unknown: Set<Int> = []
        var refused: Set<Int> = []
        var codes: Set<DatabaseError.Code> = []
    }

    @Test("after kill -9 and a restart what was acknowledged is there once, and callers recover by themselves")
    func kill() async throws {
        let server = try await LocalPostgres.start(.init(durable: true))
        defer { server.kill() }
        var options = PostgresDatabase.Options()
        options.connections = 4
        let database = try PostgresDatabase(url: server.adminURL, options: options)
        try await database.execute("CREATE TABLE t (n bigint PRIMARY KEY)")
        let told = Shared(Told())
        let (before, isBack) = (Rendezvous(9), Event())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    var (round, successesAfter, successesBefore) = (0, 0, 0)
                    while successesAfter < 20 {
                        let number = task * 1_000_000 + round
                        round += 1
                        do {
                            if round.isMultiple(of: 2) {
                                try await database.execute("INSERT INTO t VALUES (\(number))")
                            } else {
                                try await database.withTransaction { try await $0.execute("INSERT INTO t VALUES (\(number))") }
                            }
                            told.change { $0.acknowledged.insert(number) }
                            if isBack.hasHappened { successesAfter += 1 }
                            successesBefore += 1
                            if successesBefore == 20 { await before.arrive() }
                        } catch let error as DatabaseError {
                            told.change { told in
                                told.codes.insert(error.code)
                                if error.code == .commitUnknown { told.unknown.insert(number) } else { told.refused.insert(number) }
                            }
                            try Task.checkCancellation()
                            await Task.yield()
                        }
                    }
                }
            }
            await before.arrive()
            server.kill()
            await server.untilEnded()
            try await server.restart()
            isBack.happen()
            try await group.waitForAll()
        }
        let all = told.value
        let rows = try await database.query("SELECT n FROM t").map { try $0.decode(0, as: Int.self) }
        #expect(all.acknowledged.isSubset(of: rows))
        #expect(all.refused.isDisjoint(with: rows))
        #expect(Set(rows).isSubset(of: all.acknowledged.union(all.unknown)))
        #expect(all.codes.isSubset(of: [.connectionLost, .commitUnknown, .unavailable]))
        #expect(all.codes.contains(.unavailable))
        await database.shutdown()
        await server.stop()
    }

    @Test("a server that is stopped in order, and started again, is found again")
    func restart() async throws {
        let server = try await LocalPostgres.start(.init(durable: false))
        let database = try PostgresDatabase(url: server.adminURL)
        try await database.warmUp()
        try await server.restart()
        try await untilItSucceeds { _ = try await database.query("SELECT 1") }
        try await database.warmUp()
        await database.shutdown()
        await server.stop()
    }
}
