import Basics
import Database
import HTTPPath
import InventoryAPI
import TestKit
import Testing

@testable import InventoryService

@Suite("Reservations against a model, and all at once")
struct ReservationModelTests {
    typealias Action = ReservationModel.Action

    static let stock: [String: Int64] = ["PEN-1": 12, "INK-1": 6, "CAP-1": 3]
    static let order = Identifier(high: 7, low: 7)

    static func warehouse(_ engine: Engine = .sqlite) async throws -> Warehouse {
        let warehouse = try await Warehouse(.sqlite)
        for (sku, count) in stock.sorted(by: { $0.key < $1.key }) { try await warehouse.add(sku, stock: count) }
        return warehouse
    }

    /// - Returns: the state answered, or the code of the refusal.
    static func perform(_ action: Action, _ warehouse: Warehouse) async throws -> String {
        do {
            switch action {
            case .reserve(let id, let lines):
                let request = ReservationRequest(
                    orderID: order, lines: lines.sorted { $0.key < $1.key }.map { ReservationLine(product: $0.key, quantity: $0.value) },
                    expiresIn: ReservationModel.holdSeconds)
                return try await warehouse.reservations.reserve(id, request, actor: "alice").0.state.rawValue
            case .call(let call, let id): return try await warehouse.call(call, id).state.rawValue
            case .adjust(let sku, let delta): return "\(try await warehouse.adjust(sku, delta).onHand)"
            case .pass(let time):
                warehouse.clock.advance(by: time)
                return "passed"
            case .sweep: return "\(try await warehouse.reservations.expireDue())"
            }
        } catch let refusal as Refusal {
            return refusal.code.description
        }
    }

    @Test("whatever is done in whatever order, the service does what the model does", arguments: 1...8 as ClosedRange<UInt64>)
    func model(_ seed: UInt64) async throws {
        let warehouse = try await Self.warehouse()
        var model = ReservationModel(stock: Self.stock)
        var random = SplitMix64(seed: seed)
        var outcomes: Set<String> = []
        for batch in 0..<12 {
            // New ids for each batch of actions, and some of the batch before, so that late calls happen.
            let ids = (0..<8).map { Identifier(high: seed, low: UInt64(batch * 5 + $0)) }
            for step in 0..<25 {
                let action = Action.random(ids: ids, skus: Self.stock.keys.sorted(), using: &random)
                let answered = try await Self.perform(action, warehouse)
                let expected = model.perform(action, at: warehouse.clock.now)
                try #require(answered == expected, "seed \(seed), batch \(batch), step \(step): \(action)")
                outcomes.insert(answered)
            }
            for sku in Self.stock.keys {
                let stock = try await warehouse.stock(sku)
                #expect(stock.onHand == model.onHand[sku] && stock.reserved == model.reserved[sku], "seed \(seed), batch \(batch), \(sku)")
            }
            try await warehouse.expectBooksBalance("seed \(seed), batch \(batch)")
        }
        #expect(outcomes.isSuperset(of: ["held", "sold", "released", "insufficient_stock", "already_undone"]), "the walk met too little")
    }

    @Test("when everything happens at once the books balance after each batch", arguments: 1...4 as ClosedRange<UInt64>)
    func concurrent(_ seed: UInt64) async throws {
        let warehouse = try await Self.warehouse()
        var random = SplitMix64(seed: seed &+ 1000)
        for batch in 0..<10 {
            let ids = (0..<8).map { Identifier(high: seed, low: UInt64(batch * 5 + $0)) }
            let actions = (0..<30).map { _ in Action.random(ids: ids, skus: Self.stock.keys.sorted(), using: &random) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for action in actions { group.addTask { _ = try await Self.perform(action, warehouse) } }
                try await group.waitForAll()
            }
            try await warehouse.expectBooksBalance("seed \(seed), batch \(batch)")
        }
    }

    @Test("of 200 that want one piece of 50 at once, exactly 50 get it")
    func fifty() async throws {
        let warehouse = try await Warehouse(.sqlite)
        try await warehouse.add("PEN-1", stock: 50)
        let reservations = warehouse.reservations
        let held = try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<200 as Range<UInt64> {
                group.addTask {
                    let request = ReservationRequest(orderID: Self.order, lines: [ReservationLine(product: "PEN-1", quantity: 1)])
                    do {
                        return try await reservations.reserve(Identifier(high: 1, low: index), request, actor: "alice").isNew
                    } catch let refusal as Refusal where refusal.code == .insufficientStock {
                        return false
                    }
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(held == 50)
        let stock = try await warehouse.stock("PEN-1")
        #expect(stock.reserved == 50 && stock.available == 0)
        try await warehouse.expectBooksBalance()
    }

    @Test("one id asked for many times at once is one reservation")
    func oneID() async throws {
        let warehouse = try await Warehouse(.sqlite)
        try await warehouse.add("PEN-1", stock: 50)
        let new = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 { group.addTask { try await warehouse.reserve(Identifier(high: 1, low: 1), ["PEN-1": 2]).isNew } }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(new == 1)
        #expect(try await warehouse.stock("PEN-1").reserved == 2)
    }

    @Test("a reservation and its undo at the same moment leave nothing behind")
    func undoRace() async throws {
        let warehouse = try await Warehouse(.sqlite)
        try await warehouse.add("PEN-1", stock: 50)
        for index in 0..<50 as Range<UInt64> {
            let id = Identifier(high: 1, low: index)
            async let done = refusal { try await warehouse.reserve(id, ["PEN-1": 2]) }
            async let undone = warehouse.call(.release, id)
            let (code, state) = (try await done, try await undone.state)
            #expect(code == nil || code == "already_undone")
            #expect(state == .released)
        }
        #expect(try await warehouse.stock("PEN-1").available == 50)
        try await warehouse.expectBooksBalance()
    }
}
