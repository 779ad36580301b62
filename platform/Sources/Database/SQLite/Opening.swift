extension Connection {
    /// The writing connection of the file at `path`, or of a database in memory if it is nil.
    convenience init(writingTo path: String?, _ options: SQLiteDatabase.Options) throws(DatabaseError) {
        try self.init(
            path: path ?? "", access: path == nil ? .memory : .readWrite, vfs: options.vfs, busyTimeout: options.busyTimeout,
            statementCacheCapacity: options.statementCacheCapacity)
        try control("PRAGMA trusted_schema=OFF")
        try control("PRAGMA foreign_keys=ON")
        try control("PRAGMA temp_store=MEMORY")
        guard path != nil else { return }
        let mode = try control("PRAGMA journal_mode=WAL").first?.decode(0, as: String.self)
        guard mode == "wal" else { throw DatabaseError(.unavailable, "its file system does not support WAL") }
        try control("PRAGMA synchronous=FULL")
        // What a flush has to be on macOS; elsewhere without effect.
        try control("PRAGMA fullfsync=ON")
        // The log is cut back to this size (bytes) after a large transaction.
        try control("PRAGMA journal_size_limit=67108864")
        if options.checksIntegrity {
            let verdict = try control("PRAGMA quick_check(1)").first?.decode(0, as: String.self)
            guard verdict == "ok" else { throw DatabaseError(.corrupt, "the integrity check failed") }
        }
    }

    /// A reading connection of a file that was opened for writing before.
    convenience init(readingFrom path: String, _ options: SQLiteDatabase.Options) throws(DatabaseError) {
        try self.init(
            path: path, access: .readOnly, vfs: options.vfs, busyTimeout: options.busyTimeout,
            statementCacheCapacity: options.statementCacheCapacity)
        try control("PRAGMA trusted_schema=OFF")
        try control("PRAGMA temp_store=MEMORY")
    }
}

extension CommitGroup {
    convenience init(_ connection: Connection, _ options: SQLiteDatabase.Options, _ statistics: Statistics) {
        self.init(connection, maximumSize: options.groupSize, maximumAge: options.groupAge, statistics: statistics)
    }
}

extension DatabaseError {
    /// The same error with the file's name and what to do about it.
    func opening(_ path: String) -> DatabaseError {
        switch code {
        case .corrupt:
            DatabaseError(code, "\(path) is damaged or is no SQLite database; move it away, or put a copy in its place")
        case .busy:
            DatabaseError(code, "another program has locked \(path); close that program")
        case .readOnly, .unavailable:
            DatabaseError(code, "cannot open \(path): \(message); make the file and its folder writable or choose another path")
        default:
            DatabaseError(code, "cannot open \(path): \(message)")
        }
    }
}

extension RenderedSQL {
    /// Whether the statement may be one that only reads, by its first word; preparing it decides.
    var mayBeRead: Bool {
        let isBlank = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) || byte == UInt8(ascii: "(") }
        let first = text.utf8.drop(while: isBlank).prefix { (0x61...0x7A).contains($0 | 0x20) }
        return Self.readingWords.contains { first.elementsEqual($0.utf8, by: { $0 & 0xDF == $1 }) }
    }

    private static let readingWords = ["SELECT", "WITH", "VALUES", "EXPLAIN", "PRAGMA"]
}
