import Basics
import Database
import HTTPPath
import InventoryAPI
import TestKit
import Testing

@testable import InventoryService

// One after the other, because each takes a server's connections for itself.
@Suite("Reservations against a model, and all at once", .serialized)
struct ReservationModelTests {
    typealias Action = ReservationModel.Action

    static let stock: [String: Int64] = ["PEN-1": 12, "INK-1": 6, "CAP-1": 3]
    static let order = Identifier(high: 7, low: 7)

    static func warehouse(_ store: ModelStore) async throws -> Warehouse {
        let warehouse = try await store.warehouse()
        for (sku, count) in stock.sorted(by: { $0.key < $1.key }) { try await warehouse.add(sku, stock: count) }
        return warehouse
    }

    /// - Returns: the state answered, or the code of the refusal.
    static func perform(_ action: Action, _ warehouse: Warehouse, actor: String = "alice") async throws -> String {
        do {
            switch action {
            case .reserve(let id, let lines):
                let request = ReservationRequest(
                    orderID: order, lines: lines.sorted { $0.key < $1.key }.map { ReservationLine(product: $0.key, quantity: $0.value) },
                    expiresIn: ReservationModel.holdSeconds)
                return try await warehouse.reservations.reserve(id, request, actor: actor).0.state.rawValue
            case .call(let call, let id): return try await warehouse.call(call, id).state.rawValue
            case .adjust(let sku, let delta): return "\(try await warehouse.adjust(sku, delta, actor: actor).onHand)"
            case .pass(let time):
                warehouse.clock.advance(by: time)
                return "passed"
            case .sweep: return "\(try await warehouse.reservations.expireDue())"
            }
        } catch let refusal as Refusal {
            return refusal.code.description
        } catch {
            // No answer that the model ever gives, so the failure says where to find it again.
            return "failed: \(error)"
        }
    }

    /// New ids for each batch of actions, and some of the batch before, so that late calls happen.
    static func ids(_ seed: UInt64, _ batch: Int) -> [Identifier] { (0..<8).map { Identifier(high: seed, low: UInt64(batch * 5 + $0)) } }

    @Test("whatever is done in whatever order, the service does what the model does", arguments: ModelStore.allCases, ModelRuns.seeds)
    func model(_ store: ModelStore, _ seed: UInt64) async throws {
        let warehouse = try await Self.warehouse(store)
        var model = ReservationModel(stock: Self.stock)
        var random = SplitMix64(seed: seed)
        var outcomes: Set<String> = []
        for batch in 0..<12 {
            let place = ModelRuns.place(store, seed: seed, batch: batch)
            for step in 0..<25 {
                let action = Action.random(ids: Self.ids(seed, batch), skus: Self.stock.keys.sorted(), using: &random)
                let answered = try await Self.perform(action, warehouse)
                let expected = model.perform(action, at: warehouse.clock.now)
                try #require(answered == expected, "step \(step), \(action), \(place)")
                outcomes.insert(answered)
            }
            for sku in Self.stock.keys {
                let stock = try await warehouse.stock(sku)
                try #require(stock.onHand == model.onHand[sku] && stock.reserved == model.reserved[sku], "\(sku), \(place)")
            }
            try await warehouse.expectBooksBalance("\(place)")
        }
        #expect(outcomes.isSuperset(of: ["held", "sold", "released", "insufficient_stock", "already_undone"]), "the walk met too little")
    }

    @Test(
        "when everything happens at once, some order explains every answer and every entry of the ledger", arguments: ModelStore.allCases,
        ModelRuns.seeds
    )
    func concurrent(_ store: ModelStore, _ seed: UInt64) async throws {
        let warehouse = try await Self.warehouse(store)
        var random = SplitMix64(seed: seed &+ 1_000_000)
        var before = try await ConcurrentBatch.Books(warehouse.database)
        var outcomes: Set<String> = []
        let wanted: Set = ["held", "sold", "released", "insufficient_stock", "already_undone"]
        var batch = 0
        // What comes first in a batch is the scheduler's to say, so a walk goes on until it has met everything; a hundred would be no chance.
        while batch < 10 || (!outcomes.isSuperset(of: wanted) && batch < 100) {
            let number = batch
            let place = ModelRuns.place(store, seed: seed, batch: number)
            // Time passes only while nothing runs, so that what is overdue is the same for all.
            warehouse.clock.advance(by: .seconds(Int64.random(in: 0...40, using: &random)))
            let ids = Self.ids(seed, batch)
            let actions = (0..<40).map { _ in Action.random(ids: ids, skus: Self.stock.keys.sorted(), using: &random) }.filter {
                if case .pass = $0 { false } else { true }
            }
            let calls = try await withThrowingTaskGroup(of: ConcurrentBatch.Call.self) { group in
                for (index, action) in actions.enumerated() {
                    group.addTask {
                        let actor = "caller-\(number)-\(index)"
                        return ConcurrentBatch.Call(action: action, answer: try await Self.perform(action, warehouse, actor: actor), actor: actor)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let outcome = try await ConcurrentBatch(calls, before: before, in: warehouse.database, at: warehouse.clock.now)
            try #require(outcome.faults() == [], "\(place)")
            try await warehouse.expectBooksBalance("\(place)")
            before = outcome.after
            outcomes.formUnion(calls.map(\.answer))
            batch += 1
        }
        #expect(outcomes.isSuperset(of: wanted), "the walk met too little")
    }

    @Test("of 200 that want one piece of 50 at once, exactly 50 get it", arguments: ModelStore.allCases)
    func fifty(_ store: ModelStore) async throws {
        let warehouse = try await store.warehouse()
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

    @Test("one id asked for many times at once is one reservation", arguments: ModelStore.allCases)
    func oneID(_ store: ModelStore) async throws {
        let warehouse = try await store.warehouse()
        try await warehouse.add("PEN-1", stock: 50)
        let new = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 { group.addTask { try await warehouse.reserve(Identifier(high: 1, low: 1), ["PEN-1": 2]).isNew } }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(new == 1)
        #expect(try await warehouse.stock("PEN-1").reserved == 2)
    }

    @Test("a reservation and its undo at the same moment leave nothing behind", arguments: ModelStore.allCases)
    func undoRace(_ store: ModelStore) async throws {
        let warehouse = try await store.warehouse()
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
