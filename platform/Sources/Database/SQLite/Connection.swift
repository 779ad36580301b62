import Basics
import CSQLite

/// One connection to one SQLite file, with its prepared statements; the only code that calls unsafe functions of SQLite.
///
/// Not thread-safe and not `Sendable`: its owner lets one thread in at a time.
final class Connection {
    enum Access { case readWrite, readOnly, memory }

    struct Outcome: Sendable {
        var rows: [Row] = []
        /// Rows inserted, updated or deleted by the statement itself.
        var changes = 0
    }

    final class Statement {
        fileprivate let pointer: OpaquePointer
        /// Whether running it changes nothing in the database.
        let isReadOnly: Bool
        fileprivate var columns: Columns
        fileprivate var preparations: Int32 = 0
        fileprivate var lastUse: UInt64 = 0

        fileprivate init(_ pointer: OpaquePointer) {
            self.pointer = pointer
            isReadOnly = sqlite3_stmt_readonly(pointer) != 0
            columns = Self.columns(of: pointer)
        }

        fileprivate static func columns(of pointer: OpaquePointer) -> Columns {
            Columns((0..<sqlite3_column_count(pointer)).map { sqlite3_column_name(pointer, $0).map { String(cString: $0) } ?? "" })
        }

        deinit { sqlite3_finalize(pointer) }
    }

    /// What the callbacks see; SQLite calls them only on the thread that is inside a call of this connection.
    private final class Watch {
        var interrupt: Interrupt?
        var heedsCancellation = true
        var allowsControl = false
    }

    // Rarely reached: about 10 µs of work of a statement between two looks at the clock.
    private static let instructionsBetweenChecks: Int32 = 1000

    // Bytes. Longer ones are mostly long lists, which seldom come again; with it the cache is bounded in memory too.
    private static let longestCachedText = 8192

    private let handle: OpaquePointer
    private let watch = Watch()
    private let capacity: Int
    private var statements: [String: Statement] = [:]
    /// This module's own statements; apart, because the same text from outside must not find one that may control transactions.
    private var controls: [String: Statement] = [:]
    private var uses: UInt64 = 0
    private var isClosed = false

    /// - Parameters:
    ///   - vfs: the name of SQLite's operating system interface to use; nil for the usual one.
    ///   - statementCacheCapacity: prepared statements kept; the one not used for longest goes first.
    init(path: String, access: Access, vfs: String? = nil, busyTimeout: Duration, statementCacheCapacity: Int) throws(DatabaseError) {
        let flags =
            switch access {
            case .readWrite: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .readOnly: SQLITE_OPEN_READONLY
            case .memory: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY
            }
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(access == .memory ? ":memory:" : path, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs)
        guard code == SQLITE_OK, let opened else {
            sqlite3_close(opened)
            throw DatabaseError(sqlite: code)
        }
        handle = opened
        capacity = statementCacheCapacity
        sqlite3_busy_timeout(handle, Int32(clamping: busyTimeout.milliseconds))
        let context = Unmanaged.passUnretained(watch).toOpaque()
        sqlite3_progress_handler(
            handle, Self.instructionsBetweenChecks,
            { context in
                let watch = Unmanaged<Watch>.fromOpaque(context!).takeUnretainedValue()
                guard let interrupt = watch.interrupt else { return 0 }
                return (watch.heedsCancellation ? interrupt.reason != nil : interrupt.hasExpired) ? 1 : 0
            }, context)
        sqlite3_set_authorizer(
            handle,
            { context, action, _, _, _, _ in
                switch action {
                case SQLITE_TRANSACTION, SQLITE_SAVEPOINT, SQLITE_ATTACH, SQLITE_DETACH:
                    Unmanaged<Watch>.fromOpaque(context!).takeUnretainedValue().allowsControl ? SQLITE_OK : SQLITE_DENY
                default: SQLITE_OK
                }
            }, context)
    }

