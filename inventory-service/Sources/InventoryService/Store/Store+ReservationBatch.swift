import Basics
import Database
import InventoryAPI

/// The statements that serve many callers at once, on PostgreSQL. Each is one transaction and one round trip.
///
/// They keep to the order of locks that `forUpdate` tells of; a statement takes all of its locks, in the order of ids, before it writes.
/// What a statement has locked it sees as it is now; everything else it sees as it was when it began. So what decides is read where it is
/// locked, and what may have changed meanwhile is left for another statement to look at. An `UPDATE` finds rows as they were, tries them
/// against their CHECKs, and only then turns to the newest version: so it sets what follows from the locked row, and never adds to its own.
extension Store {
    /// A reservation that is asked for.
    struct Claim: Sendable {
        var id: Identifier
        var orderID: Identifier
        /// Seconds.
        var expiresIn: Int64
        var actor: String
        /// No product twice; `name` is how the caller names it.
        var lines: [(name: String, product: ProductKey, quantity: Int64)]
    }

    /// What became of a claim.
    struct ClaimOutcome: Sendable {
        /// Whether it was written; if not, nothing was.
        var isWritten = false
        /// nil where a line's product does not exist; with what was available when the stock was locked, before anything of this batch.
        var lines: [(stock: (productID: Identifier, sku: String, available: Int64), quantity: Int64)?] = []
    }

    /// Writes those of several reservations that are new, of known products, and for which there is enough of everything together with
    /// those before them: the rows, the stock, the ledger.
    ///
    /// What one claim alone asks too much of counts for nobody, so that a big one that is refused does not take small ones with it; but one
    /// that is refused for what others before it get does count for those behind it, and so does one whose id is taken. Nothing can be said
    /// yet of a claim that was not written: see what else there is by its id first.
    /// - Parameter claims: no two with the same id.
    /// - Returns: in the order of `claims`.
    func write(_ claims: [Claim], at now: Timestamp) async throws -> [ClaimOutcome] {
        let lines = claims.enumerated().flatMap { place, claim in
            claim.lines.enumerated().map { (claim: place, line: $0, product: $1.product, quantity: $1.quantity) }
        }
        // The product's row is locked besides, or it could be archived while its stock is waited for; and it is locked first, as whoever
        // archives it does.
        let rows = try await runner.query(
            """
            WITH available AS MATERIALIZED (
                SELECT p.id, p.sku, s.on_hand, s.reserved, s.on_hand - s.reserved AS pieces
                FROM products p JOIN stock s ON s.product_id = p.id
                WHERE \(Self.named(lines.map(\.product))) AND p.archived_at IS NULL
                ORDER BY p.id FOR SHARE OF p FOR NO KEY UPDATE OF s),
            asked AS MATERIALIZED (
                SELECT a.claim, a.line, a.quantity, p.id AS product_id, p.sku, p.pieces
                FROM unnest(\(array: lines.map(\.claim))::bigint[], \(array: lines.map(\.line))::bigint[],
                    \(array: lines.map(\.product.description))::text[], \(array: lines.map(\.quantity))::bigint[])
                    AS a (claim, line, product, quantity)
                LEFT JOIN (
                    SELECT id::text COLLATE "C" AS name, id, sku, pieces FROM available
                    UNION ALL SELECT sku, id, sku, pieces FROM available) p ON p.name = a.product),
            fits_alone AS MATERIALIZED (
                SELECT claim FROM asked GROUP BY claim HAVING bool_and(product_id IS NOT NULL AND quantity <= pieces)),
            fits AS MATERIALIZED (
                SELECT claim FROM (
                    SELECT a.claim, a.pieces, sum(a.quantity) OVER (PARTITION BY a.product_id ORDER BY a.claim) AS running
                    FROM asked a JOIN fits_alone USING (claim)) r
                GROUP BY claim HAVING bool_and(running <= pieces)),
            claims AS MATERIALIZED (
                SELECT c.id, c.order_id, c.expires_in, c.actor, c.place - 1 AS claim
                FROM unnest(\(array: claims.map(\.id))::uuid[], \(array: claims.map(\.orderID))::uuid[],
                    \(array: claims.map(\.expiresIn))::bigint[], \(array: claims.map(\.actor))::text[])
                    WITH ORDINALITY AS c (id, order_id, expires_in, actor, place)),
            written AS (
                INSERT INTO reservations (id, state, order_id, expires_in, expires_at, created_at, updated_at)
                SELECT id, 'held', order_id, expires_in, \(now) + expires_in * interval '1 second', \(now), \(now)
                FROM claims JOIN fits USING (claim) ORDER BY id
                ON CONFLICT (id) DO NOTHING RETURNING id),
            moved AS MATERIALIZED (
                SELECT a.claim, a.line, c.id, c.actor, a.product_id, a.sku, a.quantity
                FROM written JOIN claims c USING (id) JOIN asked a USING (claim)),
            lines AS (
                INSERT INTO reservation_lines (reservation_id, line, product_id, sku, quantity)
                SELECT id, line, product_id, sku, quantity FROM moved),
            entries AS (
                INSERT INTO stock_movements (product_id, kind, quantity, reservation_id, actor, at)
                SELECT product_id, 'reserve', quantity, id, actor, \(now) FROM moved ORDER BY claim, line),
            changed AS (
                UPDATE stock s SET on_hand = a.on_hand, reserved = a.reserved + m.quantity
                FROM (SELECT product_id, sum(quantity)::bigint AS quantity FROM moved GROUP BY product_id) m JOIN available a ON a.id = m.product_id
                WHERE s.product_id = m.product_id)
            SELECT a.claim, a.product_id, a.sku, a.pieces, a.quantity, m.claim IS NOT NULL
            FROM asked a LEFT JOIN (SELECT DISTINCT claim FROM moved) m USING (claim) ORDER BY a.claim, a.line
            """)
        var outcomes = Array(repeating: ClaimOutcome(), count: claims.count)
        for row in rows {
            let place: Int = try row.decode(0)
            outcomes[place].isWritten = try row.decode(5)
            guard let productID = try row.decode(1, as: Identifier?.self) else {
                outcomes[place].lines.append(nil)
                continue
            }
            outcomes[place].lines.append(((productID, try row.decode(2), try row.decode(3)), try row.decode(4)))
        }
        return outcomes
    }

