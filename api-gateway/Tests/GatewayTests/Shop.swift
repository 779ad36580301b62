import HTTPPath
import ServiceKit
import TestKit

@testable import Gateway
@testable import InventoryService
@testable import PricingService

/// The three services, each really listening, on one folder of keys.
struct Shop {
    let gateway: RunningService
    let inventory: RunningService
    let pricing: RunningService

    var client: TestClient { gateway.client }

    func stock(_ product: String = "LAPTOP-001") async throws -> JSON {
        try await client.get("/api/v1/products/\(product)/stock", as: .operator).expect(200).json
    }
}

/// Runs the shop on the sample catalogue.
/// - Parameter settings: the gateway's; these win over what is set here.
func withShop<T: Sendable>(
    settings: [String: String] = [:], every: [String: String] = [:], store: TestStore = .memory, _ body: (Shop) async throws -> T
) async throws -> T {
    let seeded = every.merging(["SEED_CATALOGUE": "true"]) { $1 }
    return try await withService(InventoryApp.definition, settings: seeded, store: store) { inventory in
        try await withService(PricingApp.definition, settings: seeded, keys: inventory.keysFolder, store: store) { pricing in
            let own = every.merging(gatewaySettings(inventory: inventory.baseURL, pricing: pricing.baseURL)) { $1 }
            return try await withService(
                GatewayApp.definition, settings: own.merging(settings) { $1 }, keys: inventory.keysFolder, store: store
            ) { gateway in
                try await body(Shop(gateway: gateway, inventory: inventory, pricing: pricing))
            }
        }
    }
}

/// Where nothing ever listens.
let nowhere = "http://127.0.0.1:1"

/// The gateway's settings between services; the sandbox's slow cards are quick, and a test waits as long as an order takes.
func gatewaySettings(inventory: String = nowhere, pricing: String = nowhere) -> [String: String] {
    [
        "INVENTORY_SERVICE_URL": inventory, "PRICING_SERVICE_URL": pricing, "SANDBOX_PAUSE_SECONDS": "0", "ORDER_PATIENCE_SECONDS": "30",
        "SERVICE_TIMEOUT": "60", "ORDER_TIME_ALLOWED_SECONDS": "600",
        // No bound that a busy machine could miss; a test of a bound sets its own.
        "SERVICE_ATTEMPT_TIMEOUT_SECONDS": "60", "CIRCUIT_BREAKER_SLOW_SECONDS": "60", "HEDGE_PERCENT": "0",
        "RATE_LIMIT_ADDRESS_PER_SECOND": "0", "RATE_LIMIT_IDENTITY_PER_SECOND": "0",
    ]
}
