public import Basics
import Crypto

/// One step of a database's schema.
public struct Migration: Hashable, Sendable {
    /// 1, 2, 3, …, without gaps.
    public let version: Int
    /// For people: the file's name without its ending.
    public let name: String
    /// The script for SQLite.
    public let sqlite: String
    /// The script for PostgreSQL; nil if there is none, and then it cannot be applied there.
    public let postgres: String?

    public init(version: Int, name: String, sqlite: String, postgres: String? = nil) {
        self.version = version
        self.name = name
        self.sqlite = sqlite
        self.postgres = postgres
    }

    func script(for dialect: Dialect) throws(DatabaseError) -> String {
        switch dialect {
        case .sqlite: return sqlite
        case .postgres:
            guard let postgres else { throw .migration("\(name) has no script for PostgreSQL") }
            return postgres
        }
    }

    /// How many migrations a program must know at least to work with the schema that this one leaves: what its script says in a first line
    /// `-- needs: 6`. Without that line it only adds, and any program that works with the schema before works with the one after.
    ///
    /// Throws `migrationChecksumMismatch` for a number that is none, or beyond the script's own version.
    func needs(for dialect: Dialect) throws(DatabaseError) -> Int {
        let line = try script(for: dialect).prefix { $0 != "\n" && $0 != "\r\n" }
        guard line.hasPrefix("-- needs:") else { return 0 }
        let digits = line.dropFirst("-- needs:".count).drop { $0 == " " }
        guard let needs = Int(digits), (1...version).contains(needs) else {
            throw .migration("\(name) begins with '\(line.prefix(40))': '-- needs: ' takes a number of migrations from 1 to \(version)")
        }
        return needs
    }

