import CSQLite
import FoundationEssentials

/// The number of rows of every table of a SQLite file, read from outside: whatever the service thinks it wrote, this is what is there.
/// - Parameter path: the file; opened read-only, also while a service uses it.
public func tableCounts(_ path: String) throws -> [String: Int] {
    var connection: OpaquePointer?
    defer { sqlite3_close_v2(connection) }
    guard sqlite3_open_v2(path, &connection, SQLITE_OPEN_READONLY | SQLITE_OPEN_FULLMUTEX, nil) == SQLITE_OK else {
        throw TestKitError("\(path) cannot be opened: \(message(connection))")
    }
    sqlite3_busy_timeout(connection, 5000)
    var counts: [String: Int] = [:]
    let tables = try rows(connection, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'") {
        String(cString: sqlite3_column_text($0, 0))
    }
    for table in tables {
        counts[table] = try rows(connection, "SELECT count(*) FROM \"\(table)\"") { Int(sqlite3_column_int64($0, 0)) }.first
    }
    return counts
}

/// The counts of all SQLite files of a folder, by `file/table`.
/// A folder that was never made is that of a service that keeps nothing; one that was made holds a file.
public func tableCounts(folder: String) throws -> [String: Int] {
    guard FileManager.default.fileExists(atPath: folder) else { return [:] }
    let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".sqlite") }.sorted()
    guard !files.isEmpty else { throw TestKitError("\(folder) holds no file *.sqlite") }
    var counts: [String: Int] = [:]
    for file in files {
        for (table, count) in try tableCounts("\(folder)/\(file)") { counts["\(file)/\(table)"] = count }
    }
    return counts
}

/// The first column of each row of a query, as text: for the invariants that a system test checks from outside.
public func sqliteColumn(_ path: String, _ query: String) throws -> [String] {
    var connection: OpaquePointer?
    defer { sqlite3_close_v2(connection) }
    guard sqlite3_open_v2(path, &connection, SQLITE_OPEN_READONLY | SQLITE_OPEN_FULLMUTEX, nil) == SQLITE_OK else {
        throw TestKitError("\(path) cannot be opened: \(message(connection))")
    }
    sqlite3_busy_timeout(connection, 5000)
    return try rows(connection, query) { statement in sqlite3_column_text(statement, 0).map { String(cString: $0) } ?? "" }
}

private func rows<T>(_ connection: OpaquePointer?, _ query: String, _ read: (OpaquePointer?) -> T) throws -> [T] {
    var statement: OpaquePointer?
    defer { sqlite3_finalize(statement) }
    guard sqlite3_prepare_v2(connection, query, -1, &statement, nil) == SQLITE_OK else { throw TestKitError("\(query): \(message(connection))") }
    var result: [T] = []
    while true {
        switch sqlite3_step(statement) {
        case SQLITE_ROW: result.append(read(statement))
        case SQLITE_DONE: return result
        default: throw TestKitError("\(query): \(message(connection))")
        }
    }
}

private func message(_ connection: OpaquePointer?) -> String { connection.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory" }
