import Basics
import Database
import HTTPPath
import Payments
import Synchronization
import TestKit
import Testing

@testable import Orders

/// Calls for one order that meet on PostgreSQL, where transactions run side by side; see `Encounter`.
@Suite("Two calls for one order at the same moment")
struct EncounterTests {
    struct Meeting: Sendable {
        let scene: Scene
        let order: Identifier
    }

    enum Call: String, CaseIterable, Sendable {
        /// Takes up what a gateway that crashed has left, and brings it to its end.
        case drive
        case cancel
    }

    /// - Parameter transitions: those of the order that were recorded before; six complete it.
    @Test("they do what they would do one after the other, wherever they meet", arguments: [3, 5, 6])
    func everywhere(_ transitions: Int) async throws {
        let (database, bankDatabase) = (try await StoreEngine.postgres.open(attempts: 1), try await StoreEngine.postgres.open())
        try await migrate(bankDatabase, Migration.load(SandboxPayments.migrations))
        try await migrate(database, Migration.load(SandboxPayments.migrations + Orders.migrations))
        let seeds = Mutex<UInt64>(0)
        // What a cancellation answers is read after it, and so may be later news.
        let isLater: @Sendable (String) -> Bool = { $0 == "cancelled" }
        let encounter = Encounter<Meeting>(on: database, allowing: isLater) {
            let seed = seeds.withLock { seed in
                seed += 1
                return seed
            }
            let scene = Scene(database: database, bankDatabase: bankDatabase, seed: seed)
            let crashing = CrashingDatabase(database, after: 1 + transitions)
            let dying = scene.orders(on: crashing)
            _ = try? await scene.place(dying, key: "key-\(seed)")
            await dying.runner.idle()
            let order = try #require(try await OrderStore().find(subject: "ann", key: "key-\(seed)", database)).order
            return Meeting(scene: scene, order: order.id)
        } stored: { meeting in
            let order = try await meeting.scene.orders().get(meeting.order)
            return ["\(order.status)"] + (try await meeting.scene.sagas(of: meeting.order))
        }
        var waits = 0
        for first in Call.allCases {
            for second in Call.allCases {
                waits += try await encounter.expectInTurn("\(first) and \(second)", Self.call(first), Self.call(second))
            }
        }
        #expect(waits > 0, "the calls never met")
    }

    @Test("of two requests with one key one is the order, and the other finds it")
    func place() async throws {
        let (database, bankDatabase) = (try await StoreEngine.postgres.open(attempts: 1), try await StoreEngine.postgres.open())
        try await migrate(bankDatabase, Migration.load(SandboxPayments.migrations))
        try await migrate(database, Migration.load(SandboxPayments.migrations + Orders.migrations))
        let seeds = Mutex<UInt64>(0)
        let encounter = Encounter<(scene: Scene, key: String)>(on: database) {
            let seed = seeds.withLock { seed in
                seed += 1
                return seed
            }
            return (Scene(database: database, bankDatabase: bankDatabase, seed: seed), "key-\(seed)")
        } stored: { meeting in
            let orders = try await database.query("SELECT id, status FROM orders WHERE idempotency_key = \(meeting.key)")
            return try orders.map { try $0.decode("status") } + meeting.scene.stage.names
        }
        let place: Encounter<(scene: Scene, key: String)>.Call = { meeting, database in
            let orders = meeting.scene.orders(on: database)
            switch try await orders.place(Scene.request(), subject: "ann", key: meeting.key, bodyHash: "hash", wait: true) {
            case .new: return "new"
            case .replayed: return "replayed"
            }
        }
        let waits = try await encounter.expectInTurn("placing and placing", place, place)
        #expect(waits > 0, "the calls never met")
    }

    private static func call(_ call: Call) -> Encounter<Meeting>.Call {
        { meeting, database in
            let orders = meeting.scene.orders(on: database)
            switch call {
            case .drive:
                await orders.runner.start(meeting.order, kind: "order")?.wait()
                return "driven"
            case .cancel:
                // Only what the request itself does: what it begins is left to others.
                await orders.stop()
                do {
                    return "\(try await orders.cancel(meeting.order, subject: "ann").status)"
                } catch let problem as Problem {
                    return "refused: \(problem.code)"
                }
            }
        }
    }
}
