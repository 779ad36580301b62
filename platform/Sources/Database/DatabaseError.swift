/// Why a database did not do what it was asked.
///
/// Neither the description nor any property ever holds a value that was bound or read, so an error can be logged as it is.
public struct DatabaseError: Error, Hashable, Sendable {
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        enum Name: String, Sendable {
            case uniqueViolation, foreignKeyViolation, checkViolation, notNullViolation
            case serializationFailure, deadlock, busy
            case timeout, cancelled, connectionLost, commitUnknown, poolExhausted
            case diskFull, readOnly, corrupt, migrationChecksumMismatch
            case decoding, statement, closed, unavailable
        }

        let name: Name

        public var description: String { name.rawValue }

        /// A UNIQUE or PRIMARY KEY constraint; `constraint` names it, or its columns as `table.column, table.column`.
        public static let uniqueViolation = Code(name: .uniqueViolation)
        /// A FOREIGN KEY constraint. SQLite does not say which.
        public static let foreignKeyViolation = Code(name: .foreignKeyViolation)
        /// A CHECK constraint, or a trigger's RAISE; `constraint` is its name or expression, or the trigger's message.
        public static let checkViolation = Code(name: .checkViolation)
        /// A NOT NULL constraint; `constraint` is `table.column`.
        public static let notNullViolation = Code(name: .notNullViolation)
        /// Other transactions were in the way, and nothing was written: run the transaction again.
        public static let serializationFailure = Code(name: .serializationFailure)
        /// As `serializationFailure`: transactions waited for each other, and this one was chosen to end.
        public static let deadlock = Code(name: .deadlock)
        /// Another program holds a lock on the file; nothing was written.
        public static let busy = Code(name: .busy)
        /// The deadline passed, in a queue or in a statement; nothing was written.
        public static let timeout = Code(name: .timeout)
        /// The task was cancelled; nothing was written.
        public static let cancelled = Code(name: .cancelled)
        /// The connection was lost before the commit was sent; nothing was written.
        public static let connectionLost = Code(name: .connectionLost)
        /// The commit was sent and its answer lost: it may or may not have happened. Run again only what is safe to repeat.
        public static let commitUnknown = Code(name: .commitUnknown)
        /// Too many callers wait already; nothing was written.
        public static let poolExhausted = Code(name: .poolExhausted)
        public static let diskFull = Code(name: .diskFull)
        public static let readOnly = Code(name: .readOnly)
        /// The file is damaged, or no database.
        public static let corrupt = Code(name: .corrupt)
        /// The schema is not the one this program was built for: a migration is missing, was edited, or is unknown to it.
        public static let migrationChecksumMismatch = Code(name: .migrationChecksumMismatch)
        /// A result did not have the column or the type that was asked for.
        public static let decoding = Code(name: .decoding)
        /// The statement itself is wrong: a defect of the program.
        public static let statement = Code(name: .statement)
        /// The database was shut down, or the transaction has ended.
        public static let closed = Code(name: .closed)
        /// The database cannot be reached or opened, or its disk fails.
        public static let unavailable = Code(name: .unavailable)
    }

    public let code: Code
    /// The constraint that refused the row, where the engine says: see ``Code``.
    public let constraint: String?
    /// What happened, and what to do where that can be said: one line, without values.
    public let message: String
    /// PostgreSQL's own code of five characters; nil where the server said nothing, and on SQLite.
    public let sqlState: String?

    public init(_ code: Code, _ message: String, constraint: String? = nil, sqlState: String? = nil) {
        self.code = code
        self.constraint = constraint
        self.message = message
        self.sqlState = sqlState
    }

    /// Whether nothing was written and running the transaction again may succeed at once.
    public var isTransient: Bool {
        code == .serializationFailure || code == .deadlock || code == .busy
    }
}

extension DatabaseError: CustomStringConvertible {
    public var description: String {
        constraint.map { "\(code): \(message) (\($0))" } ?? "\(code): \(message)"
    }
}

extension DatabaseError {
    static let closed = DatabaseError(.closed, "the database was shut down")
    static let ended = DatabaseError(.closed, "the transaction has ended; a statement cannot outlive its body")
    static func afterFailure(_ failure: DatabaseError) -> DatabaseError {
        DatabaseError(.statement, "an earlier statement of this transaction failed (\(failure.code)), so it can only be rolled back")
    }
    static let cancelled = DatabaseError(.cancelled, "the task was cancelled; nothing was written")
    static let timeout = DatabaseError(.timeout, "the deadline passed; nothing was written")
}
