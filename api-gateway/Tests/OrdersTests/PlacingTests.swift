import Basics
import Database
import HTTPPath
import InventoryAPI
import Payments
import PricingAPI
import TestKit
import Testing

@testable import Orders

@Suite("placing an order")
struct PlacingTests {
    @Test("an order is quoted, redeemed, reserved, authorised, confirmed and captured, each once", arguments: StoreEngine.allCases)
    func happyPath(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let order = try await scene.place(scene.orders())
        #expect(scene.stage.names == straight)
        try await scene.expectDone(order)
        #expect(try await scene.history(order.id) == ["begun"] + straight.dropLast().map { "\($0): done" } + ["capture: completed"])
        #expect(try await scene.sagas(of: order.id) == ["order completed"])
    }

    @Test("every call carries the ids and keys that were stored before it was made", arguments: StoreEngine.allCases)
    func identities(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let order = try await scene.place(scene.orders())
        let outcome = try #require(order.outcome)
        let quote = try #require(outcome.quoteID)
        #expect(
            scene.stage.calls.map(\.identity) == [
                "\(order.id):quote:do", "\(quote) \(order.id)", "\(outcome.reservationID) \(order.id):reserve:do", "\(outcome.paymentID) 20.00 USD",
                "\(outcome.reservationID) \(order.id):confirm:do", "\(outcome.paymentID)",
            ])
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        let step: String
        let problem: Problem
        let undo: [String]

