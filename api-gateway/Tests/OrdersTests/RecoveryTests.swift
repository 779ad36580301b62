import Basics
import Database
import HTTPPath
import InventoryAPI
import Logging
import Payments
import PricingAPI
import Resilience
import ServiceLifecycle
import TestKit
import Testing

@testable import Orders

@Suite("a gateway that stops in the middle")
struct RecoveryTests {
    // MARK: crashes

    @Test("after a crash at any transition of an order, another gateway completes it, each step once", arguments: StoreEngine.allCases, 1...6)
    func crashGoingForward(engine: StoreEngine, _ transactions: Int) async throws {
        let scene = try await Scene(engine)
        let id = try await crash(scene, after: transactions, Scene.request())
        let orders = scene.orders()
        try await scene.finish(orders)
        try await scene.expectDone(orders.get(id))
        #expect(try await scene.history(id) == ["begun"] + straight.dropLast().map { "\($0): done" } + ["capture: completed"])
        // The step whose record was lost was called again, with the same ids.
        let repeated = straight[transactions - 1]
        #expect(scene.stage.names.filter { $0 == repeated }.count == 2)
        #expect(Set(scene.stage.calls).count == straight.count)
    }

    @Test("after a crash at any transition of an order that is undone, another gateway undoes the rest", arguments: StoreEngine.allCases, 1...6)
    func crashGoingBack(engine: StoreEngine, _ transactions: Int) async throws {
        let scene = try await Scene(engine)
        let id = try await crash(scene, after: transactions, Scene.request(method: .decline))
        let orders = scene.orders()
        try await scene.finish(orders)
        let order = try await orders.get(id)
        #expect(order.status == .rejected)
        #expect(order.rejection?.code == "payment_declined")
        try await scene.expectUndone(order)
        #expect(Set(scene.stage.calls).count == 6, "no call but the six, and each with the same ids")
    }

    @Test("after a crash at any transition of a cancellation, another gateway completes it", arguments: StoreEngine.allCases, 1...2)
    func crashWhileCancelling(engine: StoreEngine, _ transactions: Int) async throws {
        let scene = try await Scene(engine)
        let placed = try await scene.place(scene.orders())
        let crashing = CrashingDatabase(scene.database, after: transactions)
        let dying = scene.orders(on: crashing)
        _ = try? await dying.cancel(placed.id, subject: "ann")
        await dying.runner.idle()
        #expect(crashing.hasCrashed)
        let orders = scene.orders()
        try await scene.finish(orders)
        let order = try await orders.get(placed.id)
        #expect(order.status == .cancelled)
        #expect(try await scene.ledger(try #require(order.outcome).paymentID) == ["authorize", "capture", "refund"])
        #expect(scene.warehouse.available["LAPTOP-001"] == 10)
    }

    @Test("an order that crashed before it was recorded was never placed, and its key is free", arguments: StoreEngine.allCases)
    func crashBeforeTheFirst(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        await #expect(throws: CrashingDatabase.Crash.self) { try await scene.place(scene.orders(on: CrashingDatabase(scene.database, after: 0))) }
        let orders = scene.orders()
        try await scene.finish(orders)
        #expect(scene.stage.names == [])
        #expect(try await scene.place(orders).status == .confirmed)
    }

    @Test("a cancellation asked for before a crash is carried out after it", arguments: StoreEngine.allCases)
    func cancelThenCrash(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        // Placing, quote, redeem; then the request to cancel; then nothing more.
        let crashing = CrashingDatabase(scene.database, after: 4)
        let gate = Gate()
        scene.stage.fail("reserve", .held(gate))
        let dying = scene.orders(on: crashing)
        let placed = try await scene.place(dying, wait: false)
        await gate.arrivals(1)
        _ = try await dying.cancel(placed.id, subject: "ann", wait: false)
        gate.open()
        await dying.runner.idle()
        #expect(crashing.hasCrashed)
        let orders = scene.orders()
        #expect(try await orders.get(placed.id).status == .cancelling)
        try await scene.finish(orders)
        let order = try await orders.get(placed.id)
        #expect(order.status == .cancelled)
        try await scene.expectUndone(order)
    }

