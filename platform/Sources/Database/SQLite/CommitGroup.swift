import Synchronization

/// The connection that writes, and the transaction open on it, which several logical transactions may share.
///
/// Each logical transaction is a savepoint. When it ends and others wait, the next one joins the same outer transaction; one
/// commit then makes all of them durable, and only after it is anybody answered. One disk flush serves many callers.
///
/// An error that makes SQLite roll back the outer transaction (a full disk, a write interrupted at its deadline) loses the group:
/// those that had ended get an error too, and nothing of them was written. Lives on the writer's thread.
final class CommitGroup {
    /// Told once how the group ended: nil if the commit succeeded.
    typealias Answer = @Sendable (DatabaseError?) -> Void

    /// Shared with the outside, for tests.
    final class Statistics: Sendable {
        let commits = Atomic<Int>(0)
        let transactions = Atomic<Int>(0)
    }

    let connection: Connection
    private let maximumSize: Int
    private let maximumAge: Duration
    private let statistics: Statistics

    private var isOpen = false
    private var openedAt = ContinuousClock.now
    private var size = 0
    private var members: [Answer] = []

    // Of the logical transaction whose turn it is.
    private var hasSavepoint = false
    private var loss: DatabaseError?
    private var failure: DatabaseError?

    /// - Parameters:
    ///   - maximumSize: logical transactions in one commit.
    ///   - maximumAge: no transaction joins a group that began longer ago, so that those which have ended are answered soon.
    init(_ connection: Connection, maximumSize: Int, maximumAge: Duration, statistics: Statistics) {
        self.connection = connection
        self.maximumSize = maximumSize
        self.maximumAge = maximumAge
        self.statistics = statistics
    }

    /// Runs a statement of the transaction whose turn it is.
    func run(_ sql: RenderedSQL, _ turn: Turn, _ interrupt: Interrupt) throws(DatabaseError) -> Connection.Outcome {
        try inside(turn, interrupt) { () throws(DatabaseError) in
            try connection.run(connection.prepare(sql.text), sql.values, interrupt: interrupt, isAlone: members.isEmpty)
        }
    }

    func runScript(_ script: String, _ turn: Turn, _ interrupt: Interrupt) throws(DatabaseError) {
        try inside(turn, interrupt) { () throws(DatabaseError) in
            try connection.runScript(script, interrupt: interrupt, isAlone: members.isEmpty)
        }
    }

    private func inside<R>(_ turn: Turn, _ interrupt: Interrupt, _ work: () throws(DatabaseError) -> R) throws(DatabaseError) -> R {
        if turn.hasEnded { throw .ended }
        if let loss { throw loss }
        // SQLite would go on; but a program that works on both engines cannot.
        if let failure { throw .afterFailure(failure) }
        try interrupt.check()
        // Begun by the first statement, so that a turn without any costs nothing.
        if !isOpen {
            // Left over only if a rollback failed.
            if connection.isInTransaction { try connection.control("ROLLBACK") }
            try connection.control("BEGIN IMMEDIATE")
            isOpen = true
            openedAt = .now
            size = 0
        }
        if !hasSavepoint {
            try connection.control("SAVEPOINT turn")
            hasSavepoint = true
        }
        do throws(DatabaseError) {
            return try work()
        } catch {
            failure = error
            if !connection.isInTransaction { lose(error) }
            throw error
        }
    }

    /// Ends the turn. `answer` is called when it is known what became of the transaction.
    ///
    /// - Parameter keep: whether to keep what it wrote. If not, `answer` gets nil unless the group's commit fails: what a
    ///   transaction refused to do, it may have refused because of rows that are not durable yet.
    func leave(_ turn: Turn, keep: Bool, _ answer: @escaping Answer) {
        turn.end()
        defer {
            loss = nil
            failure = nil
            hasSavepoint = false
        }
        guard hasSavepoint else { return answer(keep ? loss : nil) }
        size += 1
        statistics.transactions.add(1, ordering: .relaxed)
        var failure = keep ? failure : nil
        do throws(DatabaseError) {
            if keep, failure == nil, connection.hasDeferredViolations {
                // Found here and not at the commit, where it would fail the neighbours.
                failure = DatabaseError(.foreignKeyViolation, "a deferred foreign key constraint failed")
            }
            if !keep || failure != nil { try connection.control("ROLLBACK TO turn") }
            try connection.control("RELEASE turn")
        } catch {
            if connection.isInTransaction { _ = try? connection.control("ROLLBACK") }
            lose(error)
            return answer(keep ? error : nil)
        }
        if members.isEmpty, !keep || failure != nil { return answer(failure) }
        members.append { [failure] in answer($0 ?? failure) }
    }

    /// Whether another transaction may join.
    var mayGrow: Bool { isOpen && size < maximumSize && .now - openedAt < maximumAge }

    /// Commits, and answers everybody who has left.
    func commit() {
        guard isOpen else { return }
        isOpen = false
        var failure: DatabaseError?
        do throws(DatabaseError) {
            if members.isEmpty {
                try connection.control("ROLLBACK")
            } else {
                try connection.control("COMMIT")
                statistics.commits.add(1, ordering: .relaxed)
            }
        } catch {
            // A failing disk may have kept the commit record all the same.
            failure = error.code == .unavailable ? DatabaseError(.commitUnknown, error.message) : error
            if connection.isInTransaction { _ = try? connection.control("ROLLBACK") }
        }
        answerMembers(failure)
    }

    private func lose(_ error: DatabaseError) {
        isOpen = false
        hasSavepoint = false
        loss = error
        switch error.code {
        case .diskFull, .unavailable, .corrupt, .readOnly: answerMembers(error)
        default:
            answerMembers(
                DatabaseError(.serializationFailure, "another transaction in the same commit was broken off; nothing was written, run it again"))
        }
    }

    private func answerMembers(_ failure: DatabaseError?) {
        let answers = members
        members = []
        for answer in answers { answer(failure) }
    }
}
