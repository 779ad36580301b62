import Database
import Resilience
import Testing

@Suite(.timeLimit(.minutes(5))) struct PostgresCancellationTests {
    private enum Kind: CaseIterable { case read, write, transaction }
    private enum End: CaseIterable { case itself, deadline, cancellation }

    private struct Operation: Sendable {
        var number: Int
        var kind: Kind
        var end: End
        /// Seconds that the statement takes.
        var seconds: Double
        /// After which the caller has enough.
        var patience: Duration

        init(_ number: Int, _ random: inout SplitMix64) {
            self.number = number
            kind = Kind.allCases.randomElement(using: &random)!
            end = End.allCases.randomElement(using: &random)!
            seconds = .random(in: 0...0.004, using: &random)
            patience = .microseconds(.random(in: 0...6000, using: &random))
        }

        func run(on database: PostgresDatabase) async throws -> Int {
            let (number, seconds) = (number, seconds)
            switch kind {
            case .read: return try await database.query("SELECT \(number) FROM pg_sleep(\(seconds))")[0].decode(0)
            case .write: return try await database.query("INSERT INTO t SELECT \(number) FROM pg_sleep(\(seconds)) RETURNING n")[0].decode(0)
            case .transaction:
                return try await database.withTransaction { transaction in
                    try await transaction.execute("INSERT INTO t VALUES (\(number))")
                    return try await transaction.query("SELECT n FROM t, pg_sleep(\(seconds)) WHERE n = \(number)")[0].decode(0)
                }
            }
        }

        /// What came out; nil if it was broken off, as it was to be.
        func outcome(on database: PostgresDatabase) async throws -> Int? {
            switch end {
            case .itself: return try await run(on: database)
            case .deadline:
                do {
                    return try await Deadline.with(.after(patience)) { try await run(on: database) }
                } catch let error as DatabaseError {
                    #expect(error.code == .timeout)
                    return nil
                }
            case .cancellation:
                let task = Task { try await run(on: database) }
                try? await Task.sleep(for: patience)
                task.cancel()
                do {
                    return try await task.value
                } catch let error as DatabaseError {
                    #expect(error.code == .cancelled)
                    return nil
                }
            }
        }
    }

    @Test("in a storm of cancellations and deadlines each answer is of its own statement, and what was broken off is not there")
    func storm() async throws {
        try await Store.withPostgres(connections: 4) { database, administrator in
            try await database.execute("CREATE TABLE t (n bigint PRIMARY KEY)")
            let written = try await withThrowingTaskGroup(of: [Int].self) { group in
                for task in 0..<32 {
                    group.addTask {
                        var random = SplitMix64(seed: UInt64(task))
                        var written: [Int] = []
                        for round in 0..<40 {
                            let operation = Operation(task * 1000 + round, &random)
                            guard let answer = try await operation.outcome(on: database) else { continue }
                            #expect(answer == operation.number)
                            if operation.kind != .read { written.append(operation.number) }
                        }
                        return written
                    }
                }
                return try await group.reduce(into: Set<Int>()) { $0.formUnion($1) }
            }
            let rows = try await database.query("SELECT n FROM t").map { try $0.decode(0, as: Int.self) }
            #expect(Set(rows) == written)
            #expect(!written.isEmpty)

            // Every connection is still there, and of use.
            let all = Rendezvous(4)
            let processes = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await database.withTransaction { transaction in
                            let process = try await transaction.process()
                            await all.arrive()
                            return process
                        }
                    }
                }
                return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
            }
            #expect(processes.count == 4)
            #expect(try await administrator.connections() == 4)
        }
    }

    @Test("a deadline is kept in whatever moment it passes")
    func anyMoment() async throws {
        try await Store.withPostgres(connections: 4) { database, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<4 {
                    group.addTask {
                        var random = SplitMix64(seed: UInt64(task))
                        for _ in 0..<100 {
                            let patience = Duration.microseconds(.random(in: 1...3000, using: &random))
                            try await expect(.timeout) {
                                try await Deadline.with(.after(patience)) { _ = try await database.query("SELECT pg_sleep(3600)") }
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("what is cancelled ends at the server too, and its connection serves the next caller")
    func endsAtServer() async throws {
        try await Store.withPostgres(connections: 1) { database, administrator in
            let process = try await database.process()
            let task = Task { try await database.query("SELECT pg_sleep(3600)") }
            try await administrator.untilSleeping()
            task.cancel()
            try await expect(.cancelled) { _ = try await task.value }
            #expect(try await database.process() == process)
            #expect(try await administrator.database.query("SELECT state FROM pg_stat_activity WHERE pid = \(process)")[0].decode(0) == "idle")
        }
    }

    @Test("a script is stopped like a statement, and leaves nothing")
    func script() async throws {
        try await Store.withPostgres(connections: 1) { database, administrator in
            let task = Task { try await database.executeScript("CREATE TABLE t (n bigint); SELECT pg_sleep(3600); CREATE TABLE u (n bigint)") }
            try await administrator.untilSleeping()
            task.cancel()
            try await expect(.cancelled) { try await task.value }
            try await expect(.statement) { _ = try await database.count("t") }
            #expect(try await database.query("SELECT 7")[0].decode(0, as: Int.self) == 7)
        }
    }

    @Test("a server that answers nothing any more is given up, and the caller gets the reason for which it wanted to stop")
    func silence() async throws {
        let proxy = try await Proxy.beforeServer()
        defer { proxy.end() }
        try await Store.withPostgres(connections: 1, port: proxy.port) { database, administrator in
            try await database.warmUp()
            let task = Task { try await database.query("SELECT pg_sleep(3600)") }
            try await administrator.untilSleeping()
            proxy.set(.stalling)
            // Nobody tells the server, and nothing comes back: the connection is closed after ten seconds.
            task.cancel()
            try await expect(.cancelled) { _ = try await task.value }
            proxy.set(.passing)
            proxy.cut()
            #expect(try await database.query("SELECT 7")[0].decode(0, as: Int.self) == 7)
            // The server notices only when the statement is over.
            #expect(try await administrator.connections() == 2)
            try await administrator.database.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = \(administrator.application) AND state = 'active'")
        }
    }
}