    /// Places an order at a gateway that dies after so many transactions; gives its id.
    private func crash(_ scene: Scene, after transactions: Int, _ request: OrderRequest) async throws -> Identifier {
        let crashing = CrashingDatabase(scene.database, after: transactions)
        let dying = scene.orders(on: crashing)
        _ = try? await scene.place(dying, request)
        await dying.runner.idle()
        #expect(crashing.hasCrashed)
        let found = try await scene.orders().list(subject: "ann", before: nil, limit: 2)
        #expect(found.map(\.status) == [.pending])
        return try #require(found.first).id
    }

    // MARK: shutdown

    @Test("on shutdown the step under way is recorded, nothing more is begun, and another gateway goes on", arguments: StoreEngine.allCases)
    func shutdown(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let gate = Gate()
        scene.stage.fail("reserve", .held(gate))
        let stopping = scene.orders()
        let placed = try await scene.place(stopping, wait: false)
        await gate.arrivals(1)
        async let stopped: Void = stopping.stop()
        while !stopping.runner.isStopping { await Task.yield() }
        gate.open()
        await stopped
        #expect(scene.stage.names == ["quote", "redeem", "reserve"])
        #expect(try await scene.history(placed.id).last == "reserve: done")
        let refused = try await problem { try await scene.place(stopping, key: "other") }
        #expect(refused?.code == "unavailable", "it takes no more orders")

        let orders = scene.orders()
        try await scene.finish(orders)
        try await scene.expectDone(orders.get(placed.id))
        #expect(scene.stage.names == straight, "no step was done twice")
    }

    // MARK: two at once

    @Test("of two gateways on one saga the late one changes nothing, and everything has its effect once", arguments: StoreEngine.allCases)
    func outdated(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let gate = Gate()
        scene.stage.fail("reserve", .held(gate))
        let (slow, fast) = (scene.orders(), scene.orders())
        let placed = try await scene.place(slow, wait: false)
        await gate.arrivals(1)
        try await scene.finish(fast)
        let finished = try await scene.history(placed.id)
        gate.open()
        await slow.runner.idle()
        try await scene.expectDone(slow.get(placed.id))
        #expect(try await scene.history(placed.id) == finished)
        #expect(scene.stage.names == ["quote", "redeem", "reserve", "reserve", "authorize", "confirm", "capture"])
        #expect(scene.logs.records.contains { $0.message == "another worker moved the saga on" })
    }

    @Test("who placed an order that another gateway has moved on is answered when it is done", arguments: StoreEngine.allCases)
    func overtaken(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let (reserving, capturing) = (Gate(), Gate())
        scene.stage.fail("reserve", .held(reserving))
        scene.stage.fail("capture", .held(capturing))
        let (slow, fast) = (scene.orders(), scene.orders())
        async let placed = scene.place(slow)
        await reserving.arrivals(1)
        await fast.runner.pickUp()
        await capturing.arrivals(1)
        reserving.open()
        let order = try await placed
        #expect(order.status == .confirmed)
        capturing.open()
        await fast.runner.idle()
        try await scene.expectDone(order)
        #expect(scene.logs.records.filter { $0.message == "another worker moved the saga on" }.count == 2)
    }

    @Test("one saga is worked on once at a time in one gateway, however often it is started", arguments: StoreEngine.allCases)
    func startedTwice(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let gate = Gate()
        scene.stage.fail("quote", .held(gate))
        let orders = scene.orders()
        let placed = try await scene.place(orders, wait: false)
        await gate.arrivals(1)
        for _ in 1...5 { await orders.runner.pickUp() }
        gate.open()
        await orders.runner.idle()
        try await scene.expectDone(orders.get(placed.id))
        #expect(scene.stage.names == straight)
    }

    // MARK: time and patience

