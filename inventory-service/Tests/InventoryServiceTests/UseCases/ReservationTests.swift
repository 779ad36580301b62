import Basics
import HTTPPath
import InventoryAPI
import TestKit
import Testing

@testable import InventoryService

@Suite("Reservations")
struct ReservationTests {
    let id = Identifier(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_0001)

    /// Ten pens and one pot of ink.
    static func warehouse(_ engine: Engine) async throws -> Warehouse {
        let warehouse = try await Warehouse(engine)
        try await warehouse.add("PEN-1", stock: 10)
        try await warehouse.add("INK-1", stock: 1)
        return warehouse
    }

    @Test("all lines are set aside, under the caller's id, for the time asked for", arguments: Engine.allCases)
    func held(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(engine)
        let (reservation, isNew) = try await warehouse.reserve(id, ["PEN-1": 2, "INK-1": 1], expiresIn: 60)
        #expect(isNew && reservation.id == id && reservation.state == .held)
        #expect(reservation.lines.map(\.sku) == ["PEN-1", "INK-1"] && reservation.lines.map(\.quantity) == [2, 1])
        #expect(reservation.expiresAt == warehouse.clock.now + .seconds(60))
        #expect(try await warehouse.stock("PEN-1").available == 8)
        #expect(try await warehouse.stock("INK-1").available == 0)
        #expect(try await warehouse.reservations.reservation(id) == reservation)
        try await warehouse.expectBooksBalance()
    }

