public import Basics
import Crypto
public import Database
public import HTTPPath
import HTTPTypes
public import Hummingbird
public import NIOCore

/// `Idempotency-Key`: the first answer is given again, and the effect happens once.
///
/// Key and effect commit in one transaction. The scope is (subject, method, path); keys are kept for 24 h, and "the same request" means the
/// same SHA-256 of the body's bytes. What is refused before it runs is not stored, so a mended request may use its key again.
public enum Idempotency {
    /// The statements that a service's migration for SQLite includes; one row a key.
    public static let migration = """
        CREATE TABLE idempotency_keys (
            subject TEXT NOT NULL, route TEXT NOT NULL, key TEXT NOT NULL, body_sha256 TEXT NOT NULL,
            status INTEGER NOT NULL, location TEXT, etag TEXT, body TEXT NOT NULL, created_at BIGINT NOT NULL,
            PRIMARY KEY (subject, route, key)
        );
        CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
        """

    /// As ``migration``, for PostgreSQL.
    public static let postgresMigration = """
        CREATE TABLE idempotency_keys (
            subject text NOT NULL, route text NOT NULL, key text NOT NULL, body_sha256 text NOT NULL,
            status bigint NOT NULL, location text, etag text, body text NOT NULL, created_at timestamptz NOT NULL,
            PRIMARY KEY (subject, route, key)
        );
        CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
        """

    /// The key of a request.
    /// - Throws: 400 where it is not 1–255 visible ASCII characters, or missing although `required`.
    public static func key(_ request: Request, required: Bool) throws(Problem) -> String? {
        guard let key = request.headers[.idempotencyKey] else {
            if required { throw .invalidParameter("Idempotency-Key", "is required, so that a repeated request is done once") }
            return nil
        }
        guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .invalidParameter("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
        }
        return key
    }