    @Test("an order that is late before its capture is undone, the step whose outcome is not known included", arguments: StoreEngine.allCases)
    func lateBeforeThePivot(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        scene.stage.fail("authorize", .late(.seconds(31)))
        let order = try await scene.place(scene.orders())
        #expect(order.status == .rejected)
        #expect(order.rejection?.code == "order_timed_out")
        #expect(order.rejection?.status == 409)
        #expect(scene.stage.names == ["quote", "redeem", "reserve", "authorize", "void", "release", "undo redeem"])
        try await scene.expectUndone(order)
        // A late authorisation of the provider's finds the void.
        let authorization = try await scene.bank.authorize(try #require(order.outcome).paymentID, amount: .zero(.usd), method: .approve)
        #expect(authorization == .alreadyUndone)
    }

    @Test("an order that is late once its capture has begun is captured", arguments: StoreEngine.allCases)
    func lateAtThePivot(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        scene.stage.fail("capture", .late(.seconds(3600)))
        try await scene.expectDone(scene.place(scene.orders()))
        #expect(scene.stage.names == straight + ["capture"])
    }

    @Test("a capture that stays unresolved leaves the order to a person, with everything in place", arguments: StoreEngine.allCases)
    func parkedAtThePivot(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        scene.stage.alwaysFail("capture", .unreachable)
        let order = try await scene.place(scene.orders())
        #expect(order.status == .needsAttention)
        #expect(order.rejection?.code == "step_unresolved")
        #expect(scene.stage.names == straight + ["capture", "capture"])
        #expect(scene.warehouse.reservation(try #require(order.outcome).reservationID)?.state == .sold)
        #expect(try await scene.sagas(of: order.id) == ["order parked"])
        #expect(scene.logs.records.contains { $0.level == .error && $0.message == "a saga needs attention" })
    }

    @Test("an undo that stays unresolved leaves the order to a person, with the reason why it was undone", arguments: StoreEngine.allCases)
    func parkedUndo(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        scene.stage.alwaysFail("release", .unreachable)
        let order = try await scene.place(scene.orders(), Scene.request(method: .decline))
        #expect(order.status == .needsAttention)
        #expect(order.rejection?.code == "payment_declined")
        #expect(scene.stage.names.filter { $0 == "release" }.count == 3)
        #expect(!scene.stage.names.contains("undo redeem"), "the order of the undoing is kept")
    }

    @Test("a saga that waits long for its next try gives its place up, and is taken up again when it is due", arguments: StoreEngine.allCases)
    func longWait(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        var limits = Scene.limits
        limits.backoff = Backoff(base: .seconds(3600), cap: .seconds(3600))
        scene.stage.fail("reserve", .unreachable)
        let orders = scene.orders(timeAllowed: .seconds(86_400), limits: limits)
        // A wait below a second would be sat out here; with this bound that is one chance in 3,600, and then the rest holds as well.
        let order = try await scene.place(orders)
        if order.status == .pending {
            await orders.runner.pickUp()
            await orders.runner.idle()
            #expect(scene.stage.names == ["quote", "redeem", "reserve"], "it is not due")
            scene.clock.advance(by: .seconds(3601))
            await orders.runner.pickUp()
            await orders.runner.idle()
        }
        try await scene.expectDone(orders.get(order.id))
    }

    @Test("a saga of a kind that is not known here is left alone, and does not hold the shutdown up", arguments: StoreEngine.allCases)
    func unknownKind(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let orders = scene.orders()
        #expect(orders.runner.start(scene.clock.sources.makeID(), kind: "return") == nil)
        await orders.stop()
        #expect(scene.logs.records.contains { $0.level == .error && $0.metadata["kind"] == "return" })
    }

    @Test("the background work takes up what was left, and ends without an error when it is asked to", arguments: StoreEngine.allCases)
    func background(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let dying = scene.orders(on: CrashingDatabase(scene.database, after: 3))
        _ = try? await scene.place(dying)
        await dying.runner.idle()
        let orders = scene.orders()
        let id = try #require(try await orders.list(subject: nil, before: nil, limit: 1).first).id
        scene.clock.advance(by: .seconds(1))
        let running = Task { try await orders.background.run() }
        while try await orders.get(id).status != .confirmed { await Task.yield() }
        running.cancel()
        try await running.value
        try await scene.expectDone(orders.get(id))
    }
}
