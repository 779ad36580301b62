import HTTPPath
import HTTPTypes
import ServiceKit
import TestKit
import Testing

@testable import Gateway

/// Every route × every kind of bad input, with all three services running: the documented 4xx with its place, never a 500, and no row
/// more or less in any of the three databases.
@Suite struct BadInputTests {
    @Test("bad input is refused at its place, on every route, and leaves every table as it was")
    func matrix() async throws {
        let report = try await checkBadInput { use in
            try await withShop(every: badInputSettings, store: .files) { shop in
                let placed = try await shop.client.post(
                    "/api/v1/orders", json: OrderRoutesTests.body(), as: .shopper("ann"), headers: [.idempotencyKey: "first"]
                ).expect(201)
                let order = try #require(placed.json["id"]?.string)
                let policy: JSON = ["floor": ["amountMinor": 1, "currency": "USD"], "ceiling": ["amountMinor": 2, "currency": "USD"]]
                try await shop.client.put("/api/v1/prices/LAPTOP-001/dynamic", json: policy, as: .operator).expect(200)
                let faults = try await Self.faults(shop.gateway)
                let examples =
                    Self.products + Self.stock + Self.prices + Self.discounts + Self.tables + Self.cache + Self.breakers + Self.orders(order) + faults
                try await use(BadInputTarget(shop.gateway, alsoCounting: [shop.inventory, shop.pricing], examples: examples))
            }
        }
        #expect(report.cells.count == access.count * BadInputCell.allCases.count)
        #expect(report.requests > 1000)
    }

    private static let draft: JSON = [
        "sku": "LAMP-900", "name": "Lamp", "description": "Red", "category": "light", "attributes": ["color": "red"], "reorderPoint": 5,
    ]

    private static let products: [RouteExample] = [
        RouteExample(
            "GET /api/v1/products", query: ["category": "computers", "search": "laptop", "inStock": "true", "limit": "2", "currency": "EUR"]),
        RouteExample("GET /api/v1/products/{id}", path: ["id": "LAPTOP-001"], query: ["currency": "EUR"]),
        RouteExample(
            "POST /api/v1/products/bulk-check", body: ["items": [["productId": "LAPTOP-001", "quantity": 1]], "currency": "EUR"]),
        RouteExample("POST /api/v1/products", headers: [.idempotencyKey: "k-1"], body: draft, caller: .operator),
        RouteExample(
            "PUT /api/v1/products/{id}", path: ["id": "LAPTOP-001"], headers: [.ifMatch: "\"1\""], body: draft.with("sku", "LAPTOP-001"),
            caller: .operator),
        RouteExample(
            "PATCH /api/v1/products/{id}", path: ["id": "LAPTOP-001"], headers: [.ifMatch: "\"1\""], body: draft.with("sku", "LAPTOP-001"),
            caller: .operator),
        RouteExample("DELETE /api/v1/products/{id}", path: ["id": "MOUSE-001"], headers: [.ifMatch: "\"1\""], caller: .operator),
        RouteExample(
            "POST /api/v1/products/import", query: ["dryRun": "true"],
            raw: .bytes(Array("sku,name,category\nLAMP-900,Lamp,light\n".utf8), contentType: "text/csv"), caller: .operator),
        RouteExample("GET /api/v1/products/low-stock", query: ["limit": "2"], caller: .operator),
    ]

    private static let stock: [RouteExample] = [
        RouteExample("GET /api/v1/products/{id}/stock", path: ["id": "LAPTOP-001"], caller: .operator),
        RouteExample(
            "POST /api/v1/products/{id}/stock/adjustments", path: ["id": "LAPTOP-001"], headers: [.idempotencyKey: "k-1"],
            body: ["delta": 5, "reason": "receipt", "note": "Delivery"], caller: .operator),
        RouteExample("GET /api/v1/stock/movements", query: ["product": "LAPTOP-001", "limit": "2"], caller: .operator),
    ]

    private static let prices: [RouteExample] = [
        RouteExample(
            "GET /api/v1/prices/{productId}", path: ["productId": "LAPTOP-001"], query: ["currency": "EUR", "at": "2099-01-01T00:00:00Z"]),
        RouteExample(
            "PUT /api/v1/prices/{productId}", path: ["productId": "LAPTOP-001"], headers: [.ifMatch: "\"1\""],
            body: [
                "base": ["amountMinor": 99_900, "currency": "USD"], "productId": "01900000-0000-7001-8000-000000000001", "sku": "LAPTOP-001",
                "category": "computers", "validFrom": "2026-01-01T00:00:00Z", "validUntil": "2099-01-01T00:00:00Z", "reason": "A test",
            ], caller: .operator, leftOut: [.init(.unknownID, "the price of an unknown product is its first: made, and not refused")]),
        RouteExample("GET /api/v1/prices/{productId}/history", path: ["productId": "LAPTOP-001"], query: ["limit": "2"], caller: .operator),
        RouteExample(
            "POST /api/v1/quotes", headers: [.idempotencyKey: "k-1"],
            body: [
                "lines": [["productId": "LAPTOP-001", "quantity": 1]], "discountCodes": ["WELCOME10"], "combine": "best", "currency": "EUR",
                "taxRegion": "DE",
            ], references: ["/lines/0/productId"]),
        RouteExample("GET /api/v1/prices/{productId}/dynamic", path: ["productId": "LAPTOP-001"], caller: .operator),
        RouteExample(
            "PUT /api/v1/prices/{productId}/dynamic", path: ["productId": "LAPTOP-001"], headers: [.ifMatch: "\"1\""],
            body: [
                "enabled": true, "floor": ["amountMinor": 100_000, "currency": "USD"], "ceiling": ["amountMinor": 150_000, "currency": "USD"],
                "windowMinutes": 60, "orderWeight": 10, "steps": [["minDemand": 100, "factor": ["value": 11, "scale": 1]]],
                "hours": [["days": ["fri"], "from": "18:00", "to": "22:00", "factor": ["value": 105, "scale": 2]]],
            ], caller: .operator),
    ]

