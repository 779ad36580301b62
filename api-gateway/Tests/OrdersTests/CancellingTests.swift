import Basics
import Database
import HTTPPath
import InventoryAPI
import Payments
import Resilience
import TestKit
import Testing

@testable import Orders

@Suite("cancelling an order")
struct CancellingTests {
    @Test(
        "a pending order is undone after the call that is under way, the effect of that call included",
        arguments: [
            ("quote", []), ("redeem", ["undo redeem"]), ("reserve", ["release", "undo redeem"]), ("authorize", ["void", "release", "undo redeem"]),
            ("confirm", ["restock", "void", "release", "undo redeem"]),
        ])
    func pending(_ step: String, _ undo: [String]) async throws {
        let scene = try await Scene()
        let gate = Gate()
        scene.stage.fail(step, .held(gate))
        let orders = scene.orders()
        let placed = try await scene.place(orders, wait: false)
        await gate.arrivals(1)
        let asked = try await orders.cancel(placed.id, subject: "ann", wait: false)
        #expect(asked.status == .cancelling)
        gate.open()
        try await scene.finish(orders)
        let order = try await orders.get(placed.id)
        #expect(order.status == .cancelled)
        #expect(order.rejection == nil, "it was not rejected")
        #expect(scene.stage.names == straight.prefix { $0 != step } + [step] + undo)
        try await scene.expectUndone(order)
        #expect(try await scene.sagas(of: order.id) == ["order compensated"])
    }

    @Test("cancelling waits for the undo", arguments: StoreEngine.allCases)
    func waits(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let gate = Gate()
        scene.stage.fail("reserve", .held(gate))
        let orders = scene.orders()
        let placed = try await scene.place(orders, wait: false)
        await gate.arrivals(1)
        async let cancelled = orders.cancel(placed.id, subject: "ann")
        // The request to stop is in the row before the answer of the call comes.
        while try await orders.get(placed.id).status != .cancelling { await Task.yield() }
        gate.open()
        #expect(try await cancelled.status == .cancelled)
    }

    @Test("an order that waits for a later try is called off at once", arguments: StoreEngine.allCases)
    func whileWaiting(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        var limits = Scene.limits
        limits.backoff = Backoff(base: .seconds(86_400), cap: .seconds(86_400))
        scene.stage.fail("reserve", .unreachable)
        let orders = scene.orders(timeAllowed: .seconds(86_400), limits: limits)
        let placed = try await scene.place(orders)
        #expect(placed.status == .pending)
        let order = try await orders.cancel(placed.id, subject: "ann")
        #expect(order.status == .cancelled)
        try await scene.expectUndone(order)
    }

    @Test("an order that is called off while its capture runs is completed, then refunded and restocked", arguments: StoreEngine.allCases)
    func duringThePivot(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let gate = Gate()
        scene.stage.fail("capture", .held(gate))
        let orders = scene.orders()
        let placed = try await scene.place(orders, wait: false)
        await gate.arrivals(1)
        #expect(try await orders.cancel(placed.id, subject: "ann", wait: false).status == .cancelling)
        gate.open()
        try await scene.finish(orders)
        let order = try await orders.get(placed.id)
        #expect(order.status == .cancelled)
        #expect(scene.stage.names == straight + ["refund", "restock"])
        #expect(try await scene.ledger(try #require(order.outcome).paymentID) == ["authorize", "capture", "refund"])
        #expect(scene.warehouse.available["LAPTOP-001"] == 10)
        #expect(try await scene.sagas(of: order.id) == ["order completed", "cancellation completed"])
    }

    @Test("a confirmed order is refunded, then restocked", arguments: StoreEngine.allCases)
    func confirmed(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let orders = scene.orders()
        let placed = try await scene.place(orders)
        let order = try await orders.cancel(placed.id, subject: "ann")
        #expect(order.status == .cancelled)
        #expect(scene.stage.names == straight + ["refund", "restock"])
        #expect(scene.warehouse.reservation(try #require(order.outcome).reservationID)?.state == .returned)
        #expect(try await scene.ledger(try #require(order.outcome).paymentID) == ["authorize", "capture", "refund"])
        #expect(scene.warehouse.available["LAPTOP-001"] == 10)
        #expect(order.outcome?.total == placed.outcome?.total, "what it cost stays on record")
    }

