import Basics
import Database
import HTTPPath
import NIOCore

/// The orders' rows.
struct OrderStore: Sendable {
    /// False, and nothing written, if the subject's key stands for another order.
    func insert(
        _ id: Identifier, subject: String, key: String, bodyHash: String, request: OrderRequest, outcome: OrderOutcome, now: Timestamp,
        _ transaction: any SQLRunner
    ) async throws -> Bool {
        try await transaction.execute(
            """
            INSERT INTO orders (id, subject, idempotency_key, body_sha256, status, request, outcome, created_at, updated_at)
            VALUES (\(id), \(subject), \(key), \(bodyHash), 'pending', \(text(request)), \(text(outcome)), \(now), \(now))
            ON CONFLICT (subject, idempotency_key) DO NOTHING
            """) == 1
    }

    /// The order that a key was used for, and the hash of the body it came with.
    func find(subject: String, key: String, _ runner: any SQLRunner) async throws -> (order: Order, bodyHash: String)? {
        try await runner.query("\(Self.select) WHERE subject = \(subject) AND idempotency_key = \(key)").first.map {
            (try Self.order($0), try $0.decode("body_sha256"))
        }
    }

    func find(_ id: Identifier, _ runner: any SQLRunner) async throws -> Order? {
        try await runner.query("\(Self.select) WHERE id = \(id)").first.map(Self.order)
    }

    /// Newest first.
    /// - Parameter subject: whose; nil for everybody's.
    func page(subject: String?, before: Identifier?, limit: Int, _ runner: any SQLRunner) async throws -> [Order] {
        var conditions: [SQL] = []
        if let subject { conditions.append("subject = \(subject)") }
        if let before { conditions.append("id < \(before)") }
        var sql = Self.select
        for (index, condition) in conditions.enumerated() { sql = index == 0 ? "\(sql) WHERE \(condition)" : "\(sql) AND \(condition)" }
        return try await runner.query("\(sql) ORDER BY id DESC LIMIT \(limit)").map(Self.order)
    }

    func update(
        _ id: Identifier, status: Order.Status, outcome: OrderOutcome? = nil, rejection: Problem? = nil, now: Timestamp, _ transaction: any SQLRunner
    ) async throws {
        try await transaction.execute(
            """
            UPDATE orders SET status = \(status.rawValue), outcome = COALESCE(\(outcome.map(text) as String?), outcome),
                rejection_status = \(rejection?.status as Int?), rejection = \(rejection.map { String(buffer: $0.body(traceID: nil)) } as String?),
                version = version + 1, updated_at = \(now)
            WHERE id = \(id)
            """)
    }

    private static let select: SQL =
        """
        SELECT id, subject, body_sha256, status, request, outcome, rejection_status, rejection, version, created_at, updated_at FROM orders
        """

    private static func order(_ row: Row) throws -> Order {
        let rejection = try row.decode("rejection", as: String?.self)
        let outcome = try row.decode("outcome", as: String?.self)
        return Order(
            id: try row.decode("id"), subject: try row.decode("subject"), status: Order.Status(rawValue: try row.decode("status"))!,
            request: try read(row.decode("request"), OrderRequest.init), outcome: try outcome.map { try read($0, OrderOutcome.init) },
            rejection: try rejection.map { Problem(status: try row.decode("rejection_status"), body: ByteBuffer(string: $0)) },
            version: try row.decode("version"), createdAt: try row.decode("created_at"), updatedAt: try row.decode("updated_at"))
    }

    private static func read<T>(_ text: String, _ read: (Fields) -> T) throws -> T {
        try Fields.read(JSON.parse(Array(text.utf8)), strict: false, read)
    }

    private func text(_ value: some JSONWritable) -> String { String(buffer: JSONWriter.bytes(value)) }
}
