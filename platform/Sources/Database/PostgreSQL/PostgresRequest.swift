import Resilience

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
    var reason: DatabaseError? { isEnd ? nil : interrupt.reason }

    /// When ``reason`` will be there by itself.
    var alarm: ContinuousClock.Instant? { isEnd ? nil : interrupt.deadline?.instant }

    /// Completes a request for which no server is needed, since it is not wanted any more, or its transaction has not begun, has failed,
    /// has ended, or is gone with its connection: nobody waits for a connection to be opened only to learn that. False if one is needed.
    ///
    /// - Parameter open: which opening of the connection is there; nil: none is.
    func completeWithoutServer(open: UInt64?) -> Bool {
        guard let answer = answerWithoutServer(open) else { return false }
        if isEnd { transaction?.hasEnded = true }
        complete(answer)
        return true
    }

    private func answerWithoutServer(_ open: UInt64?) -> Result<LibPQResult?, DatabaseError>? {
        if let reason { return .failure(reason) }
        guard let transaction else { return nil }
        if transaction.hasEnded { return .failure(.ended) }
        let failure = transaction.failure
        guard let opening = transaction.opening else {
            // Nothing has happened yet, so nothing is to be ended.
            if isEnd { return failure.map { .failure($0) } ?? .success(nil) }
            return failure.map { .failure(.afterFailure($0)) }
        }
        guard opening == open else {
            transaction.failure = failure ?? .connectionLost
            if case .rollback = work { return .success(nil) }
            return .failure(failure ?? .connectionLost)
        }
        return isEnd ? nil : failure.map { .failure(.afterFailure($0)) }
    }

    private var isEnd: Bool {
        switch work {
        case .commit, .rollback: true
        case .statement, .script, .listen, .connect: false
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
    /// Its end has been asked for. A statement that comes later would run alone, or inside of somebody else's transaction.
    var hasEnded = false

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