    @Test("a refund or a restock whose answer is lost is repeated, and has its effect once", arguments: ["refund", "restock"])
    func lostAnswer(_ step: String) async throws {
        let scene = try await Scene()
        scene.stage.fail(step, .lost, .unreachable)
        let orders = scene.orders()
        let order = try await orders.cancel(try await scene.place(orders).id, subject: "ann")
        #expect(order.status == .cancelled)
        #expect(scene.stage.names.filter { $0 == step }.count == 3)
        #expect(try await scene.ledger(try #require(order.outcome).paymentID) == ["authorize", "capture", "refund"])
        #expect(scene.warehouse.available["LAPTOP-001"] == 10)
    }

    @Test("cancelled twice is cancelled once", arguments: StoreEngine.allCases)
    func twice(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let orders = scene.orders()
        let placed = try await scene.place(orders)
        _ = try await orders.cancel(placed.id, subject: "ann")
        #expect(try await orders.cancel(placed.id, subject: "ann").status == .cancelled)
        #expect(scene.stage.names == straight + ["refund", "restock"])
        #expect(try await scene.sagas(of: placed.id) == ["order completed", "cancellation completed"])
    }

    @Test("called off again while it is being cancelled, it is cancelled once", arguments: StoreEngine.allCases)
    func whileCancelling(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let gate = Gate()
        scene.stage.fail("refund", .held(gate))
        let orders = scene.orders()
        let placed = try await scene.place(orders)
        _ = try await orders.cancel(placed.id, subject: "ann", wait: false)
        await gate.arrivals(1)
        #expect(try await orders.cancel(placed.id, subject: "ann").status == .cancelling)
        gate.open()
        try await scene.finish(orders)
        #expect(try await orders.get(placed.id).status == .cancelled)
        #expect(try await scene.sagas(of: placed.id) == ["order completed", "cancellation completed"])
    }

    @Test("an order that is being undone for another reason ends as cancelled", arguments: StoreEngine.allCases)
    func whileCompensating(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let gate = Gate()
        scene.stage.fail("release", .held(gate))
        let orders = scene.orders()
        let placed = try await scene.place(orders, Scene.request(method: .decline), wait: false)
        await gate.arrivals(1)
        #expect(try await orders.cancel(placed.id, subject: "ann", wait: false).status == .cancelling)
        gate.open()
        try await scene.finish(orders)
        #expect(try await orders.get(placed.id).status == .cancelled)
    }

    @Test("a rejected order cannot be cancelled: 409", arguments: StoreEngine.allCases)
    func rejected(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let orders = scene.orders()
        let placed = try await scene.place(orders, Scene.request(method: .decline))
        let refused = try await problem { try await orders.cancel(placed.id, subject: "ann") }
        #expect(refused?.status == 409)
        #expect(refused?.code == "order_not_cancellable")
        #expect(try await orders.get(placed.id).status == .rejected)
    }

    @Test("another customer's order is not there, and stays as it is; an operator may cancel anybody's", arguments: StoreEngine.allCases)
    func ownership(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let orders = scene.orders()
        let placed = try await scene.place(orders)
        #expect(try await problem { try await orders.cancel(placed.id, subject: "bob") }?.code == "order_not_found")
        #expect(try await orders.get(placed.id).status == .confirmed)
        #expect(try await orders.cancel(placed.id, subject: nil).status == .cancelled)
    }

    @Test("a refund that is refused leaves the order to a person", arguments: StoreEngine.allCases)
    func refundRefused(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let orders = scene.orders()
        let placed = try await scene.place(orders)
        // The bank's books say something else.
        try await scene.bankDatabase.execute("UPDATE sandbox_payments SET state = 'voided'")
        let order = try await orders.cancel(placed.id, subject: "ann")
        #expect(order.status == .needsAttention)
        #expect(order.rejection?.code == "refund_refused")
        #expect(scene.warehouse.reservation(try #require(order.outcome).reservationID)?.state == .sold, "nothing else was touched")
        #expect(try await problem { try await orders.cancel(placed.id, subject: "ann") }?.code == "order_not_cancellable")
    }
}
