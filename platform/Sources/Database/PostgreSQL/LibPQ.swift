import CPostgreSQL

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

// Every call to libpq is in this file.

/// An open connection: libpq's `PGconn`, in non-blocking and in pipeline mode.
///
/// `@unchecked Sendable` because it changes hands once, from the thread that opened it to the loop's thread, and is used by one at
/// a time.
final class LibPQConnection: @unchecked Sendable {
    private let pointer: OpaquePointer
    private var isClosed = false
    let usesTLS: Bool

    /// Blocks until the server has answered or `connect_timeout` has passed.
    ///
    /// - Parameters:
    ///   - url: what names the server, as libpq reads it.
    ///   - defaults: what counts where `url` says nothing.
    static func open(_ url: String, defaults: [(String, String)]) throws(DatabaseError) -> LibPQConnection {
        // A later parameter wins over an earlier one, and the text of "dbname" is expanded where it stands.
        let parameters = defaults + [("dbname", url), ("client_encoding", "UTF8")]
        let opened = withCStrings(parameters.map(\.0)) { keywords in
            withCStrings(parameters.map(\.1)) { values in PQconnectdbParams(keywords, values, 1) }
        }
        guard let opened else { throw DatabaseError(.unavailable, "there is no memory for a connection") }
        guard PQstatus(opened) == CONNECTION_OK, PQsetnonblocking(opened, 1) == 0, PQenterPipelineMode(opened) == 1 else {
            let message = oneLine(String(cString: PQerrorMessage(opened)))
            PQfinish(opened)
            throw DatabaseError(.unavailable, message)
        }
        // A notice would go to standard error otherwise.
        PQsetNoticeReceiver(opened, { _, _ in }, nil)
        return LibPQConnection(opened)
    }

    /// What is wrong with a URL; nil if it can be read. libpq's message may quote the text, so it is not passed on.
    static func problem(in url: String) -> String? {
        // Libpq would take what the environment or its own defaults say.
        if url.allSatisfy(\.isWhitespace) { return "it is empty" }
        var message: UnsafeMutablePointer<CChar>?
        let options = PQconninfoParse(url, &message)
        if let message { PQfreemem(message) }
        guard let options else { return "it is neither a postgres:// URL nor a list of keyword=value" }
        PQconninfoFree(options)
        // What libpq looks at only when it connects, and which no waiting mends.
        let ports = value(of: "port", in: url)?.split(separator: ",", omittingEmptySubsequences: true) ?? []
        guard ports.allSatisfy({ Int($0).map { (1...65535).contains($0) } ?? false }) else { return "the port is no number from 1 to 65535" }
        let modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
        if let mode = value(of: "sslmode", in: url), !modes.contains(mode) { return "sslmode is none of \(modes.joined(separator: ", "))" }
        return nil
    }

    /// What a URL says for a keyword, such as `host`; nil where it says nothing, or cannot be read.
    static func value(of keyword: String, in url: String) -> String? {
        guard let options = PQconninfoParse(url, nil) else { return nil }
        defer { PQconninfoFree(options) }
        var option = options
        while let name = option.pointee.keyword {
            if String(cString: name) == keyword { return option.pointee.val.map { String(cString: $0) } }
            option += 1
        }
        return nil
    }

    private init(_ pointer: OpaquePointer) {
        self.pointer = pointer
        usesTLS = PQsslInUse(pointer) == 1
    }

