import HTTPPath
import HTTPTypes
import ServiceKit
import TestKit
import Testing

@testable import Gateway

@Suite("who may call what")
struct AccessTests {
    @Test("who sees nothing but a closed door has no effect behind it")
    func nothingHappens() async throws {
        try await withShop { shop in
            let body: JSON = ["sku": "EVIL-001", "name": "Evil", "category": "evil"]
            for caller in [Caller.anonymous, .shopper("mallory")] {
                _ = try await shop.client.post("/api/v1/products", json: body, as: caller)
                _ = try await shop.client.delete("/api/v1/products/LAPTOP-001", as: caller, headers: [.ifMatch: "*"])
            }
            expectProblem(try await shop.client.get("/api/v1/products/EVIL-001"), 404, "product_not_found")
            try await shop.client.get("/api/v1/products/LAPTOP-001").expect(200)
        }
    }
}
