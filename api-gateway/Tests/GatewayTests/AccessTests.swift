import HTTPPath
import HTTPTypes
import ServiceKit
import TestKit
import Testing

@testable import Gateway

/// Every route × every kind of caller, as the one table says.
@Suite("who may call what")
struct AccessTests {
    static let callers: [(name: String, caller: Caller, role: Identity.Role)] = [
        ("nobody", .anonymous, .anonymous), ("a shopper", .shopper("ann"), .shopper), ("an operator", .operator, .operator),
    ]

    static let values = ["{id}": "LAPTOP-001", "{productId}": "LAPTOP-001", "{code}": "SAVE5"]

    @Test("each route lets those in whom the table names, and nobody else; nothing lies behind")
    func matrix() async throws {
        // With nothing behind, what is let in fails in some other way, at once.
        let settings = gatewaySettings().merging(["ORDER_PATIENCE_SECONDS": "0"]) { $1 }
        try await withService(GatewayApp.definition, settings: settings) { gateway in
            #expect(Set(gateway.routes.map(\.key)) == Set(access.keys))
            for (key, allowed) in access.sorted(by: { $0.key < $1.key }) {
                let path = ["{id}": "LAPTOP-001", "{productId}": "LAPTOP-001", "{code}": "SAVE5"].reduce(key.path) {
                    $0.replacing($1.key, with: $1.value)
                }
                for (name, caller, role) in Self.callers {
                    let answer = try await gateway.client.send(key.method.rawValue, path, as: caller)
                    if allowed.contains(role) {
                        #expect(answer.status != 401 && answer.status != 403, "\(key) is for \(name)")
                    } else if role == .anonymous {
                        expectProblem(answer, 401, "unauthenticated", pointer: "Authorization")
                        #expect(answer.header("WWW-Authenticate") == "Bearer")
                    } else {
                        expectProblem(answer, 403, "forbidden")
                    }
                }
                // Neither another service's token nor garbage counts here, on open routes either.
                for caller in [Caller.gateway, .serviceFor("api-gateway", subject: "olivia"), .raw("a.b.c")] {
                    expectProblem(try await gateway.client.send(key.method.rawValue, path, as: caller), 401, "unauthenticated")
                }
            }
        }
    }

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
