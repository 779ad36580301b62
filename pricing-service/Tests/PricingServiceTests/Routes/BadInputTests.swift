import Basics
import HTTPPath
import HTTPTypes
import ServiceKit
import TestKit
import Testing

@testable import PricingService

/// Every route × every kind of bad input: the documented 4xx with its place, never a 500, and no row more or less.
@Suite struct BadInputTests {
    @Test("bad input is refused at its place, on every route, and leaves every table as it was")
    func matrix() async throws {
        let report = try await checkBadInput(PricingApp.definition, settings: ["SEED_CATALOGUE": "true"]) { service in
            let quote = try #require(try await service.client.quote().expect(201).json["id"]?.string)
            let route = "GET /api/v1/prices/{productId}/history"
            let fault = try await service.setHarmlessFault(route: route, as: .gateway)
            return Self.prices + Self.quotes(quote) + Self.discounts + Self.tables + Self.cache
                + RouteExample.faults(service.name, route: route, fault: fault, caller: .gateway)
        }
        #expect(report.cells.count == (PricingApp.access.count + Routes.standardAccess.count) * BadInputCell.allCases.count)
        #expect(report.requests > 800)
    }

    private static let order = "01900000-0000-7000-8000-000000000500"

    private static let prices: [RouteExample] = [
        RouteExample("GET /api/v1/prices/{productId}", path: ["productId": "LAPTOP-001"], query: ["currency": "EUR"], caller: .gateway),
        RouteExample(
            "PUT /api/v1/prices/{productId}", path: ["productId": "LAPTOP-001"], headers: [.ifMatch: "\"1\""],
            body: [
                "base": ["amountMinor": 99_900, "currency": "USD"], "productId": "01900000-0000-7001-8000-000000000001", "sku": "LAPTOP-001",
                "validFrom": "2026-01-01T00:00:00Z", "validUntil": "2099-01-01T00:00:00Z",
            ], caller: .gateway, leftOut: [.init(.unknownID, "the price of an unknown product is its first: made, and not refused")]),
        RouteExample("GET /api/v1/prices/{productId}/history", path: ["productId": "LAPTOP-001"], query: ["limit": "2"], caller: .gateway),
        RouteExample("POST /api/v1/prices/batch-get", body: ["ids": ["LAPTOP-001"], "currency": "EUR"], caller: .gateway),
        RouteExample(
            "POST /api/v1/prices/calculate",
            body: ["productId": "LAPTOP-001", "quantity": 1, "discountCodes": ["WELCOME10"], "currency": "EUR", "taxRegion": "DE"], caller: .gateway,
            references: ["/productId"]),
    ]

    private static func quotes(_ id: String) -> [RouteExample] {
        [
            RouteExample(
                "POST /api/v1/quotes", headers: [.idempotencyKey: "k-1"],
                body: [
                    "lines": [["productId": "LAPTOP-001", "quantity": 1]], "discountCodes": ["WELCOME10"], "currency": "EUR", "taxRegion": "DE",
                ], caller: .gateway, references: ["/lines/0/productId"]),
            RouteExample("GET /api/v1/quotes/{quoteId}", path: ["quoteId": id], caller: .gateway),
            RouteExample(
                "PUT /api/v1/quotes/{quoteId}/redemptions/{orderId}", path: ["quoteId": id, "orderId": order], caller: .gateway,
                leftOut: [.init(.unknownID, at: "orderId", "the caller chooses the order's id, and this service knows none of them")]),
            RouteExample(
                "DELETE /api/v1/quotes/{quoteId}/redemptions/{orderId}", path: ["quoteId": id, "orderId": order], caller: .gateway,
                leftOut: [.init(.unknownID, "the undo of what never was is recorded and answered 200, as the saga's barrier needs")]),
        ]
    }

    private static let rule: JSON = [
        "code": "NEW-1", "description": "New", "kind": "percentage", "rate": ["value": 15, "scale": 2],
        "minimumSpend": ["amountMinor": 1000, "currency": "USD"], "products": ["LAPTOP-001"], "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "2099-01-01T00:00:00Z", "usageLimit": 5, "stackable": true,
    ]

    private static let discounts: [RouteExample] = [
        RouteExample("GET /api/v1/discounts", query: ["limit": "2"], caller: .gateway),
        RouteExample("POST /api/v1/discounts", headers: [.idempotencyKey: "k-1"], body: rule, caller: .gateway),
        RouteExample("GET /api/v1/discounts/{code}", path: ["code": "SAVE5"], caller: .gateway),
        RouteExample(
            "PUT /api/v1/discounts/{code}", path: ["code": "SAVE5"], headers: [.ifMatch: "\"1\""], body: rule.with("code", "SAVE5"), caller: .gateway),
        RouteExample("DELETE /api/v1/discounts/{code}", path: ["code": "SAVE5"], headers: [.ifMatch: "\"1\""], caller: .gateway),
    ]

    private static let cache: [RouteExample] = [
        RouteExample("GET /api/v1/cache/stats", caller: .gateway),
        RouteExample("POST /api/v1/cache/invalidate", body: ["products": ["LAPTOP-001"], "all": false], caller: .gateway),
    ]

    private static let tables: [RouteExample] = [
        RouteExample("GET /api/v1/exchange-rates", caller: .gateway),
        RouteExample(
            "PUT /api/v1/exchange-rates", headers: [.ifMatch: "\"1\""],
            body: ["base": "USD", "rates": [["currency": "EUR", "rate": ["value": 9, "scale": 1]]], "validFrom": "2026-01-01T00:00:00Z"],
            caller: .gateway),
        RouteExample("GET /api/v1/tax-rules", caller: .gateway),
        RouteExample(
            "PUT /api/v1/tax-rules", headers: [.ifMatch: "\"1\""],
            body: ["rules": [["region": "DE", "rate": ["value": 19, "scale": 2], "mode": "inclusive"]], "validFrom": "2026-01-01T00:00:00Z"],
            caller: .gateway),
    ]
}
