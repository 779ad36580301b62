import Basics
import Database
import Testing

@testable import InventoryService

@Suite("What the store looks for, it finds by an index")
struct QueryPlanTests {
    static let id = Identifier(high: 1, low: 1)

    @Test(
        "products named by id, by SKU or by both are never found by reading them all",
        arguments: [[.id(id)], [.sku("PEN-1")], [.id(id), .sku("PEN-1")], (0..<100).map { .sku("PEN-\($0)") }] as [[ProductKey]])
    func named(_ keys: [ProductKey]) async throws {
        let steps = try await Self.plan(
            """
            SELECT p.id FROM products p JOIN stock s ON s.product_id = p.id WHERE \(Store.named(keys)) AND p.archived_at IS NULL ORDER BY p.id
            """)
        #expect(steps.contains { $0.hasPrefix("SEARCH p") })
        #expect(steps.filter { $0.hasPrefix("SCAN") } == [])
    }

    @Test("reservations whose time is over are found by it")
    func due() async throws {
        let steps = try await Self.plan("SELECT id FROM reservations WHERE state = 'held' AND expires_at <= \(0) ORDER BY expires_at LIMIT 200")
        #expect(steps == ["SEARCH reservations USING INDEX reservations_due (expires_at<?)"])
    }

    @Test("a page of a product's ledger is read from where it begins")
    func ledger() async throws {
        let steps = try await Self.plan(
            "SELECT sequence FROM stock_movements WHERE product_id = \(Self.id) AND sequence < \(9) ORDER BY sequence DESC LIMIT 51")
        #expect(steps == ["SEARCH stock_movements USING COVERING INDEX stock_movements_by_product (product_id=? AND sequence<?)"])
    }

    private static func plan(_ statement: SQL) async throws -> [String] {
        try await Warehouse().database.query("EXPLAIN QUERY PLAN \(statement)").map { try $0.decode("detail") }
    }
}
