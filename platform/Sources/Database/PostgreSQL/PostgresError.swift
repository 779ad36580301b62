extension DatabaseError {
    /// What the server refused.
    ///
    /// Its text may quote values, and its detail does; so what is passed on are the names of constraint, table and column, which the
    /// schema chose, and the message only where it speaks about the statement's own text.
    /// - Parameter interrupt: why the caller wanted it stopped, if it did.
    init(_ result: LibPQResult, interrupt: DatabaseError? = nil) {
        let state = result[.sqlState] ?? "?????"
        if result.endsConnection {
            self.init(.connectionLost, "the server closed the connection; nothing was written", sqlState: state)
            return
        }
        // Told by the function that checks it: the message is in the server's language.
        if state == "0A000", result[.routine] == "RevalidateCachedQuery" {
            self = .stalePlan
            return
        }
        self.init(
            sqlState: state, message: result[.message] ?? "", constraint: result[.constraint], table: result[.table], column: result[.column],
            interrupt: interrupt)
    }

    init(
        sqlState state: String, message: String, constraint: String? = nil, table: String? = nil, column: String? = nil,
        interrupt: DatabaseError? = nil
    ) {
        func error(_ code: Code, _ text: String, constraint: String? = nil) -> DatabaseError {
            DatabaseError(code, text, constraint: constraint, sqlState: state)
        }
        self =
            switch (state, state.prefix(2)) {
            case ("23505", _), ("23P01", _): error(.uniqueViolation, "a unique constraint refused the row", constraint: constraint)
            // 23001 is what a foreign key with RESTRICT says since PostgreSQL 18.
            case ("23503", _), ("23001", _): error(.foreignKeyViolation, "a foreign key constraint refused the change", constraint: constraint)
            case ("23514", _): error(.checkViolation, "a check constraint refused the row", constraint: constraint)
            case ("23502", _):
                error(
                    .notNullViolation, "a column must not be NULL",
                    constraint: table.map { table in column.map { "\(table).\($0)" } ?? table } ?? column)
            // The schema's author wrote this text.
            case ("P0001", _): error(.checkViolation, "a trigger refused the change", constraint: message)
            case ("40001", _): error(.serializationFailure, "another transaction was in the way; nothing was written")
            case ("40P01", _): error(.deadlock, "two transactions waited for each other; nothing was written")
            case ("55P03", _): error(.busy, "a lock was not to be had in time; nothing was written")
            case ("57014", _):
                interrupt.map { error($0.code, $0.message) } ?? error(.timeout, "the server stopped the statement; nothing was written")
            case ("57P03", _), ("53300", _): error(.unavailable, "the server takes no connections now")
            case ("53100", _): error(.diskFull, "the server's disk is full")
            case (_, "53"), (_, "58"): error(.unavailable, "the server lacks what it needs, or its disk fails")
            case ("25006", _): error(.readOnly, "the server only reads now")
            case (_, "XX"): error(.corrupt, "the server found its data damaged, or met a defect of its own")
            case (_, "42"), (_, "0A"), (_, "26"): error(.statement, message)
            case (_, "22"): error(.statement, "a value does not suit its column or its use")
            default: error(.statement, "the server refused the statement")
            }
    }

    static let stalePlan = DatabaseError(
        .statement, "a table has changed since the statement was prepared; nothing was written", sqlState: "0A000")

    /// Whether a statement that was prepared before fits the schema no more, or is not there. Prepared anew it may succeed.
    var wantsNewPreparation: Bool { sqlState == "26000" || self == .stalePlan }
}