    /// Those of these ids that there is a reservation of.
    func knownReservations(of ids: [Identifier]) async throws -> Set<Identifier> {
        Set(try await runner.query("SELECT id FROM reservations WHERE \(Self.isOne("id", of: ids))").map { try $0.decode(0, as: Identifier.self) })
    }

    /// A call on a reservation.
    struct Step: Sendable {
        var call: ReservationRules.Call
        var id: Identifier
        var actor: String
    }

    /// Moves those of several reservations that the rules let move: the rows, the stock, the ledger.
    ///
    /// Whoever inserts a reservation waits for a change of that row, though not for a lock: so the rows are changed when the stock is locked.
    /// That nothing is written before, wherever a plan begins, is what counting the locked rows is for.
    /// - Parameter steps: no two of the same reservation.
    /// - Returns: in the order of `steps`, the reservation as it is now; nil where nothing was moved.
    func move(_ steps: [Step], at now: Timestamp) async throws -> [Reservation?] {
        let rows = try await runner.query(
            """
            WITH rules (call, state, is_due, next_state, kind, on_hand, reserved) AS (VALUES \(Self.moves)),
            asked AS MATERIALIZED (
                SELECT a.id, a.call, a.actor, a.place
                FROM unnest(\(array: steps.map(\.id))::uuid[], \(array: steps.map(\.call.rawValue))::text[], \(array: steps.map(\.actor))::text[])
                    WITH ORDINALITY AS a (id, call, actor, place)),
            known AS MATERIALIZED (
                SELECT r.id, r.state, r.order_id, r.expires_at, r.created_at FROM reservations r
                WHERE r.id = ANY(\(array: steps.map(\.id))::uuid[]) ORDER BY r.id FOR NO KEY UPDATE OF r),
            moves AS MATERIALIZED (
                SELECT k.id, k.order_id, k.expires_at, k.created_at, a.actor, a.place, u.next_state, u.kind, u.on_hand, u.reserved
                FROM known k JOIN asked a USING (id)
                JOIN rules u ON u.call = a.call AND u.state = k.state AND u.is_due = (k.state = 'held' AND k.expires_at <= \(now))),
            lines AS MATERIALIZED (
                SELECT m.id, m.actor, m.place, m.kind, m.on_hand, m.reserved, l.line, l.product_id, l.sku, l.quantity
                FROM moves m JOIN reservation_lines l ON l.reservation_id = m.id),
            held AS MATERIALIZED (
                SELECT s.product_id, s.on_hand, s.reserved FROM stock s WHERE s.product_id IN (SELECT product_id FROM lines)
                ORDER BY s.product_id FOR NO KEY UPDATE OF s),
            entries AS (
                INSERT INTO stock_movements (product_id, kind, quantity, reservation_id, actor, at)
                SELECT product_id, kind, quantity, id, actor, \(now) FROM lines WHERE (SELECT count(*) FROM held) > 0 ORDER BY place, line),
            changed AS (
                UPDATE stock s SET on_hand = h.on_hand + m.on_hand, reserved = h.reserved + m.reserved
                FROM (
                    SELECT product_id, sum(on_hand * quantity)::bigint AS on_hand, sum(reserved * quantity)::bigint AS reserved
                    FROM lines GROUP BY product_id) m JOIN held h USING (product_id)
                WHERE s.product_id = m.product_id AND (SELECT count(*) FROM held) > 0),
            settled AS (
                UPDATE reservations r SET state = m.next_state, updated_at = \(now) FROM moves m
                WHERE r.id = m.id AND (SELECT count(*) FROM held) > 0)
            SELECT m.place - 1, m.next_state, m.order_id, m.expires_at, m.created_at, l.product_id, l.sku, l.quantity
            FROM moves m LEFT JOIN lines l USING (place) ORDER BY m.place, l.line
            """)
        var reservations: [Reservation?] = Array(repeating: nil, count: steps.count)
        for row in rows {
            let place: Int = try row.decode(0)
            if reservations[place] == nil {
                guard let state = Reservation.State(rawValue: try row.decode(1)) else { throw StoredValueError(what: "state of a reservation") }
                reservations[place] = Reservation(
                    id: steps[place].id, state: state, orderID: try row.decode(2), lines: [], expiresAt: try row.decode(3),
                    createdAt: try row.decode(4), updatedAt: now)
            }
            guard let productID = try row.decode(5, as: Identifier?.self) else { continue }
            reservations[place]?.lines.append(Reservation.Line(productID: productID, sku: try row.decode(6), quantity: try row.decode(7)))
        }
        return reservations
    }

    /// What `ReservationRules` lets move, as rows.
    private static let moves: SQL = {
        var rows: [String] = []
        for call in ReservationRules.Call.allCases {
            for state in Reservation.State.allCases {
                for isDue in state == .held ? [false, true] : [false] {
                    guard case .move(let next, let kind) = ReservationRules.outcome(of: call, on: state, isDue: isDue) else { continue }
                    let effect = kind.effect
                    rows.append(
                        "('\(call.rawValue)', '\(state.rawValue)', \(isDue), '\(next.rawValue)', '\(kind.rawValue)', \(effect.onHand), \(effect.reserved))"
                    )
                }
            }
        }
        return "\(raw: rows.joined(separator: ", "))"
    }()
}