    deinit { close() }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        PQfinish(pointer)
    }

    /// The socket, for `poll(2)`; negative once libpq has given it up.
    var descriptor: Int32 { PQsocket(pointer) }

    /// Whether libpq has given the connection up, as it does when it cannot make sense of what the server sends.
    var isBroken: Bool { PQstatus(pointer) == CONNECTION_BAD }

    // MARK: Sending. False: the connection is lost.

    func prepare(_ name: String, _ text: String, _ types: [UInt32]) -> Bool {
        PQsendPrepare(pointer, name, text, Int32(types.count), types) == 1
    }

    func execute(_ name: String, _ parameters: PostgresParameters) -> Bool {
        parameters.bytes.withUnsafeBytes { bytes in
            let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            // An empty value still wants an address: nil would be NULL.
            let values = parameters.offsets.map { (offset: Int?) -> UnsafePointer<CChar>? in
                guard let offset else { return nil }
                return start.map { $0 + offset } ?? Self.empty
            }
            return PQsendQueryPrepared(
                pointer, name, Int32(values.count), values, parameters.lengths, parameters.formats, 1) == 1
        }
    }

    /// Sends a statement without parameters, which is not kept prepared.
    func executeOnce(_ text: String) -> Bool {
        PQsendQueryParams(pointer, text, 0, nil, nil, nil, nil, 1) == 1
    }

    /// Ends what the server takes as one transaction, unless `BEGIN` has opened one. The answer is ``Answer/synced``.
    func sync() -> Bool { PQpipelineSync(pointer) == 1 }

    /// Sends a script of any number of statements. Ends with ``Answer/none``, and then ``leaveScript()`` is due.
    func executeScript(_ text: String) -> Bool {
        PQexitPipelineMode(pointer) == 1 && PQsendQuery(pointer, text) == 1
    }

    func leaveScript() -> Bool { PQenterPipelineMode(pointer) == 1 }

    /// Whether all has been written; nil: the connection is lost.
    func flush() -> Bool? {
        switch PQflush(pointer) {
        case 0: true
        case 1: false
        default: nil
        }
    }

    // MARK: Receiving

    enum Answer {
        /// More bytes are needed.
        case pending
        /// The end of one statement's results.
        case none
        case synced
        /// Not run, because a statement before it failed.
        case skipped
        case result(LibPQResult)
        case failure(LibPQResult)
        /// A statement that streams, which this module does not offer: the connection is of no use any more.
        case copy
    }

    /// Reads what has arrived. False: the connection is lost.
    func read() -> Bool {
        guard PQconsumeInput(pointer) == 1 else { return false }
        // OpenSSL may hold decrypted bytes for which poll(2) will never report anything again.
        while hasDecryptedBytes {
            guard PQconsumeInput(pointer) == 1 else { return false }
        }
        return true
    }

    func next() -> Answer {
        if PQisBusy(pointer) == 1 { return .pending }
        guard let result = PQgetResult(pointer) else { return .none }
        switch PQresultStatus(result) {
        case PGRES_PIPELINE_SYNC:
            PQclear(result)
            return .synced
        case PGRES_PIPELINE_ABORTED:
            PQclear(result)
            return .skipped
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: return .result(LibPQResult(result))
        case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
            PQclear(result)
            return .copy
        default: return .failure(LibPQResult(result))
        }
    }

    /// The next `NOTIFY` that has arrived.
    func notification() -> PostgresNotification? {
        guard let notify = PQnotifies(pointer) else { return nil }
        defer { PQfreemem(notify) }
        return PostgresNotification(channel: String(cString: notify.pointee.relname), payload: String(cString: notify.pointee.extra))
    }

    var isInTransaction: Bool {
        let status = PQtransactionStatus(pointer)
        return status == PQTRANS_INTRANS || status == PQTRANS_INERROR
    }

    var isInFailedTransaction: Bool { PQtransactionStatus(pointer) == PQTRANS_INERROR }

    /// What can stop the statement that runs, from another thread.
    func canceller() -> LibPQCanceller? { PQgetCancel(pointer).map(LibPQCanceller.init) }

    // MARK: -

    /// Whether ``read()`` can know that OpenSSL holds nothing back. If not, a connection with TLS is to be read every few milliseconds.
    var knowsDecryptedBytes: Bool { !usesTLS || Self.pendingBytes != nil }

    private var hasDecryptedBytes: Bool {
        guard usesTLS, let pendingBytes = Self.pendingBytes, let tls = PQsslStruct(pointer, "OpenSSL") else { return false }
        return pendingBytes(tls) > 0
    }

    private typealias PendingBytes = @convention(c) (UnsafeMutableRawPointer) -> Int32

    /// `SSL_pending` of the OpenSSL that libpq itself has loaded, so that this module need not be linked against it.
    private static let pendingBytes: PendingBytes? = {
        guard let program = dlopen(nil, RTLD_NOW), let symbol = dlsym(program, "SSL_pending") else { return nil }
        return unsafeBitCast(symbol, to: PendingBytes.self)
    }()

    // Never written, so any thread may read it.
    nonisolated(unsafe) private static let empty = UnsafePointer<CChar>(strdup(""))

    private static func withCStrings<R>(_ strings: [String], _ body: ([UnsafePointer<CChar>?]) -> R) -> R {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies.map { UnsafePointer($0) } + [nil])
    }

    private static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).map { $0.drop { $0 == " " || $0 == "\t" } }.joined(separator: "; ")
    }
}

