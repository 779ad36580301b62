import Basics
import HTTPPath
import HTTPTypes
import InventoryAPI
import ServiceKit
import TestKit
import Testing

@testable import InventoryService

@Suite("Products over HTTP")
struct ProductRouteTests {
    static let lamp: JSON = ["sku": "LAMP-1", "name": "Lamp", "category": "home-office", "attributes": ["color": "red"], "reorderPoint": 2]

    @Test("a created product is answered with 201, Location and ETag, and found there", arguments: Engine.allCases)
    func create(_ engine: Engine) async throws {
        try await withInventory(engine) { service, _ in
            let created = try await service.client.post("/api/v1/products", json: Self.lamp, as: .gateway).expect(201)
            #expect(created.header("ETag") == "\"1\"")
            let location = try #require(created.header("Location"))
            #expect(location == "/api/v1/products/\(created.json["id"]?.string ?? "")")
            let found = try await service.client.get(location, as: .gateway).expect(200)
            #expect(found.body == created.body && found.header("ETag") == "\"1\"")
            #expect(try await service.client.get("/api/v1/products/LAMP-1", as: .gateway).body == created.body)
            expectProblem(try await service.client.post("/api/v1/products", json: Self.lamp, as: .gateway), 409, "sku_taken", pointer: "/sku")
        }
    }

    @Test("the same key and body create once and answer twice; another body is refused", arguments: Engine.allCases)
    func idempotent(_ engine: Engine) async throws {
        try await withInventory(engine) { service, _ in
            let first = try await service.client.post("/api/v1/products", json: Self.lamp, as: .gateway, headers: [.idempotencyKey: "k1"]).expect(201)
            let second = try await service.client.post("/api/v1/products", json: Self.lamp, as: .gateway, headers: [.idempotencyKey: "k1"]).expect(
                201)
            #expect(first.header("Idempotency-Replayed") == nil && second.header("Idempotency-Replayed") == "true")
            #expect(second.body == first.body && second.header("Location") == first.header("Location"))
            let other = try await service.client.post(
                "/api/v1/products", json: Self.lamp.with("sku", "LAMP-2"), as: .gateway, headers: [.idempotencyKey: "k1"])
            expectProblem(other, 422, "idempotency_key_reused", pointer: "Idempotency-Key")
        }
    }

    @Test("a refusal is not remembered: the mended request may use its key", arguments: Engine.allCases)
    func mended(_ engine: Engine) async throws {
        try await withInventory(engine) { service, _ in
            let taken = try await service.client.post(
                "/api/v1/products", json: Self.lamp.with("sku", "PEN-1"), as: .gateway, headers: [.idempotencyKey: "k1"])
            expectProblem(taken, 409, "sku_taken")
            try await service.client.post("/api/v1/products", json: Self.lamp, as: .gateway, headers: [.idempotencyKey: "k1"]).expect(201)
        }
    }

    @Test("who has the current version is told so without the body", arguments: Engine.allCases)
    func notModified(_ engine: Engine) async throws {
        try await withInventory(engine) { service, _ in
            for tag in ["\"1\"", "W/\"1\"", "\"9\", \"1\"", "*"] {
                let answer = try await service.client.get("/api/v1/products/PEN-1", as: .gateway, headers: [.ifNoneMatch: tag]).expect(304)
                #expect(answer.body.isEmpty && answer.header("ETag") == "\"1\"")
            }
            try await service.client.get("/api/v1/products/PEN-1", as: .gateway, headers: [.ifNoneMatch: "\"2\""]).expect(200)
        }
    }

    @Test("a change needs the version it is of: 428 without, 412 with another", arguments: Engine.allCases)
    func preconditions(_ engine: Engine) async throws {
        try await withInventory(engine) { service, _ in
            let path = "/api/v1/products/PEN-1"
            let body: JSON = ["sku": "PEN-1", "name": "Biro", "category": "desk"]
            for (method, json) in [("PUT", body), ("PATCH", ["name": "Biro"] as JSON), ("DELETE", nil)] as [(String, JSON?)] {
                func send(_ headers: HTTPFields) async throws -> Exchange {
                    try await service.client.send(
                        method, path, as: .gateway, headers: headers, body: json?.bytes, contentType: json == nil ? nil : "application/json")
                }
                expectProblem(try await send([:]), 428, "precondition_required")
                for tag in ["\"7\"", "W/\"1\""] { expectProblem(try await send([.ifMatch: tag]), 412, "version_mismatch") }
                expectProblem(try await send([.ifMatch: "seven"]), 400, "invalid_parameter", pointer: "If-Match")
            }
            let replaced = try await service.client.put(path, json: body, as: .gateway, headers: [.ifMatch: "\"1\""]).expect(200)
            #expect(replaced.header("ETag") == "\"2\"" && replaced.json["attributes"] == [:] && replaced.json["reorderPoint"] == 0)
            let patched = try await service.client.patch(
                path, json: ["attributes": ["color": "green"]], as: .gateway, headers: [.ifMatch: "\"1\", \"2\""]
            ).expect(200)
            #expect(patched.json["name"] == "Biro" && patched.json["attributes"] == ["color": "green"] && patched.header("ETag") == "\"3\"")
            try await service.client.delete(path, as: .gateway, headers: [.ifMatch: "*"]).expect(204)
            expectProblem(try await service.client.get(path, as: .gateway), 404, "product_not_found")
        }
    }