    /// The lower-case hexadecimal SHA-256 of the script.
    func checksum(for dialect: Dialect) throws(DatabaseError) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let hash = SHA256.hash(data: Array(try script(for: dialect).utf8))
        return String(decoding: hash.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

extension Migration {
    /// Reads migrations from the bytes of their files, in any order.
    ///
    /// `m0001_catalogue.sql` serves both dialects; `m0001_catalogue.sqlite.sql` and `m0001_catalogue.postgres.sql` serve one each.
    /// Throws `migrationChecksumMismatch` naming the file if a name has another form, a version is there twice or missing, or a
    /// text is not UTF-8.
    public static func load(_ files: [(name: String, bytes: [UInt8])]) throws(DatabaseError) -> [Migration] {
        struct Parts {
            var name: String
            var scripts: [Dialect: String]
        }
        var found: [Int: Parts] = [:]
        for file in files {
            guard let (version, name, dialects) = parse(file.name) else {
                throw .migration("\(file.name) is not named like m0001_name.sql, m0001_name.sqlite.sql or m0001_name.postgres.sql")
            }
            guard let text = String(validating: file.bytes, as: UTF8.self) else { throw .migration("\(file.name) is not UTF-8") }
            var parts = found[version] ?? Parts(name: name, scripts: [:])
            guard parts.name == name else { throw .migration("\(file.name) has the same version as \(parts.name)") }
            for dialect in dialects {
                guard parts.scripts.updateValue(text, forKey: dialect) == nil else {
                    throw .migration("\(file.name) is there twice, or its dialect is covered by another file")
                }
            }
            found[version] = parts
        }
        var migrations: [Migration] = []
        for (version, parts) in found.sorted(by: { $0.key < $1.key }) {
            guard let sqlite = parts.scripts[.sqlite] else { throw .migration("\(parts.name) has no script for SQLite") }
            migrations.append(Migration(version: version, name: parts.name, sqlite: sqlite, postgres: parts.scripts[.postgres]))
        }
        try check(migrations)
        return migrations
    }

    private static func parse(_ file: String) -> (version: Int, name: String, dialects: [Dialect])? {
        guard file.hasSuffix(".sql") else { return nil }
        let parts = file.dropLast(4).split(separator: ".", omittingEmptySubsequences: false)
        let dialects: [Dialect]
        switch parts.count {
        case 1: dialects = [.sqlite, .postgres]
        case 2:
            guard let dialect = Dialect(rawValue: String(parts[1])) else { return nil }
            dialects = [dialect]
        default: return nil
        }
        guard parts[0].first == "m", let underscore = parts[0].firstIndex(of: "_"), parts[0].index(after: underscore) < parts[0].endIndex else {
            return nil
        }
        let digits = parts[0][..<underscore].dropFirst()
        guard digits.count == 4, digits.utf8.allSatisfy({ (48...57).contains($0) }), let version = Int(digits), version > 0 else { return nil }
        return (version, String(parts[0]), dialects)
    }

    /// Throws unless the versions are 1, 2, 3, ….
    static func check(_ migrations: [Migration]) throws(DatabaseError) {
        for (index, migration) in migrations.enumerated() where migration.version != index + 1 {
            throw .migration("\(migration.name) has version \(migration.version), but \(index + 1) comes next: a migration is missing or there twice")
        }
    }
}

/// Brings the schema up to date: applies the migrations that are missing, each in a transaction of its own, and records them
/// in `schema_migrations`. Run again, it changes nothing; run by several replicas at once, each migration is applied by one of them
/// while the others wait.
///
/// A database that a newer program has migrated is accepted, so that a release can be taken back: migrations only add. One that does
/// more says in its first line which programs it leaves behind, `-- needs: 6`: those that know fewer than 6 migrations.
///
/// Throws `migrationChecksumMismatch`, naming the file, if an applied migration was edited or renamed since, if versions are
/// missing, or if the database has a migration that has left this program behind.
/// A migration that fails leaves nothing behind; those before it stay.
///
/// - Parameter now: the time of day, recorded with each migration.
/// - Returns: how many migrations the database has that this program does not know.
@discardableResult
public func migrate(
    _ database: any Database, _ migrations: [Migration], now: @Sendable () -> Timestamp = { .now }
) async throws -> Int {
    let migrations = migrations.sorted { $0.version < $1.version }
    try Migration.check(migrations)
    for migration in migrations { _ = try migration.needs(for: database.dialect) }
    while true {
        if let unknown = try await applyNext(of: migrations, database, now) { return unknown }
    }
}

/// Applies the first migration that is missing. Where none is: how many there are that are not among `migrations`.
private func applyNext(of migrations: [Migration], _ database: any Database, _ now: @Sendable () -> Timestamp) async throws -> Int? {
    // Whoever waited for the lock must see what was committed meanwhile, so each statement needs a view of its own: read committed.
    try await database.withTransaction(.readCommitted) { transaction in
        if transaction.dialect == .postgres { try await transaction.execute("SELECT pg_advisory_xact_lock(\(Migration.lock))") }
        try await transaction.execute(createHistory)
        if try await transaction.query(findNeeds).isEmpty {
            try await transaction.execute("ALTER TABLE schema_migrations ADD COLUMN needs integer NOT NULL DEFAULT 0")
        }
        let applied = try await transaction.query("SELECT version, name, checksum, needs FROM schema_migrations ORDER BY version")
        try check(applied, against: migrations, transaction.dialect)
        guard applied.count < migrations.count else { return applied.count - migrations.count }
        let migration = migrations[applied.count]
        let (script, checksum) = (try migration.script(for: transaction.dialect), try migration.checksum(for: transaction.dialect))
        do {
            try await transaction.executeScript(script)
        } catch let error as DatabaseError {
            throw DatabaseError(
                error.code, "migration \(migration.name): \(error.message)", constraint: error.constraint, sqlState: error.sqlState)
        }
        try await transaction.execute(
            """
            INSERT INTO schema_migrations (version, name, checksum, applied_at, needs)
            VALUES (\(migration.version), \(migration.name), \(checksum), \(now()), \(try migration.needs(for: transaction.dialect)))
            """)
        return nil
    }
}

private let createHistory = SQL(
    sqlite: """
        CREATE TABLE IF NOT EXISTS schema_migrations (
            version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL
        ) STRICT
        """,
    postgres: """
        CREATE TABLE IF NOT EXISTS schema_migrations (
            version bigint PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL
        )
        """)

/// The column that the first databases were made without.
private let findNeeds = SQL(
    sqlite: "SELECT 1 AS one FROM pragma_table_info('schema_migrations') WHERE name = 'needs'",
    postgres: "SELECT 1 AS one FROM pg_attribute WHERE attrelid = 'schema_migrations'::regclass AND attname = 'needs' AND NOT attisdropped")

/// Throws unless what was applied begins with what this program knows, and has not left it behind.
private func check(_ applied: [Row], against migrations: [Migration], _ dialect: Dialect) throws {
    for (index, row) in applied.enumerated() {
        let (version, name) = (try row.decode("version", as: Int.self), try row.decode("name", as: String.self))
        guard version == index + 1 else {
            throw DatabaseError.migration("migration \(index + 1) was skipped, but \(name) was applied")
        }
        let needs = try row.decode("needs", as: Int.self)
        guard needs <= migrations.count else {
            throw DatabaseError.migration(
                "the database has \(name), which needs a program that knows \(needs) migrations, and this one knows \(migrations.count): run a newer one"
            )
        }
        guard version <= migrations.count else { continue }
        let known = migrations[index]
        guard name == known.name, try row.decode("checksum") == known.checksum(for: dialect) else {
            throw DatabaseError.migration("\(known.name) is not what was applied as \(name); restore it, and put the change into a new migration")
        }
    }
}

extension Migration {
    /// The number of PostgreSQL's advisory lock that whoever migrates holds: the first eight bytes of the SHA-256 of its purpose, so that
    /// nobody else takes it by chance.
    static let lock: Int64 = SHA256.hash(data: Array("hello-dd migrations".utf8)).prefix(8).reduce(0) { $0 << 8 | Int64($1) }
}

extension DatabaseError {
    static func migration(_ message: String) -> DatabaseError { DatabaseError(.migrationChecksumMismatch, message) }
}