/// An answer of the server: libpq's `PGresult`. Never changed once it is here, so any thread may read it.
final class LibPQResult: @unchecked Sendable {
    private let pointer: OpaquePointer

    fileprivate init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { PQclear(pointer) }

    /// A success that says nothing, for what is tested without a server.
    static var nothing: LibPQResult { LibPQResult(PQmakeEmptyPGresult(nil, PGRES_COMMAND_OK)) }

    var rowCount: Int { Int(PQntuples(pointer)) }
    var columnCount: Int { Int(PQnfields(pointer)) }
    func columnName(_ column: Int) -> String { String(cString: PQfname(pointer, Int32(column))) }
    /// The type's number in the server's catalogue.
    func columnType(_ column: Int) -> UInt32 { PQftype(pointer, Int32(column)) }

    /// Gives `body` a value's bytes in the server's binary form; nil for NULL.
    func withValue<R, E: Error>(_ row: Int, _ column: Int, _ body: (UnsafeRawBufferPointer?) throws(E) -> R) throws(E) -> R {
        let (row, column) = (Int32(row), Int32(column))
        if PQgetisnull(pointer, row, column) == 1 { return try body(nil) }
        return try body(UnsafeRawBufferPointer(start: PQgetvalue(pointer, row, column), count: Int(PQgetlength(pointer, row, column))))
    }

    /// What was done, such as `UPDATE 2` or `COMMIT`.
    var command: String { String(cString: PQcmdStatus(pointer)) }
    var affectedRows: Int { Int(String(cString: PQcmdTuples(pointer))) ?? 0 }

    enum Field: Character {
        case severity = "V"
        case sqlState = "C"
        case message = "M"
        case table = "t"
        case column = "c"
        case constraint = "n"
        /// The server's function that reported it.
        case routine = "R"
    }

    /// Whether the server closes the connection with this error.
    var endsConnection: Bool { self[.severity].map(["FATAL", "PANIC"].contains) ?? false }

    /// A part of an error.
    subscript(field: Field) -> String? {
        guard let text = PQresultErrorField(pointer, Int32(field.rawValue.asciiValue!)) else { return nil }
        return String(cString: text)
    }
}

/// Libpq's `PGcancel`: a copy of what is needed to ask the server to stop a connection's statement. Never changed, so any thread may use it.
final class LibPQCanceller: @unchecked Sendable {
    private let pointer: OpaquePointer

    fileprivate init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { PQfreeCancel(pointer) }

    /// Blocks until the server has taken note, which is before it stops the statement. It may come too early or too late to find one.
    ///
    /// Leaves SIGPIPE blocked in the thread: libpq writes here without asking to be spared it, and a server that has just gone away
    /// must not end the process.
    func cancel() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { reason in
            _ = PQcancel(pointer, reason.baseAddress, Int32(reason.count))
        }
    }
}
