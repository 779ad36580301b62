import Basics
import HTTPPath
import HTTPTypes
import InventoryAPI
import ServiceKit
import TestKit
import Testing

@testable import InventoryService

@Suite("The inventory service as a whole")
struct ServiceTests {
    @Test("only the gateway's service token opens a route; health and documents are open to anyone")
    func access() async throws {
        try await withInventory { service, _ in
            for entry in service.routes {
                let path = entry.key.path.replacing("{id}", with: "PEN-1")
                let callers: [(Caller, Int)] = [(.anonymous, 401), (.operator, 401), (.shopper("sam"), 401), (.raw("garbage"), 401)]
                for (caller, status) in callers where entry.access == .service {
                    let answer = try await service.client.send(entry.key.method.rawValue, path, as: caller)
                    #expect(answer.status == status, "\(entry.key) as \(caller)")
                }
                if entry.access == .anyone { try await service.client.get(path).expect(200) }
            }
            #expect(service.routes.count { $0.access == .service } == InventoryApp.access.count)
        }
    }

    @Test("the contract lists every route and only those, and every code")
    func contract() async throws {
        let document = try JSON.parse(PackageResources.openapi_json, maxDepth: 64)
        let documented = (document["paths"]?.members ?? []).flatMap { path in
            (path.value.members ?? []).filter { $0.name != "parameters" }.map { "\($0.name.uppercased()) \(path.name)" }
        }
        let routes = InventoryApp.access.keys.map(\.description) + Routes.standardAccess.keys.map(\.description)
        #expect(documented.sorted() == routes.sorted())
        let codes = Set((document["x-error-codes"]?.members ?? []).map(\.name))
        #expect(codes.isSuperset(of: InventoryErrorCode.all.map(\.description)))
    }

    @Test("no bad input reaches the store, and each is told with its pointer")
    func badInput() async throws {
        let product: JSON = ["sku": "LAMP-1", "name": "Lamp", "description": "Red", "category": "desk", "attributes": ["a": "b"], "reorderPoint": 1]
        let fixed = RouteExample.LeftOut(.unknownID, "a fresh id is a reservation that has not come yet: its undo is recorded and answered 200")
        try await checkBadInput(InventoryApp.definition) { service in
            let client = InventoryClient(upstream: TestUpstream(client: service.client))
            _ = try await client.create(ProductDraft(sku: "PEN-1", name: "Pen", category: "desk"))
            _ = try await client.create(ProductDraft(sku: "CAP-1", name: "Cap", category: "desk"))
            _ = try await client.adjust("PEN-1", StockAdjustment(delta: 10, reason: .receipt))
            let order = service.boot.sources.makeID()
            let held = service.boot.sources.makeID()
            _ = try await client.reserve(id: held, key: "k", orderID: order, lines: [ReservationLine(product: "PEN-1", quantity: 1)])
            let ids = ["id": held.description]
            let sku = ["id": "PEN-1"]
            let (match, key): (HTTPFields, HTTPFields) = ([.ifMatch: "\"1\""], [.idempotencyKey: "k1"])
            let fault = try await service.setHarmlessFault(route: "GET /api/v1/stock/movements", as: .gateway)
            return RouteExample.faults(service.name, route: "GET /api/v1/stock/movements", fault: fault, caller: .gateway) + [
                RouteExample(
                    "GET /api/v1/products", query: ["category": "desk", "search": "pen", "inStock": "true", "limit": "10"], caller: .gateway),
                RouteExample("POST /api/v1/products", headers: key, body: product, caller: .gateway),
                RouteExample("GET /api/v1/products/low-stock", query: ["limit": "10"], caller: .gateway),
                RouteExample("POST /api/v1/products/batch-get", body: ["ids": ["PEN-1"]], caller: .gateway),
                RouteExample("POST /api/v1/stock/batch-get", body: ["ids": ["PEN-1"]], caller: .gateway),
                RouteExample(
                    "POST /api/v1/products/import", query: ["dryRun": "true"],
                    raw: .bytes(Array(ImportRouteTests.csv.utf8), contentType: "text/csv"), caller: .gateway),
                RouteExample("GET /api/v1/products/{id}", path: sku, caller: .gateway),
                RouteExample("PUT /api/v1/products/{id}", path: sku, headers: match, body: product.with("sku", "PEN-1"), caller: .gateway),
                RouteExample("PATCH /api/v1/products/{id}", path: sku, headers: match, body: product.with("sku", "PEN-1"), caller: .gateway),
                RouteExample("DELETE /api/v1/products/{id}", path: ["id": "CAP-1"], headers: match, caller: .gateway),
                RouteExample("GET /api/v1/products/{id}/stock", path: sku, caller: .gateway),
                RouteExample(
                    "POST /api/v1/products/{id}/stock/adjustments", path: sku, headers: key, body: ["delta": 1, "reason": "found", "note": "shelf"],
                    caller: .gateway),
                RouteExample("GET /api/v1/stock/movements", query: ["product": "PEN-1", "limit": "10"], caller: .gateway),
                RouteExample("GET /api/v1/reservations/{id}", path: ids, caller: .gateway),
                RouteExample(
                    "PUT /api/v1/reservations/{id}", path: ["id": service.boot.sources.makeID().description], headers: key,
                    body: ["orderId": .string(order.description), "lines": [["productId": "PEN-1", "quantity": 1]], "expiresIn": 60],
                    caller: .gateway, leftOut: [.init(.unknownID, "the caller chooses the id: a fresh one is a new reservation")]),
                RouteExample("POST /api/v1/reservations/{id}/confirm", path: ids, headers: key, caller: .gateway),
                RouteExample("POST /api/v1/reservations/{id}/release", path: ids, headers: key, caller: .gateway, leftOut: [fixed]),
                RouteExample("POST /api/v1/reservations/{id}/restock", path: ids, headers: key, caller: .gateway, leftOut: [fixed]),
            ]
        }
    }

    @Test("with SEED_CATALOGUE a fresh service has the sample catalogue, and without it nothing")
    func seed() async throws {
        for (setting, count) in [("true", 60), ("false", 0)] {
            try await withService(InventoryApp.definition, settings: ["SEED_CATALOGUE": setting]) { service in
                let page = try await service.client.get("/api/v1/products?limit=200", as: .gateway).expect(200)
                #expect(page.json["items"]?.array?.count == count)
            }
        }
    }

    @Test("the rows of an earlier run are there after a restart")
    func restart() async throws {
        try await withTemporaryFolder { folder in
            let settings = ["DATABASE_URL": "sqlite:\(folder)/inventory.sqlite", "SEED_CATALOGUE": "true"]
            let id = Identifier(high: 1, low: 1)
            try await withService(InventoryApp.definition, settings: settings) { service in
                let client = InventoryClient(upstream: TestUpstream(client: service.client))
                _ = try await client.reserve(id: id, key: "k", orderID: id, lines: [ReservationLine(product: "LAPTOP-001", quantity: 2)])
            }
            try await withService(InventoryApp.definition, settings: settings) { service in
                let client = InventoryClient(upstream: TestUpstream(client: service.client))
                let held = try await client.reservation(id)
                #expect(held.state == .held)
                #expect(try await client.stock("LAPTOP-001").reserved == 2)
                #expect(try await client.products(limit: 200).items.count == 60)
            }
        }
    }
}
