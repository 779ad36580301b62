import Basics
import Database
import PricingAPI

extension Store {
    /// Within a transaction only.
    func insertQuote(_ quote: Quote, discounts: [Identifier]) async throws {
        try await runner.execute(
            "INSERT INTO quotes (id, created_at, valid_until, body) VALUES (\(quote.id), \(quote.createdAt), \(quote.validUntil), \(Self.text(quote)))"
        )
        guard !discounts.isEmpty else { return }
        let rows = discounts.map { discount -> SQL in "(\(quote.id), \(discount))" }
        try await runner.execute("INSERT INTO quote_discounts (quote_id, discount_id) VALUES \(rows.joined(separator: ", "))")
    }

    func quote(_ id: Identifier) async throws -> Quote? {
        try await runner.query("SELECT body FROM quotes WHERE id = \(id)").first.map { try Self.value($0.decode("body")) }
    }

    /// The discounts of a quote, in the one order in which every transaction touches them: no two wait for each other in a circle.
    func discounts(of quote: Identifier) async throws -> [Identifier] {
        try await runner.query("SELECT discount_id FROM quote_discounts WHERE quote_id = \(quote) ORDER BY discount_id").map {
            try $0.decode("discount_id")
        }
    }

    /// Records a redemption, or the undo that came before it. False, and nothing written, if this quote and order have a record
    /// already or, for a redemption, if the order holds another quote's.
    func insertRedemption(_ redemption: Redemption, by shopper: String? = nil) async throws -> Bool {
        try await runner.execute(
            """
            INSERT INTO redemptions (quote_id, order_id, state, codes, redeemed_at, undone_at, shopper)
            VALUES (\(redemption.quoteID), \(redemption.orderID), \(redemption.state.rawValue), \(redemption.codes.joined(separator: ",")),
                \(redemption.redeemedAt), \(redemption.undoneAt), \(shopper))
            ON CONFLICT DO NOTHING
            """
        ) == 1
    }

    struct Undone: Sendable {
        var shopper: String?
    }

    /// Turns a redemption into an undone one, and gives whom it was for; nil if there is none to turn.
    func undoRedemption(of quote: Identifier, by order: Identifier, at now: Timestamp) async throws -> Undone? {
        try await runner.query(
            """
            UPDATE redemptions SET state = 'undone', undone_at = \(now)
            WHERE quote_id = \(quote) AND order_id = \(order) AND state = 'redeemed' RETURNING shopper
            """
        ).first.map { Undone(shopper: try $0.decode("shopper")) }
    }

    func redemption(of quote: Identifier, by order: Identifier) async throws -> Redemption? {
        try await runner.query(
            "SELECT state, codes, redeemed_at, undone_at FROM redemptions WHERE quote_id = \(quote) AND order_id = \(order)"
        ).first.map { row in
            guard let state = Redemption.State(rawValue: try row.decode("state")) else { throw StoredValueError(type: "Redemption.State") }
            return Redemption(
                quoteID: quote, orderID: order, state: state, codes: try row.decode("codes", as: String.self).split(separator: ",").map(String.init),
                redeemedAt: try row.decode("redeemed_at"), undoneAt: try row.decode("undone_at")
            )
        }
    }

    /// Deletes up to `limit` quotes that ended before `time` and that no order ever took up; gives their number.
    func deleteQuotes(endedBefore time: Timestamp, limit: Int) async throws -> Int {
        try await runner.execute(
            """
            DELETE FROM quotes WHERE id IN (
                SELECT q.id FROM quotes q WHERE q.valid_until < \(time)
                AND NOT EXISTS (SELECT 1 FROM redemptions r WHERE r.quote_id = q.id) ORDER BY q.valid_until LIMIT \(limit) \(SQL.skipLocked)
            )
            """
        )
    }
}
