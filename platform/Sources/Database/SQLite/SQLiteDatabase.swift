import Synchronization

/// The embedded engine: one SQLite file, used by one process.
///
/// - Writing: one connection on a thread of its own. Transactions and single writing statements take it in the order they came;
///   those that wait share commits (see docs/adr/0002). `synchronous=FULL`: a commit that was answered survives a power cut.
/// - Reading: a few connections on threads of their own read the last committed state, and never wait for writers (WAL).
///   A transaction takes the writer even if it only reads.
/// - A second opener of the file, in this process or another, is refused.
///
/// Foreign keys are enforced. `BEGIN`, `COMMIT`, `SAVEPOINT`, `ATTACH` and their like are refused as statements.
/// Avoid `OR ROLLBACK` and `RAISE(ROLLBACK, …)`: they undo the neighbours in the same commit too, who get `serializationFailure`.
public final class SQLiteDatabase: Database {
    public enum Storage: Hashable, Sendable {
        /// A file; it and the folders above it are made where they do not exist.
        case file(String)
        /// Memory, gone at shutdown. There is only the writing connection: reads wait their turn too.
        case memory
    }

    public struct Options: Sendable {
        /// Reading connections, each with a thread; more than cores gain little.
        public var readers = 2
        /// How long SQLite itself waits when another program, such as a shell or a backup, locks the file.
        public var busyTimeout = Duration.milliseconds(250)
        /// Callers that may wait for the writer, and as many for a reader; one more gets `poolExhausted`.
        public var waiterLimit = 1024
        /// Prepared statements kept by each connection; each takes a few kilobytes.
        public var statementCacheCapacity = 256
        /// Transactions that one commit may serve.
        public var groupSize = 128
        /// After this time no transaction joins a commit any more: it bounds how long those that have ended wait for it.
        public var groupAge = Duration.milliseconds(5)
        /// Whether to read the whole file through on opening (about a second for a gigabyte), so that damage is found at once.
        public var checksIntegrity = true
        /// How often a transaction or statement is run at most where another one in the same commit broke it off.
        public var attempts = 10
        /// SQLite's operating system interface; tests put a failing disk here.
        package var vfs: String?

        public init() {}
    }

    public let dialect = Dialect.sqlite
    package var statistics: Statistics { Statistics(counters: counters, waitingForWriter: writers.waiterCount) }

    private let counters: CommitGroup.Statistics
    private typealias Writer = ConnectionThread<CommitGroup>
    private typealias Reader = ConnectionThread<Connection>

    private let lock: FileLock?
    private let writer: Writer
    private let writers: Pool<Writer>
    private let readers: [Reader]
    private let readerPool: Pool<Reader>
    private let rerun: Rerun
    private let instruments = DatabaseInstruments(system: "sqlite", namespace: nil)

    /// Opens the database. Blocks the thread while the file is opened and checked, so call it at start-up.
    ///
    /// Throws `busy` if the file is in use, `corrupt` if it is damaged or no database, `unavailable` or `readOnly` if it cannot be
    /// opened or made; the message names the file and says in one line what to do.
    public init(_ storage: Storage, options: Options = Options()) throws(DatabaseError) {
        precondition(
            options.readers > 0 && options.waiterLimit > 0 && options.statementCacheCapacity > 0 && options.groupSize > 0 && options.attempts > 0)
        let group: CommitGroup
        var readers: [Reader] = []
        let counters = CommitGroup.Statistics()
        switch storage {
        case .memory:
            lock = nil
            group = CommitGroup(try Connection(writingTo: nil, options), options, counters)
        case .file(let path):
            if path.isEmpty { throw DatabaseError(.unavailable, "the path of the database is empty") }
            lock = try FileLock(for: path)
            do throws(DatabaseError) {
                group = CommitGroup(try Connection(writingTo: path, options), options, counters)
                for _ in 0..<options.readers { readers.append(Reader(try Connection(readingFrom: path, options))) }
            } catch {
                for reader in readers { reader.stop({ $0.close() }, then: {}) }
                throw error.opening(path)
            }
        }
        self.counters = counters
        rerun = Rerun(attempts: options.attempts)
        writer = Writer(group)
        writers = Pool([writer], waiterLimit: options.waiterLimit, what: "the writer of the database", name: "writer")
        self.readers = readers
        readerPool = Pool(readers, waiterLimit: options.waiterLimit, what: "a reader of the database", name: "readers")
    }

    /// Opens, or makes, the file at `path`.
    public convenience init(path: String, options: Options = Options()) throws(DatabaseError) {
        try self.init(.file(path), options: options)
    }

    deinit {
        // A database that was not shut down lets go of its file and threads all the same. Nothing runs: work holds a reference.
        for reader in readers { reader.stop({ $0.close() }, then: {}) }
        writer.stop({ $0.connection.close() }, then: { [lock] in lock?.release() })
    }

    public func shutdown() async {
        await readerPool.close()
        await writers.close()
        for reader in readers { await reader.stop { $0.close() } }
        await writer.stop { group in
            // What follows only saves the next opener time; closing is right without it.
            for pragma in ["analysis_limit=400", "optimize", "wal_checkpoint(TRUNCATE)"] {
                _ = try? group.connection.control("PRAGMA \(pragma)")
            }
            group.connection.close()
        }
        lock?.release()
    }

    // MARK: Statements

    @discardableResult public func query(_ sql: SQL) async throws -> [Row] {
        let rendered = sql.rendered(for: .sqlite)
        return try await instruments.statement(rendered.text) { meter in
            if !readers.isEmpty, rendered.mayBeRead, let rows = try await read(rendered, &meter) { return rows }
            return try await rerun {
                try await self.write(&meter) { group, turn, interrupt throws(DatabaseError) in try group.run(rendered, turn, interrupt).rows }
            }
        }
    }

