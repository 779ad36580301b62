import HTTPPath
import HTTPTypes
import TestKit
import Testing

@testable import Gateway

@Suite("the catalogue through the gateway")
struct CatalogueTests {
    @Test("anyone sees a product with its price, by id and by SKU")
    func product() async throws {
        try await withShop { shop in
            let view = try await shop.client.get("/api/v1/products/LAPTOP-001").expect(200)
            #expect(view.json["product"]?["sku"] == "LAPTOP-001")
            #expect(view.json["price"]?["price"] == ["amountMinor": 129_900, "currency": "USD"])
            #expect(view.json["degraded"] == nil)
            #expect(view.header("Content-Type") == "application/json")
            let id = try #require(view.json["product"]?["id"]?.string)
            #expect(try await shop.client.get("/api/v1/products/\(id)").expect(200).json == view.json)
        }
    }

    @Test("prices are shown in the currency that is asked for, and one that is not offered is refused")
    func currency() async throws {
        try await withShop { shop in
            let euro = try await shop.client.get("/api/v1/products/LAPTOP-001?currency=EUR").expect(200).json
            #expect(euro["price"]?["price"]?["currency"] == "EUR")
            #expect(euro["price"]?["exchange"]?["from"] == "USD")
            let page = try await shop.client.get("/api/v1/products?currency=EUR&limit=3").expect(200).json
            #expect(page["items"]?.array?.allSatisfy { $0["price"]?["price"]?["currency"] == "EUR" } == true)
            expectProblem(try await shop.client.get("/api/v1/products/LAPTOP-001?currency=KPW"), 422, "currency_not_offered")
            expectProblem(try await shop.client.get("/api/v1/products?currency=KPW"), 422, "currency_not_offered")
            expectProblem(try await shop.client.get("/api/v1/products/LAPTOP-001?currency=dollars"), 400, "invalid_parameter", pointer: "currency")
        }
    }

    @Test("the list is walked page by page, each product with its price")
    func list() async throws {
        try await withShop { shop in
            var skus: [String] = []
            var cursor: String?
            repeat {
                let page = try await shop.client.get("/api/v1/products?limit=25\(cursor.map { "&cursor=\($0)" } ?? "")").expect(200).json
                let items = page["items"]?.array ?? []
                #expect(items.allSatisfy { $0["price"]?["productId"] == $0["product"]?["id"] && $0["price"] != nil })
                skus += items.compactMap { $0["product"]?["sku"]?.string }
                cursor = page["nextCursor"]?.string
            } while cursor != nil
            #expect(skus.count == 60)
            #expect(skus == skus.sorted())
            let some = try await shop.client.get("/api/v1/products?category=computers&inStock=true&search=laptop").expect(200).json
            #expect(some["items"]?.array?.allSatisfy { $0["product"]?["category"] == "computers" } == true)
            #expect(some["items"]?.array?.isEmpty == false)
        }
    }

    @Test("what is not there, or cannot be asked for, is said as inventory says it")
    func notThere() async throws {
        try await withShop { shop in
            expectProblem(try await shop.client.get("/api/v1/products/NO-SUCH-1"), 404, "product_not_found")
            expectProblem(try await shop.client.get("/api/v1/products/no_sku"), 400, "invalid_parameter", pointer: "id")
            expectProblem(try await shop.client.get("/api/v1/products?cursor=bm90IGpzb24"), 400, "invalid_parameter", pointer: "cursor")
            expectProblem(try await shop.client.get("/api/v1/products?category=No%20Slug"), 400, "invalid_parameter", pointer: "category")
        }
    }

    @Test("a product without a price is shown without one")
    func unpriced() async throws {
        try await withShop { shop in
            try await shop.client.post("/api/v1/products", json: ["sku": "NEW-001", "name": "New", "category": "new"], as: .operator).expect(201)
            let view = try await shop.client.get("/api/v1/products/NEW-001").expect(200).json
            #expect(view["product"]?["sku"] == "NEW-001")
            #expect(view["price"] == nil)
            #expect(view["degraded"] == nil)
        }
    }

    @Test("with pricing down there are products, and the answer says what is missing")
    func pricingDown() async throws {
        try await withShop(settings: ["PRICING_SERVICE_URL": nowhere]) { shop in
            let view = try await shop.client.get("/api/v1/products/LAPTOP-001").expect(200).json
            #expect(view["product"]?["sku"] == "LAPTOP-001")
            #expect(view["price"] == nil)
            #expect(view["degraded"] == ["pricing"])
            let page = try await shop.client.get("/api/v1/products?limit=2").expect(200).json
            #expect(page["items"]?.array?.count == 2)
            #expect(page["degraded"] == ["pricing"])
            expectProblem(try await shop.client.get("/api/v1/prices/LAPTOP-001"), 503, "unavailable")
        }
    }

    @Test("with inventory down there is nothing to show: 503, and when to come back")
    func inventoryDown() async throws {
        try await withShop(settings: ["INVENTORY_SERVICE_URL": nowhere]) { shop in
            for path in ["/api/v1/products/LAPTOP-001", "/api/v1/products"] {
                let answer = try await shop.client.get(path)
                expectProblem(answer, 503, "unavailable")
                #expect(answer.header("Retry-After") == "1")
            }
            // Pricing has no need of it.
            try await shop.client.get("/api/v1/prices/LAPTOP-001").expect(200)
        }
    }

    @Test("health tells each dependency's state, and a dependency that is down leaves the gateway ready")
    func health() async throws {
        try await withShop(settings: ["PRICING_SERVICE_URL": nowhere]) { shop in
            // A dependency that takes over a second counts as down, and a busy machine may need that long.
            try await eventually(within: .seconds(60), "inventory is seen to be up, and pricing to be down") {
                let health = try await shop.client.get("/health").expect(200).json
                let states = (health["dependencies"]?.array ?? []).map { "\($0["name"]?.string ?? "") \($0["status"]?.string ?? "")" }
                return health["status"] == "degraded" && states == ["database up", "inventory up", "pricing down"]
            }
            try await shop.client.get("/health/ready").expect(200)
        }
    }

    @Test("a quote is anyone's to ask for, and of a caller with a name the same key gives the same quote")
    func quote() async throws {
        try await withShop { shop in
            let body: JSON = [
                "lines": [["productId": "LAPTOP-001", "quantity": 2]], "discountCodes": ["WELCOME10"], "currency": "USD", "taxRegion": "NONE",
            ]
            try await shop.client.post("/api/v1/quotes", json: body).expect(201)
            let first = try await shop.client.post("/api/v1/quotes", json: body, as: .shopper("ann"), headers: [.idempotencyKey: "q-1"]).expect(201)
            #expect(first.json["totals"]?["total"] == ["amountMinor": 233_820, "currency": "USD"])
            #expect(first.header("Location")?.hasPrefix("/api/v1/quotes/") == true)
            let again = try await shop.client.post("/api/v1/quotes", json: body, as: .shopper("ann"), headers: [.idempotencyKey: "q-1"]).expect(201)
            #expect(again.header("Idempotency-Replayed") == "true")
            #expect(again.json["id"] == first.json["id"])
            let unpriced = try await shop.client.post("/api/v1/quotes", json: body.with("lines", [["productId": "NO-SUCH-1", "quantity": 1]]))
            expectProblem(unpriced, 422, "line_not_priced")
        }
    }
}