    @Test("a merge patch may say what it is", arguments: Engine.allCases)
    func mergePatch(_ engine: Engine) async throws {
        try await withInventory(engine) { service, _ in
            let answer = try await service.client.send(
                "PATCH", "/api/v1/products/PEN-1", as: .gateway, headers: [.ifMatch: "\"1\""],
                body: Array(#"{"attributes": {"color": null}, "description": null}"#.utf8), contentType: "application/merge-patch+json"
            ).expect(200)
            #expect(answer.json["attributes"] == [:])
        }
    }

    @Test("the SKU of a product cannot be changed", arguments: Engine.allCases)
    func fixedSKU(_ engine: Engine) async throws {
        try await withInventory(engine) { service, _ in
            let headers: HTTPFields = [.ifMatch: "\"1\""]
            let put = try await service.client.put(
                "/api/v1/products/PEN-1", json: ["sku": "PEN-2", "name": "Pen", "category": "desk"], as: .gateway, headers: headers)
            expectProblem(put, 422, "invalid_body", pointer: "/sku")
            expectProblem(
                try await service.client.patch("/api/v1/products/PEN-1", json: ["sku": "PEN-2"], as: .gateway, headers: headers), 422, "invalid_body",
                pointer: "/sku")
            try await service.client.patch("/api/v1/products/PEN-1", json: ["sku": "PEN-1"], as: .gateway, headers: headers).expect(200)
        }
    }

    @Test("a product with held pieces is not deleted", arguments: Engine.allCases)
    func inUse(_ engine: Engine) async throws {
        try await withInventory(engine) { service, client in
            let id = service.boot.sources.makeID()
            _ = try await client.reserve(id: id, key: "k", orderID: id, lines: [ReservationLine(product: "PEN-1", quantity: 1)])
            let answer = try await service.client.delete("/api/v1/products/PEN-1", as: .gateway, headers: [.ifMatch: "*"])
            expectProblem(answer, 409, "product_in_use")
        }
    }

    @Test("a list is walked with the cursor it gave out, and takes no other list's", arguments: Engine.allCases)
    func pages(_ engine: Engine) async throws {
        try await withInventory(engine) { service, client in
            for number in 2...5 { _ = try await client.create(ProductDraft(sku: "PEN-\(number)", name: "Pen", category: "desk")) }
            var skus: [String] = []
            var cursor: String?
            repeat {
                let page = try await client.products(category: "desk", search: "pen", limit: 2, cursor: cursor)
                skus += page.items.map(\.sku)
                cursor = page.nextCursor
            } while cursor != nil
            #expect(skus == ["PEN-1", "PEN-2", "PEN-3", "PEN-4", "PEN-5"])
            #expect(try await client.products(inStock: true).items.map(\.sku) == ["PEN-1"])
            #expect(try await client.products(search: "100% of it").items.isEmpty)

            _ = try await client.adjust("PEN-1", StockAdjustment(delta: 1, reason: .found))
            let ledger = try #require(try await client.movements(limit: 1).nextCursor)
            expectProblem(
                try await service.client.get("/api/v1/products?cursor=\(ledger)", as: .gateway), 400, "invalid_parameter", pointer: "cursor")
        }
    }

    @Test("many products are read in one call", arguments: Engine.allCases)
    func batch(_ engine: Engine) async throws {
        try await withInventory(engine) { service, client in
            let pen = try await client.product("PEN-1")
            let batch = try await client.batchGet(["NONE-1", "PEN-1", pen.id.description])
            #expect(batch == ProductBatch(items: [pen, pen], missing: ["NONE-1"]))
            let ids = (0...ProductBatch.most).map { JSON.string("PEN-\($0)") }
            expectProblem(
                try await service.client.post("/api/v1/products/batch-get", json: ["ids": .array(ids)], as: .gateway), 422, "invalid_body",
                pointer: "/ids")
            expectProblem(
                try await service.client.post("/api/v1/products/batch-get", json: ["ids": ["PEN-1", "no such"]], as: .gateway), 422, "invalid_body",
                pointer: "/ids/1")
        }
    }

    @Test("the stock of many products is read in one call", arguments: Engine.allCases)
    func stockBatch(_ engine: Engine) async throws {
        try await withInventory(engine) { service, client in
            let stock = try await client.stock("PEN-1")
            let batch = try await client.stocks(["NONE-1", "PEN-1", stock.productID.description, "PEN-1"])
            #expect(batch == StockBatch(items: [stock, stock, stock], missing: ["NONE-1"]))
            expectProblem(
                try await service.client.post("/api/v1/stock/batch-get", json: ["ids": ["PEN-1", "no such"]], as: .gateway), 422, "invalid_body",
                pointer: "/ids/1")
        }
    }

    @Test("low stock is listed with how low it is", arguments: Engine.allCases)
    func lowStock(_ engine: Engine) async throws {
        try await withInventory(engine) { service, client in
            _ = try await client.adjust("PEN-1", StockAdjustment(delta: -7, reason: .damage))
            let answer = try await service.client.get("/api/v1/products/low-stock?limit=1", as: .gateway).expect(200)
            #expect(answer.json["items"]?[0]?["stock"]?["available"] == 3)
            #expect(answer.json["items"]?[0]?["product"]?["sku"] == "PEN-1")
            #expect(answer.json["nextCursor"] == nil)
        }
    }
}