    /// Closes the connection, which must not be used any more; a second call does nothing.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        statements.removeAll()
        controls.removeAll()
        sqlite3_close_v2(handle)
    }

    deinit { close() }

    /// Whether a transaction is open. Some errors (a full disk, an interrupted write) make SQLite roll back by itself.
    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// Whether the transaction holds rows that violate a deferred foreign key, so that its commit would fail.
    var hasDeferredViolations: Bool {
        var current: Int32 = 0
        var highest: Int32 = 0
        sqlite3_db_status(handle, SQLITE_DBSTATUS_DEFERRED_FKS, &current, &highest, 0)
        return current != 0
    }

    // MARK: Statements

    /// The prepared statement for `text`, from the cache if it is there.
    func prepare(_ text: String) throws(DatabaseError) -> Statement {
        uses += 1
        if let known = statements[text] {
            known.lastUse = uses
            return known
        }
        let prepared = try prepareAnew(text)
        guard text.utf8.count <= Self.longestCachedText else { return prepared }
        if statements.count >= capacity, let oldest = statements.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            statements[oldest.key] = nil
        }
        prepared.lastUse = uses
        statements[text] = prepared
        return prepared
    }

    /// Runs a statement to its end.
    ///
    /// - Parameters:
    ///   - interrupt: stops the statement early, with `timeout` or `cancelled`.
    ///   - isAlone: whether stopping a write by a mere cancellation harms nobody else; see ``CommitGroup``.
    func run(_ statement: Statement, _ values: [SQLValue], interrupt: Interrupt? = nil, isAlone: Bool = true) throws(DatabaseError) -> Outcome {
        let pointer = statement.pointer
        guard values.count == Int(sqlite3_bind_parameter_count(pointer)) else {
            throw DatabaseError(.statement, "the statement has \(sqlite3_bind_parameter_count(pointer)) parameters, but \(values.count) values")
        }
        watch.interrupt = interrupt
        watch.heedsCancellation = isAlone || statement.isReadOnly
        defer {
            watch.interrupt = nil
            sqlite3_reset(pointer)
            sqlite3_clear_bindings(pointer)
        }
        for (index, value) in values.enumerated() {
            let code = try Self.bind(value, to: pointer, at: Int32(index + 1))
            guard code == SQLITE_OK else { throw DatabaseError(sqlite: code) }
        }
        let changesBefore = sqlite3_total_changes64(handle)
        var outcome = Outcome()
        while true {
            let code = sqlite3_step(pointer)
            if code == SQLITE_DONE { break }
            guard code == SQLITE_ROW else { throw failure(code, interrupt) }
            if outcome.rows.isEmpty { refreshColumns(of: statement) }
            outcome.rows.append(try Self.row(of: statement))
        }
        // sqlite3_changes keeps the last writing statement's number when this one wrote nothing.
        if sqlite3_total_changes64(handle) != changesBefore { outcome.changes = Int(sqlite3_changes64(handle)) }
        return outcome
    }

    /// Runs the statements of `script` in order, without parameters.
    func runScript(_ script: String, interrupt: Interrupt? = nil, isAlone: Bool = true) throws(DatabaseError) {
        try withBytes(of: script) { bytes throws(DatabaseError) in
            var rest = bytes
            while let statement = try next(&rest, flags: 0) {
                try interrupt?.check()
                _ = try run(statement, [], interrupt: interrupt, isAlone: isAlone)
            }
        }
    }

    /// Runs a statement of this module's own, which may control transactions; never interrupted.
    @discardableResult func control(_ text: String) throws(DatabaseError) -> [Row] {
        watch.allowsControl = true
        defer { watch.allowsControl = false }
        if let known = controls[text] { return try run(known, []).rows }
        let prepared = try prepareAnew(text)
        controls[text] = prepared
        return try run(prepared, []).rows
    }

    // MARK: Details

    private func prepareAnew(_ text: String) throws(DatabaseError) -> Statement {
        try withBytes(of: text) { bytes throws(DatabaseError) in
            var rest = bytes
            guard let first = try next(&rest, flags: UInt32(SQLITE_PREPARE_PERSISTENT)) else {
                throw DatabaseError(.statement, "the statement is empty")
            }
            guard try next(&rest, flags: 0) == nil else { throw DatabaseError(.statement, "the text holds more than one statement") }
            return first
        }
    }

    private func withBytes<R>(
        of text: String, _ body: (UnsafeBufferPointer<UInt8>) throws(DatabaseError) -> R
    ) throws(DatabaseError) -> R {
        var text = text
        let result: Result<R, DatabaseError> = text.withUTF8 { bytes in
            do throws(DatabaseError) { return .success(try body(bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// Prepares the next statement of `text` and moves `text` behind it; nil if only blanks and comments are left.
    private func next(_ text: inout UnsafeBufferPointer<UInt8>, flags: UInt32) throws(DatabaseError) -> Statement? {
        while let start = text.baseAddress, !text.isEmpty {
            // SQLite reads up to a NUL and would silently ignore what follows.
            guard text[0] != 0 else { throw DatabaseError(.statement, "the statement's text holds a NUL byte") }
            let (pointer, code, consumed) = start.withMemoryRebound(to: CChar.self, capacity: text.count) { start in
                var pointer: OpaquePointer?
                var tail: UnsafePointer<CChar>?
                let code = sqlite3_prepare_v3(handle, start, Int32(clamping: text.count), flags, &pointer, &tail)
                return (pointer, code, tail.map { $0 - start } ?? text.count)
            }
            guard code == SQLITE_OK else { throw DatabaseError(sqlite: code, detail: String(cString: sqlite3_errmsg(handle))) }
            text = UnsafeBufferPointer(rebasing: text[consumed...])
            if let pointer { return Statement(pointer) }
        }
        return nil
    }

    private func failure(_ code: Int32, _ interrupt: Interrupt?) -> DatabaseError {
        if code & 0xFF == SQLITE_INTERRUPT, let reason = interrupt?.reason { return reason }
        // Elsewhere than for a constraint the message of a running statement may quote a value.
        return DatabaseError(sqlite: code, detail: code & 0xFF == SQLITE_CONSTRAINT ? String(cString: sqlite3_errmsg(handle)) : nil)
    }

    private func refreshColumns(of statement: Statement) {
        let preparations = sqlite3_stmt_status(statement.pointer, SQLITE_STMTSTATUS_REPREPARE, 0)
        guard preparations != statement.preparations else { return }
        statement.preparations = preparations
        statement.columns = Statement.columns(of: statement.pointer)
    }

    private static func bind(_ value: SQLValue, to pointer: OpaquePointer, at index: Int32) throws(DatabaseError) -> Int32 {
        switch value {
        case .null: sqlite3_bind_null(pointer, index)
        case .bool(let value): sqlite3_bind_int64(pointer, index, value ? 1 : 0)
        case .integer(let value): sqlite3_bind_int64(pointer, index, value)
        case .timestamp(let value): sqlite3_bind_int64(pointer, index, value.microseconds)
        case .double(let value):
            if value.isNaN {
                throw DatabaseError(.statement, "parameter \(index) is not a number, which SQLite would store as NULL")
            } else {
                sqlite3_bind_double(pointer, index, value)
            }
        case .identifier(let value): bind(value.description, to: pointer, at: index)
        case .text(let value): bind(value, to: pointer, at: index)
        case .array(let values): bind(try SQLValue.json(values), to: pointer, at: index)
        case .blob(let value):
            value.isEmpty
                ? sqlite3_bind_zeroblob(pointer, index, 0)
                : value.withUnsafeBytes { sqlite3_bind_blob64(pointer, index, $0.baseAddress, UInt64($0.count), copied) }
        }
    }

    private static func bind(_ text: String, to pointer: OpaquePointer, at index: Int32) -> Int32 {
        // A nil address would bind NULL.
        if text.isEmpty { return sqlite3_bind_text(pointer, index, "", 0, copied) }
        var text = text
        return text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                sqlite3_bind_text64(pointer, index, $0.baseAddress, UInt64($0.count), copied, UInt8(SQLITE_UTF8))
            }
        }
    }

    // SQLITE_TRANSIENT: SQLite makes its own copy.
    private static var copied: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

    private static func row(of statement: Statement) throws(DatabaseError) -> Row {
        let pointer = statement.pointer
        var values: [SQLValue] = []
        let count = sqlite3_data_count(pointer)
        values.reserveCapacity(Int(count))
        for index in 0..<count {
            switch sqlite3_column_type(pointer, index) {
            case SQLITE_INTEGER: values.append(.integer(sqlite3_column_int64(pointer, index)))
            case SQLITE_FLOAT: values.append(.double(sqlite3_column_double(pointer, index)))
            case SQLITE_TEXT:
                // The address first: asking for it settles the encoding that the length is told in.
                let start = sqlite3_column_text(pointer, index)
                let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(pointer, index)))
                guard let text = String(validating: bytes, as: UTF8.self) else {
                    throw DatabaseError(.decoding, "column \"\(statement.columns.names[Int(index)])\" holds text that is not UTF-8")
                }
                values.append(.text(text))
            case SQLITE_BLOB:
                let start = sqlite3_column_blob(pointer, index)
                values.append(.blob(Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(pointer, index))))))
            default: values.append(.null)
            }
        }
        return Row(columns: statement.columns, values: values)
    }
}
