import Basics
import Database
import InventoryAPI

extension Store {
    /// - Parameter toChange: the row is locked until the transaction ends.
    func reservation(_ id: Identifier, toChange: Bool = false) async throws -> StoredReservation? {
        let lock = toChange ? Self.forUpdate(of: "r") : SQL()
        return try await reservations("WHERE r.id = \(id)\(lock)").first
    }

    /// Held ones whose time is over, the longest overdue first, locked; those that another transaction works on are passed over, for what
    /// it decides is as good.
    func dueReservations(at now: Timestamp, limit: Int) async throws -> [StoredReservation] {
        let lock = Self.forUpdate(of: "r") + SQL(sqlite: "", postgres: " SKIP LOCKED")
        return try await reservations("WHERE r.state = 'held' AND r.expires_at <= \(now) ORDER BY r.expires_at LIMIT \(limit)\(lock)")
    }

    /// Whether the time of any held one is over; locks nothing.
    func hasDueReservations(at now: Timestamp) async throws -> Bool {
        try await !runner.query("SELECT 1 AS one FROM reservations r WHERE r.state = 'held' AND r.expires_at <= \(now) LIMIT 1").isEmpty
    }

    /// Writes a reservation without its lines, unless its id is there already: who writes the row first has the id. Another transaction
    /// that is about to is waited for; if it rolls back, the row is written here.
    /// - Returns: whether it was written. If not, the row that is there can be read now.
    func insert(_ stored: StoredReservation) async throws -> Bool {
        let reservation = stored.reservation
        let count = try await runner.execute(
            """
            INSERT INTO reservations (id, state, order_id, expires_in, expires_at, created_at, updated_at)
            VALUES (\(reservation.id), \(reservation.state.rawValue), \(reservation.orderID), \(stored.expiresIn), \(reservation.expiresAt),
                \(reservation.createdAt), \(reservation.updatedAt))
            ON CONFLICT (id) DO NOTHING
            """)
        return count == 1
    }

    /// Writes the lines of a reservation that was just inserted.
    func insertLines(of reservation: Reservation) async throws {
        let lines = reservation.lines
        let rows = lines.enumerated().map { index, line -> SQL in
            "(\(reservation.id), \(index), \(line.productID), \(line.sku), \(line.quantity))"
        }
        try await runner.execute(
            SQL(
                sqlite: "INSERT INTO reservation_lines (reservation_id, line, product_id, sku, quantity) VALUES \(rows.joined(separator: ", "))",
                postgres: """
                    INSERT INTO reservation_lines (reservation_id, line, product_id, sku, quantity)
                    SELECT \(reservation.id), line - 1, product_id, sku, quantity
                    FROM unnest(\(array: lines.map(\.productID))::uuid[], \(array: lines.map(\.sku))::text[],
                        \(array: lines.map(\.quantity))::bigint[]) WITH ORDINALITY AS l (product_id, sku, quantity, line)
                    """))
    }

    func setState(_ state: Reservation.State, of reservations: [Identifier], at now: Timestamp) async throws {
        try await runner.execute(
            "UPDATE reservations SET state = \(state.rawValue), updated_at = \(now) WHERE \(Self.isOne("id", of: reservations))")
    }

    private func reservations(_ rest: SQL) async throws -> [StoredReservation] {
        let rows = try await runner.query(
            "SELECT r.id, r.state, r.order_id, r.expires_in, r.expires_at, r.created_at, r.updated_at FROM reservations r \(rest)")
        guard !rows.isEmpty else { return [] }
        let lines = try await lines(of: rows.map { try $0.decode("id") })
        return try rows.map { row in
            let id: Identifier = try row.decode("id")
            guard let state = Reservation.State(rawValue: try row.decode("state")) else { throw StoredValueError(what: "state of a reservation") }
            return StoredReservation(
                reservation: Reservation(
                    id: id, state: state, orderID: try row.decode("order_id"), lines: lines[id] ?? [], expiresAt: try row.decode("expires_at"),
                    createdAt: try row.decode("created_at"), updatedAt: try row.decode("updated_at")),
                expiresIn: try row.decode("expires_in"))
        }
    }

    private func lines(of reservations: [Identifier]) async throws -> [Identifier: [Reservation.Line]] {
        let rows = try await runner.query(
            """
            SELECT reservation_id, product_id, sku, quantity FROM reservation_lines
            WHERE \(Self.isOne("reservation_id", of: reservations)) ORDER BY reservation_id, line
            """)
        var lines: [Identifier: [Reservation.Line]] = [:]
        for row in rows {
            lines[try row.decode("reservation_id"), default: []].append(
                Reservation.Line(productID: try row.decode("product_id"), sku: try row.decode("sku"), quantity: try row.decode("quantity")))
        }
        return lines
    }
}
