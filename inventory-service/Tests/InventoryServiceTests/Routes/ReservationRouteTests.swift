import Basics
import HTTPPath
import HTTPTypes
import InventoryAPI
import ServiceKit
import TestKit
import Testing

@testable import InventoryService

@Suite("Reservations over HTTP")
struct ReservationRouteTests {
    static let id = Identifier("019d0000-0000-7000-8000-000000000001")!
    static let order = Identifier("019d0000-0000-7000-8000-0000000000aa")!
    static let path = InventoryPaths.reservation(id)
    static let body: JSON = ["orderId": "019d0000-0000-7000-8000-0000000000aa", "lines": [["productId": "PEN-1", "quantity": 2]]]

    @Test("the first is 201 and the same again is 200, held for a quarter of an hour unless told", arguments: Engine.allCases)
    func reserve(_ engine: Engine) async throws {
        let clock = ManualClock()
        try await withInventory(engine, clock: clock) { service, client in
            let first = try await service.client.put(Self.path, json: Self.body, as: .gateway).expect(201)
            #expect(first.json["expiresAt"]?.string == (clock.now + .seconds(900)).description)
            #expect(first.json["state"] == "held" && first.json["lines"]?[0]?["sku"] == "PEN-1")
            let again = try await service.client.put(Self.path, json: Self.body, as: .gateway, headers: [.idempotencyKey: "any"]).expect(200)
            #expect(again.body == first.body)
            #expect(try await client.reservation(Self.id).orderID == Self.order)
        }
    }

    @Test("through the client: reserve, confirm, restock, each safe to repeat", arguments: Engine.allCases)
    func client(_ engine: Engine) async throws {
        try await withInventory(engine) { _, client in
            let lines = [ReservationLine(product: "PEN-1", quantity: 2)]
            for _ in 1...2 {
                let held = try await client.reserve(id: Self.id, key: "do", orderID: Self.order, lines: lines, expiresIn: .seconds(60))
                #expect(held.state == .held && held.lines.map(\.quantity) == [2])
            }
            for _ in 1...2 { #expect(try await client.confirm(Self.id, key: "c").state == .sold) }
            for _ in 1...2 { #expect(try await client.restock(Self.id, key: "r").state == .returned) }
            #expect(try await client.release(Self.id, key: "u").state == .returned)
            let problem = await #expect(throws: Problem.self) { try await client.confirm(Self.id, key: "c") }
            #expect(problem?.code == InventoryErrorCode.alreadyUndone.description && problem?.status == 409)
        }
    }

    @Test("a shortage names each short line, as the client reads it", arguments: Engine.allCases)
    func shortage(_ engine: Engine) async throws {
        try await withInventory(engine) { _, client in
            let pen = try await client.product("PEN-1")
            let problem = await #expect(throws: Problem.self) {
                try await client.reserve(
                    id: Self.id, key: "do", orderID: Self.order, lines: [ReservationLine(product: pen.id.description, quantity: 11)])
            }
            #expect(problem?.code == "insufficient_stock")
            #expect(
                problem.map(Shortage.list) == [Shortage(product: pen.id.description, sku: "PEN-1", requested: 11, available: 10)])
        }
    }

    @Test("an undo that comes first is answered 200, and what it undoes is refused when it comes", arguments: ["release", "restock"])
    func barrier(_ undo: String) async throws {
        try await withInventory { service, client in
            for _ in 1...2 {
                let undone = try await service.client.post("\(Self.path)/\(undo)", as: .gateway).expect(200)
                #expect(undone.json["state"] == "released" && undone.json["orderId"] == nil && undone.json["lines"] == [])
            }
            expectProblem(try await service.client.put(Self.path, json: Self.body, as: .gateway), 409, "already_undone")
            expectProblem(try await service.client.post("\(Self.path)/confirm", as: .gateway), 409, "already_undone")
            #expect(try await client.reservation(Self.id).state == .released)
            #expect(try await client.stock("PEN-1").available == 10)
        }
    }