    /// The SHA-256 of a body, hexadecimal.
    public static func hash(_ body: ByteBuffer) -> String {
        SHA256.hash(data: body.readableBytesView).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// 422: the key was used for another request.
    public static let reused = Problem(
        422, "idempotency_key_reused", "That Idempotency-Key was used for another request: use a new one.",
        errors: [FieldError(pointer: "Idempotency-Key", detail: "was used with another body")])

    /// 409: a request with that key is being worked on.
    public static let inProgress = Problem(
        409, "request_in_progress", "A request with that Idempotency-Key is being worked on: send it again to get its answer.",
        errors: [FieldError(pointer: "Idempotency-Key", detail: "is in use by a request that has no answer yet")], retryAfterSeconds: 1)

    /// Runs a create at most once per key. Without a key it just runs.
    ///
    /// Of several requests with one key at once one runs. On SQLite, where writers come one after the other, the rest get its answer; on
    /// PostgreSQL those that come while it runs are refused with ``inProgress``, rather than each holding a connection until it has ended.
    /// - Parameter effect: in the transaction that also stores the answer; what it throws rolls both back.
    public static func run(
        _ request: Request, _ context: ServiceContext, route: RouteKey, body: ByteBuffer, database: any Database, now: Timestamp,
        _ effect: @escaping @Sendable (any SQLRunner) async throws -> Answer
    ) async throws -> Response {
        guard let key = try key(request, required: false) else {
            return try await database.withTransaction { try await effect($0) }.response(replayed: false)
        }
        // The same key on another resource is another request, so the parameters belong to the scope: decoded, since a path has many spellings.
        let name = try route.path.split(separator: "/").reduce(route.method.rawValue + " ") { name, segment throws(Problem) in
            let isParameter = segment.hasPrefix("{") && segment.hasSuffix("}")
            return name + "/" + (isParameter ? try context.path(String(segment.dropFirst().dropLast())).percentEncoded : String(segment))
        }
        let scope = Scope(subject: context.identity.actor, route: name, key: key)
        let hash = hash(body)
        if let answer = try await scope.answer(to: hash, now, database) { return answer.response(replayed: true) }
        let (answer, replayed) = try await database.withTransaction { transaction -> (Answer, Bool) in
            try await scope.lock(transaction)
            if let answer = try await scope.answer(to: hash, now, transaction) { return (answer, true) }
            let answer = try await effect(transaction)
            try await scope.store(answer, to: hash, now, transaction)
            return (answer, false)
        }
        return answer.response(replayed: replayed)
    }

    /// Removes keys older than 24 h, at most `limit` at once.
    /// - Returns: how many.
    @discardableResult
    public static func sweep(_ database: any SQLRunner, now: Timestamp, limit: Int = 1000) async throws -> Int {
        try await database.execute(
            """
            DELETE FROM idempotency_keys WHERE (subject, route, key) IN (
                SELECT subject, route, key FROM idempotency_keys WHERE created_at < \(oldest(now)) ORDER BY created_at LIMIT \(limit) \(SQL.skipLocked)
            )
            """)
    }

    /// Keys from before this time are forgotten.
    private static func oldest(_ now: Timestamp) -> Timestamp { now - .seconds(24 * 3600) }

    /// What a key stands for, and its row.
    private struct Scope: Sendable {
        let subject: String
        let route: String
        let key: String

        /// Keeps others with the same key out until the transaction ends; afterwards they see what it has stored.
        /// - Throws: ``inProgress`` where somebody else holds the lock.
        func lock(_ transaction: any SQLRunner) async throws {
            guard transaction.dialect == .postgres else { return }
            // A line break keeps the parts apart: none of them holds one. The table's own number keeps other tables' locks apart.
            let name = "\(subject)\n\(route)\n\(key)"
            let row = try await transaction.query(
                "SELECT pg_try_advisory_xact_lock(hashtextextended(\(name), 'idempotency_keys'::regclass::oid::bigint)) AS locked"
            ).first
            guard try row?.decode("locked") == true else { throw inProgress }
        }

        /// The answer that was stored; nil if there is none, or it is older than 24 h.
        /// - Throws: ``reused`` where it answers another request.
        func answer(to hash: String, _ now: Timestamp, _ runner: any SQLRunner) async throws -> Answer? {
            let rows = try await runner.query(
                """
                SELECT body_sha256, status, location, etag, body FROM idempotency_keys
                WHERE subject = \(subject) AND route = \(route) AND key = \(key) AND created_at >= \(oldest(now))
                """)
            guard let row = rows.first else { return nil }
            guard try row.decode("body_sha256") == hash else { throw reused }
            return Answer(
                status: try row.decode("status"), body: ByteBuffer(string: try row.decode("body", as: String.self)),
                location: try row.decode("location"), etag: try row.decode("etag"))
        }

        /// In the place of an answer that is older than 24 h, if there is one.
        func store(_ answer: Answer, to hash: String, _ now: Timestamp, _ transaction: any SQLRunner) async throws {
            try await transaction.execute(
                """
                INSERT INTO idempotency_keys (subject, route, key, body_sha256, status, location, etag, body, created_at)
                VALUES (\(subject), \(route), \(key), \(hash), \(answer.status), \(answer.location), \(answer.etag),
                    \(String(buffer: answer.body)), \(now))
                ON CONFLICT (subject, route, key) DO UPDATE SET body_sha256 = excluded.body_sha256, status = excluded.status,
                    location = excluded.location, etag = excluded.etag, body = excluded.body, created_at = excluded.created_at
                """)
        }
    }

    /// An answer that can be stored.
    public struct Answer: Sendable {
        public var status: Int
        public var body: ByteBuffer
        public var location: String?
        public var etag: String?

        public init(status: Int, body: ByteBuffer, location: String? = nil, etag: String? = nil) {
            self.status = status
            self.body = body
            self.location = location
            self.etag = etag
        }

        func response(replayed: Bool) -> Response {
            var headers = HTTPFields()
            headers[.location] = location
            headers[.eTag] = etag
            if replayed { headers[.idempotencyReplayed] = "true" }
            return .json(bytes: body, status: HTTPResponse.Status(code: status), headers: headers)
        }
    }
}
