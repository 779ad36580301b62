import Database
import HTTPPath
import InventoryAPI
import TestKit
import Testing

@testable import InventoryService

@Suite("Stock by hand, and the ledger")
struct StockroomTests {
    @Test("a receipt is booked as a receipt, and any other reason as an adjustment", arguments: Engine.allCases)
    func kinds(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        try await warehouse.add("PEN-1")
        try await warehouse.adjust("PEN-1", 10, .receipt)
        try await warehouse.adjust("PEN-1", -3, .damage)
        let stock = try await warehouse.adjust("PEN-1", 1, .found)
        #expect(stock.onHand == 8 && stock.reserved == 0 && stock.available == 8)
        #expect(try await warehouse.ledger("PEN-1") == ["receipt 10", "adjustment -3", "adjustment 1"])
        let newest = try #require(try await warehouse.stockroom.movements(of: nil, before: nil, limit: 1).items.first)
        #expect(newest.reason == "found" && newest.actor == "olivia" && newest.at == warehouse.clock.now && newest.reservationID == nil)
        try await warehouse.expectBooksBalance()
    }

    @Test("what reservations hold cannot be taken away", arguments: Engine.allCases)
    func belowReserved(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        try await warehouse.add("PEN-1", stock: 5)
        try await warehouse.reserve(warehouse.newID(), ["PEN-1": 3])
        let before = try await warehouse.rowCounts()
        #expect(try await refusal { try await warehouse.adjust("PEN-1", -3) } == "stock_below_reserved")
        #expect(try await warehouse.rowCounts() == before)
        #expect(try await warehouse.adjust("PEN-1", -2).available == 0)
        try await warehouse.expectBooksBalance()
    }

    @Test("stock never grows beyond what is counted", arguments: Engine.allCases)
    func limit(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        try await warehouse.add("PEN-1")
        try await warehouse.database.execute("UPDATE stock SET on_hand = \(ProductRules.onHand.upperBound - 1)")
        try await warehouse.adjust("PEN-1", 1)
        #expect(try await refusal { try await warehouse.adjust("PEN-1", 1) } == "stock_above_limit")
        #expect(try await warehouse.adjust("PEN-1", -1).onHand == ProductRules.onHand.upperBound - 1)
    }

    @Test("the ledger is walked from its newest entry back, for one product or for all", arguments: Engine.allCases)
    func pages(_ engine: Engine) async throws {
        let warehouse = try await Warehouse(engine)
        let pen = try await warehouse.add("PEN-1")
        try await warehouse.add("INK-1")
        for delta: Int64 in 1...5 {
            try await warehouse.adjust("PEN-1", delta, .receipt)
            try await warehouse.adjust("INK-1", delta * 10, .receipt)
        }
        var quantities: [Int64] = []
        var before: Int64?
        repeat {
            let page = try await warehouse.stockroom.movements(of: .id(pen.id), before: before, limit: 2)
            quantities += page.items.map(\.quantity)
            before = page.hasMore ? page.items.last?.sequence : nil
        } while before != nil
        #expect(quantities == [5, 4, 3, 2, 1])
        #expect(try await warehouse.stockroom.movements(of: nil, before: nil, limit: 3).items.map(\.quantity) == [50, 5, 40])
        #expect(try await refusal { try await warehouse.stockroom.movements(of: .sku("NONE-1"), before: nil, limit: 3) } == "product_not_found")
    }

    @Test(
        "an entry of the ledger can be neither changed nor deleted",
        arguments: Engine.allCases, ["UPDATE stock_movements SET quantity = 9", "DELETE FROM stock_movements"])
    func appendOnly(_ engine: Engine, _ statement: String) async throws {
        let warehouse = try await Warehouse(engine)
        try await warehouse.add("PEN-1", stock: 5)
        let error = await #expect(throws: DatabaseError.self) { try await warehouse.database.execute("\(raw: statement)") }
        #expect(error?.code == .checkViolation)
        #expect(try await warehouse.ledger("PEN-1") == ["receipt 5"])
    }

    @Test(
        "the store itself refuses stock that breaks the invariant",
        arguments: Engine.allCases, ["reserved = on_hand + 1", "reserved = -1", "on_hand = -1"])
    func constraint(_ engine: Engine, _ assignment: String) async throws {
        let warehouse = try await Warehouse(engine)
        try await warehouse.add("PEN-1", stock: 5)
        let error = await #expect(throws: DatabaseError.self) { try await warehouse.database.execute("UPDATE stock SET \(raw: assignment)") }
        #expect(error?.code == .checkViolation)
    }
}