    @Test("if one line is short none is set aside, and every short line is named", arguments: Engine.allCases)
    func allOrNone(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(engine)
        let before = try await warehouse.rowCounts()
        let refusal = await #expect(throws: Refusal.self) { try await warehouse.reserve(id, ["PEN-1": 11, "INK-1": 2]) }
        #expect(refusal?.code == .insufficientStock)
        #expect(
            Shortage.list(in: try #require(refusal).problem) == [
                Shortage(product: "PEN-1", sku: "PEN-1", requested: 11, available: 10),
                Shortage(product: "INK-1", sku: "INK-1", requested: 2, available: 1),
            ])
        _ = await #expect(throws: Refusal.self) { try await warehouse.reserve(id, ["PEN-1": 1, "INK-1": 2]) }
        #expect(try await warehouse.rowCounts() == before)
        #expect(try await warehouse.stock("PEN-1").reserved == 0)
    }

    @Test("a refused reservation leaves its id free: it may be asked for again", arguments: Engine.allCases)
    func refusedIsForgotten(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(engine)
        #expect(try await refusal { try await warehouse.reserve(id, ["INK-1": 2]) } == "insufficient_stock")
        try await warehouse.adjust("INK-1", 1)
        #expect(try await warehouse.reserve(id, ["INK-1": 2]).0.state == .held)
    }

    @Test("a product that does not exist, and one named twice, are told by their lines", arguments: Engine.allCases)
    func badLines(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(engine)
        let pen = try await warehouse.catalogue.product(.sku("PEN-1"))
        let error = await #expect(throws: InvalidInput.self) {
            try await warehouse.reserve(id, ["NONE-1": 1, "PEN-1": 1, pen.id.description: 1])
        }
        #expect(error?.errors.map(\.pointer) == ["/lines/0/productId", "/lines/2/productId"])
    }

    @Test("the same reservation again is the same one", arguments: Engine.allCases)
    func repeated(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(engine)
        let (first, _) = try await warehouse.reserve(id, ["PEN-1": 2])
        let (second, isNew) = try await warehouse.reserve(id, ["PEN-1": 2])
        #expect(!isNew && second == first)
        try await warehouse.call(.confirm, id)
        #expect(try await warehouse.reserve(id, ["PEN-1": 2]).0.state == .sold)
        #expect(try await warehouse.ledger("PEN-1") == ["receipt 10", "reserve 2", "sell 2"])
    }

    @Test("the same id with other content is refused", arguments: Engine.allCases)
    func conflict(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(engine)
        try await warehouse.reserve(id, ["PEN-1": 2])
        #expect(try await refusal { try await warehouse.reserve(id, ["PEN-1": 3]) } == "reservation_conflict")
        #expect(try await refusal { try await warehouse.reserve(id, ["PEN-1": 2], order: Identifier(high: 8, low: 8)) } == "reservation_conflict")
        #expect(try await warehouse.stock("PEN-1").reserved == 2)
    }

    @Test("a repeated reservation is known even when its product is gone from the catalogue", arguments: Engine.allCases)
    func repeatedAfterArchive(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(engine)
        let (first, _) = try await warehouse.reserve(id, ["PEN-1": 2])
        try await warehouse.call(.confirm, id)
        try await warehouse.catalogue.archive(.sku("PEN-1"), versions: nil)
        #expect(try await warehouse.reserve(id, ["PEN-1": 2]).0.lines == first.lines)
    }

    @Test("held, sold, returned: each step moves the stock once, however often it is asked for", arguments: Engine.allCases)
    func life(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(engine)
        try await warehouse.reserve(id, ["PEN-1": 2, "INK-1": 1])
        for _ in 1...3 { #expect(try await warehouse.call(.confirm, id).state == .sold) }
        #expect(try await warehouse.stock("PEN-1").onHand == 8)
        #expect(try await refusal { try await warehouse.call(.release, id) } == "reservation_sold")
        for _ in 1...3 { #expect(try await warehouse.call(.restock, id).state == .returned) }
        #expect(try await warehouse.stock("PEN-1").available == 10)
        #expect(try await refusal { try await warehouse.call(.confirm, id) } == "already_undone")
        #expect(try await warehouse.call(.release, id).state == .returned)
        #expect(try await warehouse.ledger("PEN-1") == ["receipt 10", "reserve 2", "sell 2", "return 2"])
        let newest = try #require(try await warehouse.stockroom.movements(of: .sku("PEN-1"), before: nil, limit: 1).items.first)
        #expect(newest.reservationID == id && newest.actor == "alice")
        try await warehouse.expectBooksBalance()
    }

    @Test("a released reservation gives its pieces back once, and cannot be sold", arguments: Engine.allCases)
    func released(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(engine)
        try await warehouse.reserve(id, ["PEN-1": 2])
        for _ in 1...3 { #expect(try await warehouse.call(.release, id).state == .released) }
        #expect(try await warehouse.stock("PEN-1").available == 10)
        #expect(try await refusal { try await warehouse.call(.confirm, id) } == "already_undone")
        #expect(try await refusal { try await warehouse.reserve(id, ["PEN-1": 2]) } == "already_undone")
        #expect(try await warehouse.ledger("PEN-1") == ["receipt 10", "reserve 2", "release 2"])
    }

    @Test("nothing is known of an id that nobody used", arguments: Engine.allCases)
    func unknown(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(engine)
        #expect(try await refusal { try await warehouse.reservations.reservation(id) } == "reservation_not_found")
        #expect(try await refusal { try await warehouse.call(.confirm, id) } == "reservation_not_found")
    }

    // MARK: the barrier

    @Test("an undo that comes before its reservation rules it out", arguments: Engine.allCases, [ReservationRules.Call.release, .restock])
    func undoFirst(_ engine: Engine, _ undo: ReservationRules.Call) async throws {
        let warehouse = try await Self.warehouse(engine)
        for _ in 1...2 {
            let recorded = try await warehouse.call(undo, id)
            #expect(recorded.state == .released && recorded.orderID == nil && recorded.lines.isEmpty && recorded.expiresAt == nil)
        }
        #expect(try await refusal { try await warehouse.reserve(id, ["PEN-1": 2]) } == "already_undone")
        #expect(try await refusal { try await warehouse.call(.confirm, id) } == "already_undone")
        #expect(try await warehouse.reservations.reservation(id).state == .released)
        #expect(try await warehouse.stock("PEN-1").reserved == 0)
        try await warehouse.expectBooksBalance()
    }

    @Test("the undo of a confirmation that comes before it rules it out, and frees the stock", arguments: Engine.allCases)
    func undoOfConfirmFirst(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(engine)
        try await warehouse.reserve(id, ["PEN-1": 2])
        #expect(try await warehouse.call(.restock, id).state == .released)
        #expect(try await refusal { try await warehouse.call(.confirm, id) } == "already_undone")
        #expect(try await warehouse.call(.release, id).state == .released)
        #expect(try await warehouse.ledger("PEN-1") == ["receipt 10", "reserve 2", "release 2"])
    }

    // MARK: time

    @Test("from its last moment on a reservation cannot be sold, whether or not it was swept", arguments: Engine.allCases)
    func overdue(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(engine)
        try await warehouse.reserve(id, ["PEN-1": 2], expiresIn: 60)
        warehouse.clock.advance(by: .seconds(60))
        #expect(try await warehouse.reservations.reservation(id).state == .expired)
        #expect(try await warehouse.stock("PEN-1").reserved == 2, "nobody has given it back yet")
        #expect(try await refusal { try await warehouse.call(.confirm, id) } == "reservation_expired")
        #expect(try await warehouse.stock("PEN-1").reserved == 0, "the refusal has given it back")
        #expect(try await warehouse.ledger("PEN-1") == ["receipt 10", "reserve 2", "expire 2"])
        #expect(try await refusal { try await warehouse.call(.confirm, id) } == "reservation_expired")
        #expect(try await refusal { try await warehouse.reserve(id, ["PEN-1": 2], expiresIn: 60) } == "reservation_expired")
        #expect(try await warehouse.call(.release, id).state == .expired)
        try await warehouse.expectBooksBalance()
    }

    @Test("a moment before its end a reservation can be sold", arguments: Engine.allCases)
    func inTime(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(engine)
        try await warehouse.reserve(id, ["PEN-1": 2], expiresIn: 60)
        warehouse.clock.advance(by: .seconds(60) - .microseconds(1))
        #expect(try await warehouse.reservations.expireDue() == 0)
        #expect(try await warehouse.call(.confirm, id).state == .sold)
    }

    @Test("a sweep gives back exactly what is due, in batches, and never what is sold or released", arguments: Engine.allCases)
    func sweep(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(engine)
        try await warehouse.adjust("PEN-1", 1000, .receipt)
        let count = Reservations.sweepBatch + 5
        for _ in 0..<count { try await warehouse.reserve(warehouse.newID(), ["PEN-1": 1], expiresIn: 60) }
        let (sold, released, later) = (warehouse.newID(), warehouse.newID(), warehouse.newID())
        for id in [sold, released] { try await warehouse.reserve(id, ["PEN-1": 1], expiresIn: 60) }
        try await warehouse.reserve(later, ["PEN-1": 1], expiresIn: 61)
        try await warehouse.call(.confirm, sold)
        try await warehouse.call(.release, released)
        warehouse.clock.advance(by: .seconds(60))
        #expect(try await warehouse.reservations.expireDue() == Reservations.sweepBatch)
        #expect(try await warehouse.reservations.expireDue() == 5)
        #expect(try await warehouse.reservations.expireDue() == 0)
        #expect(try await warehouse.stock("PEN-1").reserved == 1)
        #expect(try await warehouse.reservations.reservation(later).state == .held)
        #expect(try await warehouse.reservations.reservation(sold).state == .sold)
        let expired = try await warehouse.stockroom.movements(of: .sku("PEN-1"), before: nil, limit: 1).items
        #expect(expired.first?.kind == .expire && expired.first?.actor == "inventory-service")
        try await warehouse.expectBooksBalance()
    }

    @Test("a confirmation and a sweep at the same moment: one of them has it", arguments: Engine.allCases)
    func sweepRace(_ engine: Engine) async throws {
        let warehouse = try await Self.warehouse(engine)
        for round in 0..<20 {
            let id = warehouse.newID()
            try await warehouse.reserve(id, ["PEN-1": 1], expiresIn: 60)
            warehouse.clock.advance(by: round % 2 == 0 ? .seconds(60) : .seconds(59))
            let reservations = warehouse.reservations
            async let swept = reservations.expireDue()
            async let confirmed = try? reservations.call(.confirm, id, actor: "alice")
            let (_, answer) = (try await swept, await confirmed)
            let state = try await reservations.reservation(id).state
            #expect(state == (round % 2 == 0 ? .expired : .sold))
            #expect((answer?.state == .sold) == (state == .sold))
            try await warehouse.expectBooksBalance()
        }
    }
}
