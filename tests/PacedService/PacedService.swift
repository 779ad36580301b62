import Foundation
import HTTPPath
import Hummingbird
import NIOCore
import ServiceKit

/// Stands in for a service in runs with real processes: it answers the few calls that a view of a product needs, at a pace and with faults
/// that are set from outside, and counts what it was asked.
///
/// `PACED_NAME` says in whose place it stands, so that it believes the gateway's tokens. `/control` is open to anyone: it listens on loopback,
/// and in tests only.
@main
struct PacedService {
    static func main() async { await definition.main() }

    private static let name = ProcessInfo.processInfo.environment["PACED_NAME"] ?? "inventory-service"

    private static let access: AccessTable = Routes.standardAccess.merging([
        "GET /api/v1/products": .service, "GET /api/v1/products/{id}": .service, "GET /api/v1/prices/{productId}": .service,
        "POST /api/v1/prices/batch-get": .service, "GET /control": .anyone, "PUT /control": .anyone,
    ]) { $1 }

    private static let definition = ServiceDefinition(name: name, port: 0) { boot in
        let pace = Pace()
        let routes = Routes(access: access)
        routes.on("GET /api/v1/products") { _, _ in try await pace.work { #"{"items": [\#(product)]}"# } }
        routes.on("GET /api/v1/products/{id}") { _, _ in try await pace.work { product } }
        routes.on("GET /api/v1/prices/{productId}") { _, _ in try await pace.work { price } }
        routes.on("POST /api/v1/prices/batch-get") { _, _ in try await pace.work { #"{"items": [\#(price)], "missing": []}"# } }
        routes.on("GET /control") { _, _ in .json(bytes: pace.describe()) }
        routes.on("PUT /control") { request, context in
            let behaviour = try await request.json(context) { fields in
                Pace.Behaviour(
                    service: .milliseconds(fields.integer("serviceMilliseconds", 0...60_000)), capacity: Int(fields.integer("capacity", 1...100_000)),
                    queue: Int(fields.integer("queue", 0...100_000)), failPercent: Int(fields.integer("failPercent", 0...100)))
            }
            pace.set(behaviour)
            return .json(bytes: pace.describe())
        }
        let keys = LocalKeys(folder: try boot.settings(ServiceSettings.keysDirectory))
        return try await ServiceParts(
            routes: routes, boot: boot, openAPI: Array("{}".utf8),
            authorizer: Authorizer(jwks: keys.jwks(.services), issuer: "api-gateway", audience: name, roles: [.service]))
    }

    private static let id = "01900000-0000-7001-8000-000000000001"
    private static let product = #"{"id": "\#(id)", "sku": "LAPTOP-001", "name": "Laptop"}"#
    private static let price = #"{"productId": "\#(id)", "sku": "LAPTOP-001", "price": {"amountMinor": 100, "currency": "USD"}}"#
}
