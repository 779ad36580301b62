extension SQL {
    /// At the end of a SELECT in a transaction: its rows are locked until the transaction ends, so that what was read stays true until
    /// what follows from it is written; who else wants to change them waits. Rows that others have locked are waited for, and read as they
    /// are then. SQLite has one writer at a time and needs no such words.
    public static let forUpdate = SQL(sqlite: "", postgres: "FOR UPDATE")

    /// As ``forUpdate``, but rows that others have locked are left out and not waited for: for work that any of several workers may do.
    public static let skipLocked = SQL(sqlite: "", postgres: "FOR UPDATE SKIP LOCKED")
}
