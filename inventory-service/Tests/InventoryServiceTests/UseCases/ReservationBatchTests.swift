import Basics
import Database
import HTTPPath
import InventoryAPI
import TestKit
import Testing

@testable import InventoryService

/// What only many callers at once can show, on PostgreSQL, where they share batches. What a single call means is in `ReservationTests`.
@Suite("Reservations in batches")
struct ReservationBatchTests {
    /// What each of many calls made at the same moment answers: a state, or a refusal's code.
    private func atOnce(_ count: Int, _ call: @escaping @Sendable (Int) async throws -> Reservation) async throws -> [String] {
        try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for index in 0..<count {
                group.addTask {
                    do {
                        return (index, try await call(index).state.rawValue)
                    } catch let refusal as Refusal {
                        return (index, refusal.code.description)
                    }
                }
            }
            return try await group.reduce(into: Array(repeating: "", count: count)) { $0[$1.0] = $1.1 }
        }
    }

    private func id(_ number: Int) -> Identifier { Identifier(high: 1, low: UInt64(number)) }

    @Test("of 200 callers of one product with 50 pieces exactly 50 get one")
    func hotRow() async throws {
        // One attempt: a deadlock would be seen.
        let warehouse = try await Warehouse(.postgres, attempts: 1)
        try await warehouse.add("PEN-1", stock: 50)
        let answers = try await atOnce(200) { try await warehouse.reserve(id($0), ["PEN-1": 1]).0 }
        #expect(answers.filter { $0 == "held" }.count == 50)
        #expect(answers.filter { $0 == "insufficient_stock" }.count == 150)
        #expect(try await warehouse.stock("PEN-1").available == 0)
        #expect(try await warehouse.ledger("PEN-1").filter { $0 == "reserve 1" }.count == 50)
        #expect(try #require(warehouse.statistics).claims.largest > 10, "nothing was coalesced")
        try await warehouse.expectBooksBalance()
    }

    @Test("a big claim that is refused takes no small one with it, whatever their order in a batch")
    func bigOnes() async throws {
        let warehouse = try await Warehouse(.postgres, attempts: 1)
        try await warehouse.add("PEN-1", stock: 60)
        // Forty big ones that do not fit, among sixty small ones of which all do.
        let answers = try await atOnce(100) { try await warehouse.reserve(id($0), ["PEN-1": $0 % 5 < 2 ? 61 : 1]).0 }
        for (index, answer) in answers.enumerated() { #expect(answer == (index % 5 < 2 ? "insufficient_stock" : "held"), "\(index)") }
        #expect(try await warehouse.stock("PEN-1").available == 0)
        try await warehouse.expectBooksBalance()
    }

    @Test("of claims that fit alone and not together, as many are served as fit, also across lines")
    func together() async throws {
        let warehouse = try await Warehouse(.postgres, attempts: 1)
        for sku in ["A-1", "B-1", "C-1"] { try await warehouse.add(sku, stock: 20) }
        let lines: [KeyValuePairs<String, Int64>] = [["A-1": 7, "B-1": 7], ["B-1": 7, "C-1": 7], ["C-1": 7, "A-1": 7], ["A-1": 1]]
        let answers = try await atOnce(80) { try await warehouse.reserve(id($0), lines[$0 % 4]).0 }
        #expect(answers.allSatisfy { $0 == "held" || $0 == "insufficient_stock" })
        // Whoever was refused did not fit any more, so nothing of that size is left.
        let left = try await ["A-1", "B-1", "C-1"].asyncMap { try await warehouse.stock($0).available }
        #expect(left[0] == 0, "single pieces were refused though there were some")
        #expect(left.filter { $0 >= 7 }.count < 2, "\(left): a pair was refused though it fitted")
        try await warehouse.expectBooksBalance()
    }

    @Test("of one id asked for many times at once one is new; the others get the same reservation, or are told of the conflict")
    func sameID() async throws {
        let warehouse = try await Warehouse(.postgres, attempts: 1)
        try await warehouse.add("PEN-1", stock: 100)
        let results = try await withThrowingTaskGroup(of: (Int, Bool?, String).self) { group in
            for index in 0..<60 {
                group.addTask {
                    do {
                        let (reservation, isNew) = try await warehouse.reserve(id(index % 3), ["PEN-1": index % 2 == 0 ? 1 : 2])
                        return (index % 3, isNew, "\(reservation.lines[0].quantity)")
                    } catch let refusal as Refusal {
                        return (index % 3, nil, refusal.code.description)
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for number in 0..<3 {
            let answers = results.filter { $0.0 == number }
            #expect(answers.filter { $0.1 == true }.count == 1)
            #expect(Set(answers.filter { $0.1 != nil }.map(\.2)).count == 1, "one content won")
            #expect(answers.filter { $0.1 == nil }.map(\.2) == Array(repeating: "reservation_conflict", count: 10))
        }
        try await warehouse.expectBooksBalance()
    }

    @Test("who asks again for an id while the last piece goes to it is never told that there is too little")
    func repeatedLastPiece() async throws {
        let warehouse = try await Warehouse(.postgres, attempts: 1)
        // Two replicas: what one process keeps apart by the id, two do not.
        let replica = Reservations(
            database: warehouse.database, sources: warehouse.sources,
            batches: InventoryApp.batches(of: 64, warehouse.database, warehouse.sources))
        let request = ReservationRequest(
            orderID: Identifier(high: 7, low: 7), lines: [ReservationLine(product: "PEN-1", quantity: 1)], expiresIn: 900)
        try await warehouse.add("PEN-1")
        for round in 0..<60 {
            try await warehouse.adjust("PEN-1", 1, .receipt)
            let reservations = round % 3 == 0 ? Reservations(database: warehouse.database, sources: warehouse.sources) : warehouse.reservations
            async let one = refusal { try await reservations.reserve(id(round), request, actor: "alice") }
            async let two = refusal { try await replica.reserve(id(round), request, actor: "alice") }
            async let three = refusal { try await warehouse.reservations.reserve(id(round), request, actor: "alice") }
            #expect(try await [one, two, three] == [nil, nil, nil], "round \(round)")
        }
        try await warehouse.expectBooksBalance()
    }

    @Test("products by id and by SKU, those that are none and those named twice: each caller of a batch is told of its own lines")
    func mixture() async throws {
        let warehouse = try await Warehouse(.postgres, attempts: 1)
        let pen = try await warehouse.add("PEN-1", stock: 1000)
        try await warehouse.add("INK-1", stock: 1000)
        try await warehouse.add("OLD-1", stock: 0)
        try await warehouse.catalogue.archive(.sku("OLD-1"), versions: nil)
        let lines: [KeyValuePairs<String, Int64>] = [
            ["PEN-1": 1], [pen.id.description.uppercased(): 1], ["PEN-1": 1, "INK-1": 1], [pen.id.description: 1, "INK-1": 1],
            ["PEN-1": 1, "NONE-1": 1], ["PEN-1": 1, pen.id.description: 1], ["OLD-1": 1], ["PEN-1": 1, "PEN-1": 1], [pen.id.description: 1001],
        ]
        let answers = try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for index in 0..<90 {
                group.addTask {
                    do {
                        let reservation = try await warehouse.reserve(id(index), lines[index % 9]).0
                        return (index % 9, reservation.lines.map { "\($0.sku) \($0.quantity)" }.joined(separator: ", "))
                    } catch let error as InvalidInput {
                        return (index % 9, error.errors.map { "\($0.pointer) \($0.detail.prefix(14))" }.joined(separator: ", "))
                    } catch let refusal as Refusal {
                        let shortages = Shortage.list(in: refusal.problem)
                        return (index % 9, "\(refusal.code): \(shortages.map { "\($0.product) \($0.sku) \($0.requested)" }.joined(separator: ", "))")
                    }
                }
            }
            return try await group.reduce(into: [Int: Set<String>]()) { $0[$1.0, default: []].insert($1.1) }
        }
        #expect(
            answers == [
                0: ["PEN-1 1"], 1: ["PEN-1 1"], 2: ["PEN-1 1, INK-1 1"], 3: ["PEN-1 1, INK-1 1"], 4: ["/lines/1/productId is no product"],
                5: ["/lines/1/productId is in another "], 6: ["/lines/0/productId is no product"], 7: ["/lines/1/productId is in another "],
                8: ["insufficient_stock: \(pen.id) PEN-1 1001"],
            ])
        try await warehouse.expectBooksBalance()
    }

    @Test("confirmations, releases and returns of many callers each move their own reservation once", arguments: [1, 3])
    func steps(_ productCount: Int) async throws {
        let warehouse = try await Warehouse(.postgres, attempts: 1)
        let skus = (0..<productCount).map { "P\($0)-1" }
        for sku in skus { try await warehouse.add(sku, stock: 1000) }
        let request = ReservationRequest(
            orderID: Identifier(high: 7, low: 7), lines: skus.reversed().map { ReservationLine(product: $0, quantity: 2) }, expiresIn: 60)
        let reservations = warehouse.reservations
        _ = try await atOnce(90) { try await reservations.reserve(id($0), request, actor: "alice").0 }
        // Each twice, and the overdue ones besides.
        let sold = try await atOnce(60) { try await reservations.call(.confirm, id($0 % 30), actor: "bob") }
        #expect(Set(sold) == ["sold"])
        let calls = try await atOnce(120) { index in
            let call: ReservationRules.Call = index % 60 < 30 ? (index % 2 == 0 ? .restock : .release) : (index % 2 == 0 ? .release : .restock)
            return try await reservations.call(call, id(index % 60), actor: "bob")
        }
        for (index, answer) in calls.enumerated() {
            #expect(answer == (index % 60 >= 30 ? "released" : index % 2 == 0 ? "returned" : "reservation_sold"), "\(index)")
        }
        warehouse.clock.advance(by: .seconds(60))
        let late = try await atOnce(30) { try await reservations.call($0 % 2 == 0 ? .confirm : .release, id(60 + $0), actor: "bob") }
        for (index, answer) in late.enumerated() { #expect(answer == (index % 2 == 0 ? "reservation_expired" : "released")) }
        for sku in skus {
            let stock = try await warehouse.stock(sku)
            #expect((stock.onHand, stock.reserved) == (1000 - 15 * 2, 0))
        }
        let moved = try #require(try await warehouse.stockroom.movements(of: .sku(skus[0]), before: nil, limit: 200).items.first { $0.kind == .sell })
        #expect(moved.actor == "bob" && moved.quantity == 2)
        try await warehouse.expectBooksBalance()
    }

    @Test("a reservation and its undo at the same moment leave nothing behind, and whichever came first is told so")
    func undoRace() async throws {
        let warehouse = try await Warehouse(.postgres, attempts: 1)
        try await warehouse.add("PEN-1", stock: 500)
        let reservations = warehouse.reservations
        let request = ReservationRequest(
            orderID: Identifier(high: 7, low: 7), lines: [ReservationLine(product: "PEN-1", quantity: 2)], expiresIn: 900)
        let answers = try await atOnce(200) { index in
            index % 2 == 0
                ? try await reservations.reserve(id(index / 2), request, actor: "alice").0
                : try await reservations.call(index % 4 == 1 ? .release : .restock, id(index / 2), actor: "alice")
        }
        for (index, answer) in answers.enumerated() {
            #expect(index % 2 == 1 ? answer == "released" : answer == "held" || answer == "already_undone")
        }
        #expect(try await warehouse.stock("PEN-1").available == 500)
        try await warehouse.expectBooksBalance()
    }

    @Test(
        "baskets of a hundred callers over the same products, reserved, sold, released and returned at random: no deadlock, and the books balance",
        arguments: 1...3 as ClosedRange<UInt64>)
    func baskets(_ seed: UInt64) async throws {
        let warehouse = try await Warehouse(.postgres, connections: 8, attempts: 1)
        let skus = (0..<8).map { "P\($0)-1" }
        for sku in skus { try await warehouse.add(sku, stock: 120) }
        let reservations = warehouse.reservations
        // One replica more, which commits each call by itself.
        let replica = Reservations(database: warehouse.database, sources: warehouse.sources)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<100 {
                group.addTask {
                    var random = SplitMix64(seed: seed &* 1000 &+ UInt64(caller))
                    for round in 0..<4 {
                        // Some ids are asked for by two callers at once.
                        let id = Identifier(high: seed, low: UInt64(caller / 2 * 1000 + round * 10) + random.next() % 3)
                        let lines = skus.shuffled(using: &random).prefix(Int(1 + random.next() % 4)).map {
                            ReservationLine(product: $0, quantity: Int64(1 + random.next() % 5))
                        }
                        let service = random.next() % 5 == 0 ? replica : reservations
                        let request = ReservationRequest(orderID: Identifier(high: 7, low: UInt64(caller)), lines: lines, expiresIn: 900)
                        _ = try await refusal { try await service.reserve(id, request, actor: "alice") }
                        for _ in 0..<random.next() % 3 {
                            let call = ReservationRules.Call.allCases.randomElement(using: &random)!
                            _ = try await refusal { try await service.call(call, id, actor: "alice") }
                        }
                        if random.next() % 10 == 0 { try await warehouse.adjust(skus.randomElement(using: &random)!, 3, .receipt) }
                    }
                }
            }
            try await group.waitForAll()
        }
        try await warehouse.expectBooksBalance()
        #expect(try #require(warehouse.statistics).claims.largest > 5, "nothing was coalesced")
    }
}

extension Sequence {
    fileprivate func asyncMap<T>(_ transform: (Element) async throws -> T) async throws -> [T] {
        var values: [T] = []
        for element in self { values.append(try await transform(element)) }
        return values
    }
}