        var testDescription: String { step }
    }

    @Test(
        "a refused step is undone in reverse, without itself, and the order is rejected with the reason",
        arguments: [
            Refused(step: "quote", problem: Problem(422, "line_not_priced", "No price."), undo: []),
            Refused(step: "redeem", problem: Problem(409, "discount_exhausted", "Used up."), undo: []),
            Refused(step: "reserve", problem: Problem(409, "insufficient_stock", "Short."), undo: ["undo redeem"]),
            Refused(step: "confirm", problem: Problem(409, "reservation_expired", "Over."), undo: ["void", "release", "undo redeem"]),
        ])
    func refused(_ row: Refused) async throws {
        let scene = try await Scene()
        scene.stage.fail(row.step, .refused(row.problem))
        let order = try await scene.place(scene.orders())
        #expect(order.status == .rejected)
        #expect(order.rejection?.status == row.problem.status)
        #expect(order.rejection?.code == row.problem.code)
        #expect(scene.stage.names == straight.prefix { $0 != row.step } + [row.step] + row.undo)
        try await scene.expectUndone(order)
        #expect(try await scene.sagas(of: order.id) == ["order compensated"])
    }

    @Test(
        "a declined payment releases the goods and the codes",
        arguments: [(PaymentMethod.decline, "card_declined"), (.insufficientFunds, "insufficient_funds")])
    func declined(_ method: PaymentMethod, _ reason: String) async throws {
        let scene = try await Scene()
        let order = try await scene.place(scene.orders(), Scene.request(method: method))
        #expect(order.status == .rejected)
        #expect(order.rejection?.status == 402)
        #expect(order.rejection?.code == "payment_declined")
        #expect(order.rejection?.extra == [.init("reason", .string(reason))])
        #expect(scene.stage.names == ["quote", "redeem", "reserve", "authorize", "release", "undo redeem"])
        try await scene.expectUndone(order)
    }

    @Test("a capture that is refused undoes everything, the confirmation first", arguments: StoreEngine.allCases)
    func captureRefused(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let gate = Gate()
        scene.stage.fail("confirm", .held(gate))
        let orders = scene.orders()
        let placed = try await scene.place(orders, wait: false)
        await gate.arrivals(1)
        // Somebody at the bank gives the money back.
        _ = try await scene.bank.void(try #require(placed.outcome).paymentID)
        gate.open()
        try await scene.finish(orders)
        let order = try await orders.get(placed.id)
        #expect(order.rejection?.code == "capture_refused")
        #expect(scene.stage.names == straight + ["restock", "void", "release", "undo redeem"])
        try await scene.expectUndone(order)
    }

    @Test("too little stock names the short lines", arguments: StoreEngine.allCases)
    func insufficientStock(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let order = try await scene.place(scene.orders(), Scene.request([("LAPTOP-001", 2), ("MOUSE-001", 6)]))
        #expect(order.rejection?.status == 409)
        #expect(order.rejection?.code == "insufficient_stock")
        let line = try #require(order.rejection?.extra.first { $0.name == "lines" }?.value[0])
        #expect(line["sku"] == "MOUSE-001")
        #expect(line["requested"] == 6)
        #expect(line["available"] == 5)
        try await scene.expectUndone(order)
    }

    @Test("a total that is not the expected one is refused before anything is set aside", arguments: StoreEngine.allCases)
    func priceChanged(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        scene.prices.setUnitPrice(1100)
        let order = try await scene.place(scene.orders(), Scene.request(expectedTotal: 2000))
        #expect(order.status == .rejected)
        #expect(order.rejection?.status == 409)
        #expect(order.rejection?.code == "price_changed")
        #expect(
            order.rejection?.extra == [
                .init("expectedTotal", ["amountMinor": 2000, "currency": "USD"]), .init("actualTotal", ["amountMinor": 2200, "currency": "USD"]),
            ])
        #expect(scene.stage.names == ["quote"])
    }

    @Test("the expected total is accepted where it is the quote's", arguments: StoreEngine.allCases)
    func expectedTotal(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        try await scene.expectDone(scene.place(scene.orders(), Scene.request(expectedTotal: 2000)))
    }

    // MARK: what is not known

    @Test("a step whose answer is lost is repeated with the same ids, and has its effect once", arguments: straight)
    func lostAnswer(_ step: String) async throws {
        let scene = try await Scene()
        scene.stage.fail(step, .lost, .lost)
        let order = try await scene.place(scene.orders())
        #expect(scene.stage.names == straight.prefix { $0 != step } + [step, step] + straight.drop { $0 != step })
        #expect(Set(scene.stage.calls.filter { $0.name == step }.map(\.identity)).count == 1)
        try await scene.expectDone(order)
    }

    @Test("a step that never arrived is repeated until it does", arguments: straight)
    func unreachable(_ step: String) async throws {
        let scene = try await Scene()
        scene.stage.fail(step, .unreachable, .unreachable)
        try await scene.expectDone(scene.place(scene.orders()))
    }

    @Test(
        "an answer that says \"later\", or that is about the gateway's own token or a fault, refuses nothing",
        arguments: [401, 403, 408, 425, 429, 500, 503])
    func later(_ status: Int) async throws {
        let scene = try await Scene()
        for step in ["quote", "redeem", "reserve", "confirm"] { scene.stage.fail(step, .refused(Problem(status, "later", "Later."))) }
        try await scene.expectDone(scene.place(scene.orders()))
    }

    @Test("a conflict that says when to come back refuses nothing: the first try with the same key is still being worked on")
    func inProgress() async throws {
        let scene = try await Scene()
        let busy = Problem(409, "request_in_progress", "Busy.", retryAfterSeconds: 1)
        for step in ["quote", "redeem", "reserve", "confirm"] { scene.stage.fail(step, .refused(busy)) }
        try await scene.expectDone(scene.place(scene.orders()))
    }

    @Test(
        "an undo whose answer is lost, or that never arrived, is repeated until it is done", arguments: ["restock", "void", "release", "undo redeem"])
    func lostUndo(_ undo: String) async throws {
        let scene = try await Scene()
        scene.stage.fail("confirm", .late(.seconds(60)))
        scene.stage.fail(undo, .lost, .unreachable)
        let order = try await scene.place(scene.orders())
        #expect(order.rejection?.code == "order_timed_out")
        let undone = ["restock", "void", "release", "undo redeem"]
        #expect(scene.stage.names == straight.dropLast() + undone.flatMap { $0 == undo ? [$0, $0, $0] : [$0] })
        try await scene.expectUndone(order)
    }

    @Test("a card that times out after charging charges once", arguments: [PaymentMethod.timeoutAfterCharge, .failThenSucceed, .slow])
    func troublesomeCards(_ method: PaymentMethod) async throws {
        let scene = try await Scene()
        try await scene.expectDone(scene.place(scene.orders(), Scene.request(method: method)))
    }

    // MARK: keys

    @Test("the same key and body give the order as it is now, and nothing is done twice", arguments: StoreEngine.allCases)
    func replay(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let orders = scene.orders()
        let first = try await orders.place(Scene.request(), subject: "ann", key: "k", bodyHash: "h", wait: true)
        let second = try await orders.place(Scene.request(), subject: "ann", key: "k", bodyHash: "h", wait: true)
        guard case .new(let placed) = first, case .replayed(let replayed) = second else {
            Issue.record("new, then replayed: \(first), \(second)")
            return
        }
        #expect(replayed.id == placed.id)
        #expect(replayed.status == .confirmed)
        #expect(scene.stage.names == straight)
    }

    @Test("the same key with another body is refused with 422", arguments: StoreEngine.allCases)
    func otherBody(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let orders = scene.orders()
        _ = try await scene.place(orders)
        let refused = try await problem { try await scene.place(orders, hash: "hash-2") }
        #expect(refused?.status == 422)
        #expect(refused?.code == "idempotency_key_reused")
        #expect(scene.stage.names == straight)
    }

    @Test("the same key while the order is pending gives the pending order at once", arguments: StoreEngine.allCases)
    func replayWhilePending(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let gate = Gate()
        scene.stage.fail("reserve", .held(gate))
        let orders = scene.orders()
        let first = try await scene.place(orders, wait: false)
        await gate.arrivals(1)
        let second = try await scene.place(orders)
        #expect(second.id == first.id)
        #expect(second.status == .pending)
        gate.open()
        try await scene.finish(orders)
        try await scene.expectDone(orders.get(first.id))
    }

    @Test("keys are each customer's own", arguments: StoreEngine.allCases)
    func keysPerSubject(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let orders = scene.orders()
        let ann = try await scene.place(orders, subject: "ann")
        let bob = try await scene.place(orders, subject: "bob", hash: "hash-2")
        #expect(ann.id != bob.id)
        #expect(bob.status == .confirmed)
    }

    @Test("many requests with one key at once are one order", arguments: StoreEngine.allCases)
    func concurrentKey(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let orders = scene.orders()
        let ids = try await withThrowingTaskGroup(of: Identifier.self) { group in
            for _ in 1...10 { group.addTask { try await scene.place(orders).id } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(ids.count == 1)
        try await scene.finish(orders)
        #expect(scene.stage.names == straight)
    }

    // MARK: waiting and room

    @Test("an order that is not waited for is pending, and carried out all the same", arguments: StoreEngine.allCases)
    func respondAsync(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let gate = Gate()
        scene.stage.fail("quote", .held(gate))
        let orders = scene.orders()
        let order = try await scene.place(orders, wait: false)
        #expect(order.status == .pending)
        #expect(order.outcome?.total == nil)
        gate.open()
        try await scene.finish(orders)
        try await scene.expectDone(orders.get(order.id))
    }

    @Test("an order that takes longer than anybody waits is answered as pending", arguments: StoreEngine.allCases)
    func impatient(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let gate = Gate()
        scene.stage.fail("authorize", .held(gate))
        let orders = scene.orders(patience: .milliseconds(1))
        let order = try await scene.place(orders)
        #expect(order.status == .pending)
        gate.open()
        try await scene.finish(orders)
        try await scene.expectDone(orders.get(order.id))
    }

    @Test("with as many sagas in work as there is room for, an order is refused with 503, and its key stays free", arguments: StoreEngine.allCases)
    func noRoom(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let gate = Gate()
        scene.stage.fail("quote", .held(gate))
        var limits = Scene.limits
        limits.running = 1
        let orders = scene.orders(limits: limits)
        let first = try await scene.place(orders, key: "a", wait: false)
        await gate.arrivals(1)
        let refused = try await problem { try await scene.place(orders, key: "b") }
        #expect(refused?.status == 503)
        #expect(refused?.retryAfterSeconds == 2)
        #expect(try await scene.place(orders, key: "a", wait: false).id == first.id, "a known key is answered in any case")
        gate.open()
        try await scene.finish(orders)
        #expect(try await scene.place(orders, key: "b").status == .confirmed)
    }
}
