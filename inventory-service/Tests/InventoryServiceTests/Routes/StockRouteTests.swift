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

    @Test("stock says what is on hand, reserved and available", arguments: Engine.allCases)
    func stock(_ engine: Engine) async throws {
        try await withInventory(engine) { service, client in
            let id = service.boot.sources.makeID()
            _ = try await client.reserve(id: id, key: "k", orderID: id, lines: [ReservationLine(product: "PEN-1", quantity: 4)])
            let stock = try await client.stock("PEN-1")
            #expect(stock.onHand == 10 && stock.reserved == 4 && stock.available == 6 && stock.reorderPoint == 3)
            expectProblem(try await service.client.get("/api/v1/products/NONE-1/stock", as: .gateway), 404, "product_not_found")
        }
    }

    @Test("an adjustment with a key is done once, for each product", arguments: Engine.allCases)
    func idempotent(_ engine: Engine) async throws {
        try await withInventory(engine) { service, client in
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

    @Test("what is reserved cannot be taken away, and the answer says what there is", arguments: Engine.allCases)
    func belowReserved(_ engine: Engine) async throws {
        try await withInventory(engine) { service, client in
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

    @Test("the ledger is walked newest first, for all products or for one", arguments: Engine.allCases)
    func ledger(_ engine: Engine) async throws {
        try await withInventory(engine) { service, client in
            for delta: Int64 in 1...3 { _ = try await client.adjust("PEN-1", StockAdjustment(delta: delta, reason: .found)) }
            let first = try await client.movements(product: "PEN-1", limit: 2)
            #expect(first.items.map(\.quantity) == [3, 2])
            let second = try await client.movements(product: "PEN-1", limit: 2, cursor: first.nextCursor)
            #expect(second.items.map(\.kind) == [.adjustment, .receipt] && second.nextCursor == nil)
            #expect(try await client.movements().items.count == 4)
            expectProblem(try await service.client.get("/api/v1/stock/movements?product=NONE-1", as: .gateway), 404, "product_not_found")
        }
    }

    // MARK: the whole ledger as a text

    @Test("whoever accepts CSV or NDJSON gets the whole ledger, oldest first; anybody else gets a page", arguments: Engine.allCases)
    func export(_ engine: Engine) async throws {
        try await withInventory(engine) { service, client in
            _ = try await client.create(ProductDraft(sku: "INK-1", name: "Ink", category: "desk"))
            _ = try await client.adjust("INK-1", StockAdjustment(delta: 4, reason: .receipt, note: "=cmd|' /C calc'!A0"))
            _ = try await client.adjust("PEN-1", StockAdjustment(delta: -1, reason: .damage, note: "wet, torn"))
            let path = "/api/v1/stock/movements"
            let csv = try await service.client.get(path, as: .gateway, headers: [.accept: "text/csv"]).expect(200)
            #expect(csv.header("Content-Type") == "text/csv; charset=utf-8; header=present")
            #expect(csv.header("Content-Disposition") == "attachment; filename=\"stock-movements.csv\"")
            #expect(csv.header("Vary") == "Accept")
            #expect(csv.header("Content-Length") == nil)
            let lines = csv.text.split(separator: "\r\n")
            #expect(lines.count == 4 && lines[0].hasPrefix("sequence,at,product_id,sku,kind,quantity,"))
            #expect(lines[2].contains(",INK-1,receipt,4,,receipt,'=cmd|' /C calc'!A0,alice"))
            #expect(lines[3].contains(",PEN-1,adjustment,-1,,damage,\"wet, torn\",alice"))

            let page = try await service.client.get(path, as: .gateway, headers: [.accept: "image/png, */*;q=0.1"]).expect(200).json
            let ndjson = try await service.client.get(path, as: .gateway, headers: [.accept: "application/x-ndjson"]).expect(200)
            #expect(ndjson.header("Content-Type") == "application/x-ndjson")
            let entries = try ndjson.text.split(separator: "\n").map { try JSON.parse(Array($0.utf8)) }
            #expect(entries.count == 3 && page["items"]?.array == entries.reversed())

            let one = try await service.client.get(path + "?product=INK-1", as: .gateway, headers: [.accept: "text/csv"]).expect(200)
            #expect(one.text.split(separator: "\r\n").count == 2)
        }
    }

    @Test("what is wrong with an export is told before it begins", arguments: ["text/csv", "application/x-ndjson"])
    func exportRefused(_ type: String) async throws {
        try await withInventory { service, _ in
            let get = { query in try await service.client.get("/api/v1/stock/movements" + query, as: .gateway, headers: [.accept: type]) }
            expectProblem(try await get("?product=NONE-1"), 404, "product_not_found")
            expectProblem(try await get("?product=%20"), 400, "invalid_parameter", pointer: "product")
            expectProblem(try await get("?limit=5"), 400, "invalid_parameter", pointer: "limit")
            expectProblem(try await get("?cursor=WyI0NzExIl0"), 400, "invalid_parameter", pointer: "cursor")
        }
    }
}