    private static let rule: JSON = [
        "code": "NEW-1", "description": "New", "kind": "percentage", "rate": ["value": 15, "scale": 2],
        "minimumSpend": ["amountMinor": 1000, "currency": "USD"], "products": ["LAPTOP-001"], "categories": ["computers"],
        "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z", "usageLimit": 5, "usageLimitPerShopper": 2, "stackable": true,
        "priority": 3,
    ]

    private static let discounts: [RouteExample] = [
        RouteExample("GET /api/v1/discounts", query: ["limit": "2"], caller: .operator),
        RouteExample("POST /api/v1/discounts", headers: [.idempotencyKey: "k-1"], body: rule, caller: .operator),
        RouteExample("GET /api/v1/discounts/{code}", path: ["code": "SAVE5"], caller: .operator),
        RouteExample(
            "PUT /api/v1/discounts/{code}", path: ["code": "SAVE5"], headers: [.ifMatch: "\"1\""], body: rule.with("code", "SAVE5"), caller: .operator
        ),
        RouteExample("DELETE /api/v1/discounts/{code}", path: ["code": "SAVE5"], headers: [.ifMatch: "\"1\""], caller: .operator),
    ]

    private static let cache: [RouteExample] = [
        RouteExample("GET /api/v1/cache/stats", caller: .operator),
        RouteExample("POST /api/v1/cache/invalidate", body: ["products": ["LAPTOP-001"], "all": false], caller: .operator),
    ]

    private static let tables: [RouteExample] = [
        RouteExample("GET /api/v1/exchange-rates", query: ["at": "2099-01-01T00:00:00Z"], caller: .operator),
        RouteExample("GET /api/v1/exchange-rates/history/{version}", path: ["version": "1"], caller: .operator, unknown: ["version": "999999"]),
        RouteExample("GET /api/v1/exchange-rates/history", query: ["limit": "2"], caller: .operator),
        RouteExample(
            "PUT /api/v1/exchange-rates", headers: [.ifMatch: "\"1\""],
            body: [
                "base": "USD", "rates": [["currency": "EUR", "rate": ["value": 9, "scale": 1]]], "validFrom": "2026-01-01T00:00:00Z",
                "reason": "A test",
            ],
            caller: .operator),
        RouteExample("GET /api/v1/tax-rules", query: ["at": "2099-01-01T00:00:00Z"], caller: .operator),
        RouteExample("GET /api/v1/tax-rules/history/{version}", path: ["version": "1"], caller: .operator, unknown: ["version": "999999"]),
        RouteExample("GET /api/v1/tax-rules/history", query: ["limit": "2"], caller: .operator),
        RouteExample(
            "PUT /api/v1/tax-rules", headers: [.ifMatch: "\"1\""],
            body: [
                "rules": [["region": "DE", "rate": ["value": 19, "scale": 2], "mode": "inclusive"]], "validFrom": "2026-01-01T00:00:00Z",
                "reason": "A test",
            ],
            caller: .operator),
    ]

    private static let breakers: [RouteExample] = [
        RouteExample("GET /health/cascade", query: ["failure_mode": "pricing"]),
        RouteExample("GET /api/v1/admin/breakers", caller: .operator),
        RouteExample("GET /api/v1/admin/breakers/{name}", path: ["name": "pricing"], caller: .operator),
        RouteExample(
            "PUT /api/v1/admin/breakers/{name}", path: ["name": "pricing"], body: ["mode": "automatic", "reason": "Again"], caller: .operator),
        RouteExample(
            "PATCH /api/v1/admin/breakers/{name}", path: ["name": "pricing"],
            body: [
                "minimumCalls": 20, "failurePercent": 50, "slowPercent": 50, "slowMilliseconds": 1000, "windowMilliseconds": 10_000,
                "openMilliseconds": 5000, "longestOpenMilliseconds": 60_000, "probes": 3, "reason": "Again",
            ], caller: .operator),
        RouteExample("POST /api/v1/admin/breakers/{name}/reset", path: ["name": "pricing"], caller: .operator),
    ]

    private static func faults(_ gateway: RunningService) async throws -> [RouteExample] {
        let route = "GET /api/v1/stock/movements"
        let fault = try await gateway.setHarmlessFault(route: route, as: .operator)
        return RouteExample.faults(gateway.name, route: route, fault: fault, caller: .operator)
    }

    private static func orders(_ id: String) -> [RouteExample] {
        [
            // An unknown product is no bad input here: such an order is taken and rejected, and leaves its record.
            RouteExample(
                "POST /api/v1/orders", headers: [.idempotencyKey: "k-1"],
                body: OrderRoutesTests.body().with("discountCodes", ["WELCOME10"]).with("combine", "best").with(
                    "expectedTotal", ["amountMinor": 233_820, "currency": "USD"]),
                caller: .shopper("ann")),
            RouteExample("GET /api/v1/orders", query: ["limit": "2"], caller: .shopper("ann")),
            RouteExample("GET /api/v1/orders/{id}", path: ["id": id], caller: .shopper("ann")),
            RouteExample("POST /api/v1/orders/{id}/cancel", path: ["id": id], caller: .shopper("ann")),
        ]
    }
}