    @Test("a sold reservation is not released, and other content is not the same reservation", arguments: Engine.allCases)
    func conflicts(_ engine: Engine) async throws {
        try await withInventory(engine) { service, client in
            try await service.client.put(Self.path, json: Self.body, as: .gateway).expect(201)
            let other = Self.body.with("lines", [["productId": "PEN-1", "quantity": 3]])
            expectProblem(try await service.client.put(Self.path, json: other, as: .gateway), 409, "reservation_conflict")
            _ = try await client.confirm(Self.id, key: "c")
            expectProblem(try await service.client.post("\(Self.path)/release", as: .gateway), 409, "reservation_sold")
        }
    }

    @Test("an unknown reservation is not found and not confirmed", arguments: Engine.allCases)
    func unknown(_ engine: Engine) async throws {
        try await withInventory(engine) { service, _ in
            expectProblem(try await service.client.get(Self.path, as: .gateway), 404, "reservation_not_found")
            expectProblem(try await service.client.post("\(Self.path)/confirm", as: .gateway), 404, "reservation_not_found")
        }
    }

    @Test("a step takes no body", arguments: Engine.allCases)
    func noBody(_ engine: Engine) async throws {
        try await withInventory(engine) { service, _ in
            expectProblem(try await service.client.post("\(Self.path)/confirm", json: [:], as: .gateway), 422, "invalid_body", pointer: "")
        }
    }

    @Test(
        "a bad line is told by its pointer",
        arguments: [
            ([["productId": "NONE-1", "quantity": 1]], "/lines/0/productId"), ([["productId": "pen", "quantity": 1]], "/lines/0/productId"),
            ([["productId": "PEN-1", "quantity": 0]], "/lines/0/quantity"), ([["productId": "PEN-1"]], "/lines/0/quantity"),
            ([["productId": "PEN-1", "quantity": 1], ["productId": "PEN-1", "quantity": 1]], "/lines/1/productId"), ([], "/lines"),
        ] as [(JSON, String)])
    func badLines(_ lines: JSON, _ pointer: String) async throws {
        try await withInventory { service, _ in
            let answer = try await service.client.put(Self.path, json: Self.body.with("lines", lines), as: .gateway)
            expectProblem(answer, 422, "invalid_body", pointer: pointer)
        }
    }

    @Test("the running service gives back what nobody confirmed", arguments: Engine.allCases)
    func sweep(_ engine: Engine) async throws {
        let clock = ManualClock()
        try await withInventory(engine, settings: ["RESERVATION_SWEEP_SECONDS": "0.05"], clock: clock) { service, client in
            try await service.client.put(Self.path, json: Self.body.with("expiresIn", 1), as: .gateway).expect(201)
            clock.advance(by: .seconds(1))
            expectProblem(try await service.client.post("\(Self.path)/confirm", as: .gateway), 409, "reservation_expired")
            let other = InventoryPaths.reservation(service.boot.sources.makeID())
            try await service.client.put(other, json: Self.body.with("expiresIn", 1), as: .gateway).expect(201)
            clock.advance(by: .seconds(1))
            try await eventually(within: .seconds(10), "the sweep gives the stock back") { try await client.stock("PEN-1").reserved == 0 }
            #expect(try await client.movements(product: "PEN-1", limit: 1).items.first?.kind == .expire)
        }
    }

    @Test("of 200 callers that want one of 50 at once, exactly 50 are served", arguments: Engine.allCases)
    func fifty(_ engine: Engine) async throws {
        try await withInventory(engine, store: .files) { service, client in
            _ = try await client.adjust("PEN-1", StockAdjustment(delta: 40, reason: .receipt))
            let codes = try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<200 as Range<UInt64> {
                    group.addTask {
                        let body = Self.body.with("lines", [["productId": "PEN-1", "quantity": 1]])
                        return try await service.client.put(
                            InventoryPaths.reservation(Identifier(high: 9, low: index)), json: body, as: .gateway
                        ).status
                    }
                }
                return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(codes == [201: 50, 409: 150])
            let stock = try await client.stock("PEN-1")
            #expect(stock.onHand == 50 && stock.reserved == 50)
        }
    }
}
