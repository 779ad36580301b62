import Basics
import Database
import Foundation

/// What the three databases say when the shop is closed: read from the outside, with SQL of the test's own.
struct Books {
    let stock: (onHand: Int64, reserved: Int64)
    let movements: [String: Int64]
    let reservations: [String: Int]
    let orders: [String: Int]
    /// Payments by order status and payment state: `confirmed/captured`.
    let payments: [String: Int]
    let unfinishedSagas: Int
    let ledger: [String: Int]

    init(_ folder: URL, sku: String) async throws {
        let inventory = try SQLiteDatabase(path: folder.appending(path: "inventory.sqlite").path())
        let row = try await inventory.query(
            "SELECT s.on_hand, s.reserved, p.id FROM products p JOIN stock s ON s.product_id = p.id WHERE p.sku = \(sku)")[0]
        let product = try row.decode("id", as: Identifier.self)
        stock = (try row.decode("on_hand"), try row.decode("reserved"))
        movements = Dictionary(
            uniqueKeysWithValues: try await inventory.query(
                "SELECT kind, SUM(quantity) AS total FROM stock_movements WHERE product_id = \(product) GROUP BY kind"
            )
            .map { (try $0.decode("kind"), try $0.decode("total")) })
        reservations = Dictionary(
            uniqueKeysWithValues: try await inventory.query("SELECT state, COUNT(*) AS n FROM reservations GROUP BY state").map {
                (try $0.decode("state"), try $0.decode("n"))
            })
        await inventory.shutdown()

        let gateway = try SQLiteDatabase(path: folder.appending(path: "gateway.sqlite").path())
        orders = Dictionary(
            uniqueKeysWithValues: try await gateway.query("SELECT status, COUNT(*) AS n FROM orders GROUP BY status").map {
                (try $0.decode("status"), try $0.decode("n"))
            })
        payments = Dictionary(
            uniqueKeysWithValues: try await gateway.query(
                """
                SELECT o.status || '/' || p.state AS what, COUNT(*) AS n FROM orders o
                JOIN sandbox_payments p ON p.id = json_extract(o.outcome, '$.paymentId') GROUP BY what
                """
            ).map { (try $0.decode("what"), try $0.decode("n")) })
        ledger = Dictionary(
            uniqueKeysWithValues: try await gateway.query("SELECT kind, COUNT(*) AS n FROM sandbox_ledger GROUP BY kind").map {
                (try $0.decode("kind"), try $0.decode("n"))
            })
        unfinishedSagas = try await gateway.query("SELECT COUNT(*) AS n FROM sagas WHERE state IN ('running', 'compensating')")[0].decode("n")
        await gateway.shutdown()
    }

    /// The equations of the ledger.
    var balance: Bool {
        func sum(_ kinds: String...) -> Int64 { kinds.reduce(0) { $0 + (movements[$1] ?? 0).magnitudeAsInt64 } }
        return stock.onHand == sum("receipt") - sum("sell") + sum("return")
            && stock.reserved == sum("reserve") - sum("release", "expire", "sell") && stock.reserved >= 0 && stock.reserved <= stock.onHand
    }
}

extension Int64 {
    fileprivate var magnitudeAsInt64: Int64 { Int64(magnitude) }
}
