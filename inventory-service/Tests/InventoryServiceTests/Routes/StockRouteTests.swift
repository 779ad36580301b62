import Basics
import HTTPPath
import HTTPTypes
import InventoryAPI
import ServiceKit
import TestKit
import Testing

@testable import InventoryService

@Suite("Stock and ledger over HTTP")
struct StockRouteTests {
    static let path = "/api/v1/products/PEN-1/stock/adjustments"

    @Test("stock says what is on hand, reserved and available")
    func stock() async throws {
        try await withInventory { service, client in
            let id = service.boot.sources.makeID()
            _ = try await client.reserve(id: id, key: "k", orderID: id, lines: [ReservationLine(product: "PEN-1", quantity: 4)])
            let stock = try await client.stock("PEN-1")
            #expect(stock.onHand == 10 && stock.reserved == 4 && stock.available == 6 && stock.reorderPoint == 3)
            expectProblem(try await service.client.get("/api/v1/products/NONE-1/stock", as: .gateway), 404, "product_not_found")
        }
    }

    @Test("an adjustment with a key is done once, for each product")
    func idempotent() async throws {
        try await withInventory { service, client in
            _ = try await client.create(ProductDraft(sku: "PEN-2", name: "Pen", category: "desk"))
            let adjustment = StockAdjustment(delta: 5, reason: .receipt, note: "Delivery 4711")
            for _ in 1...3 { #expect(try await client.adjust("PEN-1", adjustment, key: "k1").onHand == 15) }
            #expect(try await client.adjust("PEN-2", adjustment, key: "k1").onHand == 5)
            let other = try await service.client.post(
                Self.path, json: ["delta": 6, "reason": "receipt"], as: .serviceFor("api-gateway", subject: "alice"), headers: [.idempotencyKey: "k1"]
            )
            expectProblem(other, 422, "idempotency_key_reused")
            let newest = try #require(try await client.movements(product: "PEN-1", limit: 1).items.first)
            #expect(newest.note == "Delivery 4711" && newest.actor == "alice" && newest.quantity == 5)
        }
    }

    @Test("what is reserved cannot be taken away, and the answer says what there is")
    func belowReserved() async throws {
        try await withInventory { service, client in
            let id = service.boot.sources.makeID()
            _ = try await client.reserve(id: id, key: "k", orderID: id, lines: [ReservationLine(product: "PEN-1", quantity: 4)])
            let answer = try await service.client.post(Self.path, json: ["delta": -7, "reason": "loss"], as: .gateway)
            expectProblem(answer, 409, "stock_below_reserved")
            #expect(answer.json["onHand"] == 10 && answer.json["reserved"] == 4)
        }
    }

    @Test(
        "an adjustment moves something, and a receipt moves it in",
        arguments: [
            (["delta": 0, "reason": "correction"], "/delta"), (["delta": -1, "reason": "receipt"], "/delta"),
            (["delta": 1, "reason": "whim"], "/reason"), (["delta": .number("1.5"), "reason": "receipt"], "/delta"), (["delta": 1], "/reason"),
            (["delta": 1, "reason": "receipt", "note": ""], "/note"), (["delta": 1, "reason": "receipt", "by": "me"], "/by"),
        ] as [(JSON, String)])
    func refused(_ body: JSON, _ pointer: String) async throws {
        try await withInventory { service, _ in
            expectProblem(try await service.client.post(Self.path, json: body, as: .gateway), 422, "invalid_body", pointer: pointer)
        }
    }

    @Test("the ledger is walked newest first, for all products or for one")
    func ledger() async throws {
        try await withInventory { service, client in
            for delta: Int64 in 1...3 { _ = try await client.adjust("PEN-1", StockAdjustment(delta: delta, reason: .found)) }
            let first = try await client.movements(product: "PEN-1", limit: 2)
            #expect(first.items.map(\.quantity) == [3, 2])
            let second = try await client.movements(product: "PEN-1", limit: 2, cursor: first.nextCursor)
            #expect(second.items.map(\.kind) == [.adjustment, .receipt] && second.nextCursor == nil)
            #expect(try await client.movements().items.count == 4)
            expectProblem(try await service.client.get("/api/v1/stock/movements?product=NONE-1", as: .gateway), 404, "product_not_found")
        }
    }
}