    @discardableResult public func execute(_ sql: SQL) async throws -> Int {
        let rendered = sql.rendered(for: .sqlite)
        return try await instruments.statement(rendered.text) { meter in
            try await rerun {
                try await self.write(&meter) { group, turn, interrupt throws(DatabaseError) in try group.run(rendered, turn, interrupt).changes }
            }
        }
    }

    public func executeScript(_ script: String) async throws {
        try await instruments.statement("SCRIPT") { meter in
            try await rerun {
                try await self.write(&meter) { group, turn, interrupt throws(DatabaseError) in try group.runScript(script, turn, interrupt) }
            }
        }
    }

    /// The rows, or nil if the statement turns out to write.
    private func read(_ sql: RenderedSQL, _ meter: inout DatabaseInstruments.Meter) async throws(DatabaseError) -> [Row]? {
        let reader = try await readerPool.checkout(&meter)
        defer { readerPool.checkin(reader) }
        let interrupt = Interrupt()
        return try await reader.run(interrupt) { connection throws(DatabaseError) in
            try interrupt.check()
            let statement = try connection.prepare(sql.text)
            guard statement.isReadOnly else { return nil }
            return try connection.run(statement, sql.values, interrupt: interrupt).rows
        }
    }

    // MARK: Transactions

    @discardableResult public func withTransaction<T: Sendable>(
        _ isolation: Isolation, _ body: @Sendable (any SQLRunner) async throws -> T
    ) async throws -> T {
        try await instruments.transaction { meter in try await rerun { try await self.once(&meter, body) } }
    }

    private func once<T: Sendable>(
        _ meter: inout DatabaseInstruments.Meter, _ body: @Sendable (any SQLRunner) async throws -> T
    ) async throws -> T {
        meter.begin()
        let turn = try takeTurn()
        let writer = try await writers.checkout(&meter)
        var result: Result<T, any Error>
        do {
            let transaction = SQLiteTransaction(writer: writer, turn: turn, instruments: instruments)
            result = .success(try await Turn.$current.withValue(turn) { try await body(transaction) })
            // The commit is the transaction's last statement, and it is refused like any other.
            let interrupt = Interrupt()
            if Task.isCancelled { interrupt.cancel() }
            try interrupt.check()
        } catch {
            result = .failure(error)
        }
        let keep = (try? result.get()) != nil
        let failure: DatabaseError? = await withCheckedContinuation { continuation in
            writer.submit { group in
                // Never nil: the writer is not stopped while somebody has a turn.
                guard let group else { return continuation.resume(returning: .closed) }
                group.leave(turn, keep: keep) { continuation.resume(returning: $0) }
                self.passOn(group)
            }
        }
        if let failure { throw failure }
        return try result.get()
    }

    /// Runs a transaction that is over when `work` returns: one visit to the writer's thread.
    private func write<R: Sendable>(
        _ meter: inout DatabaseInstruments.Meter, _ work: @escaping @Sendable (CommitGroup, Turn, Interrupt) throws(DatabaseError) -> R
    ) async throws(DatabaseError) -> R {
        meter.begin()
        let turn = try takeTurn()
        let writer = try await writers.checkout(&meter)
        let interrupt = Interrupt()
        let result: Result<R, DatabaseError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                writer.submit { group in
                    guard let group else { return continuation.resume(returning: .failure(.closed)) }
                    let result = Result { () throws(DatabaseError) in try work(group, turn, interrupt) }
                    let keep = (try? result.get()) != nil
                    group.leave(turn, keep: keep) { failure in
                        continuation.resume(returning: failure.map { .failure($0) } ?? result)
                    }
                    self.passOn(group)
                }
            }
        } onCancel: {
            interrupt.cancel()
        }
        return try result.get()
    }

    private func takeTurn() throws(DatabaseError) -> Turn {
        try Turn.refuse(of: self)
        return Turn(of: self)
    }

    /// On the writer's thread, when a turn has ended: the next transaction joins the commit, or the commit happens.
    private func passOn(_ group: CommitGroup) {
        if group.mayGrow, writers.handOver(writer) { return }
        group.commit()
        writers.checkin(writer)
    }

    /// Counted since the database was opened.
    package struct Statistics: Sendable {
        fileprivate let counters: CommitGroup.Statistics

        /// Commits that succeeded.
        package var commits: Int { counters.commits.load(ordering: .relaxed) }
        /// Logical transactions that ran a statement, whatever became of them.
        package var transactions: Int { counters.transactions.load(ordering: .relaxed) }
        /// Callers in the writer's queue now.
        package let waitingForWriter: Int
    }
}

/// A transaction in the eyes of its body.
private struct SQLiteTransaction: SQLRunner {
    let writer: ConnectionThread<CommitGroup>
    let turn: Turn
    let instruments: DatabaseInstruments
    var dialect: Dialect { .sqlite }

    @discardableResult func query(_ sql: SQL) async throws -> [Row] { try await run(sql).rows }

    @discardableResult func execute(_ sql: SQL) async throws -> Int { try await run(sql).changes }

    func executeScript(_ script: String) async throws {
        let (turn, interrupt) = (turn, Interrupt())
        try await instruments.statement("SCRIPT") { _ in
            try await writer.run(interrupt) { group throws(DatabaseError) in try group.runScript(script, turn, interrupt) }
        }
    }

    private func run(_ sql: SQL) async throws -> Connection.Outcome {
        let (turn, interrupt, rendered) = (turn, Interrupt(), sql.rendered(for: .sqlite))
        return try await instruments.statement(rendered.text) { _ in
            try await writer.run(interrupt) { group throws(DatabaseError) in try group.run(rendered, turn, interrupt) }
        }
    }
}
