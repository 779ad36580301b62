/// What is asked of a connection, and who waits for it.
///
/// `@unchecked Sendable` because it changes hands once, when it is submitted: from then on only the loop's thread touches what varies.
final class PostgresRequest: @unchecked Sendable {
    enum Work: Sendable {
        case statement(String, PostgresParameters)
        case script(String)
        case listen(String)
        /// Opens the connection if it is closed; asks nothing of the server.
        case connect
        case commit
        case rollback
    }

    let work: Work
    /// nil: a transaction of its own.
    let transaction: PostgresTransactionState?
    let interrupt: Interrupt
    /// Run once more because the schema has changed since it was prepared.
    var isSecondRun = false
    private var answer: ((Result<LibPQResult?, DatabaseError>) -> Void)?

    init(
        _ work: Work, _ interrupt: Interrupt, in transaction: PostgresTransactionState? = nil,
        _ answer: @escaping (Result<LibPQResult?, DatabaseError>) -> Void
    ) {
        self.work = work
        self.interrupt = interrupt
        self.transaction = transaction
        self.answer = answer
    }

    func complete(_ result: Result<LibPQResult?, DatabaseError>) {
        let answer = answer.take()
        answer?(result)
    }

    /// Why it should end before it is done, if it should. The end of a transaction is never broken off: its outcome must be known.
    var reason: DatabaseError? {
        switch work {
        case .commit, .rollback: nil
        case .statement, .script, .listen, .connect: interrupt.reason
        }
    }

    /// What it means for the caller that the connection was lost after it was sent.
    var loss: DatabaseError {
        let mayHaveCommitted =
            switch work {
            case .commit: true
            case .statement(let text, _): transaction == nil && !SQLWords.isReading(text)
            case .script: transaction == nil
            case .listen, .connect, .rollback: false
            }
        return mayHaveCommitted
            ? DatabaseError(.commitUnknown, "the connection was lost before the server had answered: it may have happened or not")
            : .connectionLost
    }
}

/// A transaction as the loop sees it; only the loop's thread touches it.
final class PostgresTransactionState: @unchecked Sendable {
    /// The statement that begins it, sent along with its first one.
    let begin: String
    /// The opening of the connection that it began on; nil: it has not begun.
    var opening: UInt64?
    /// What ended its use: only rolling back is left.
    var failure: DatabaseError?

    init(_ isolation: Isolation) {
        begin =
            switch isolation {
            case .readCommitted: "BEGIN ISOLATION LEVEL READ COMMITTED"
            case .repeatableRead: "BEGIN ISOLATION LEVEL REPEATABLE READ"
            case .serializable: "BEGIN ISOLATION LEVEL SERIALIZABLE"
            }
    }
}

extension DatabaseError {
    static let connectionLost = DatabaseError(.connectionLost, "the connection to the server was lost; nothing was written")
}
