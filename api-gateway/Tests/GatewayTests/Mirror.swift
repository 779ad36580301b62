import HTTPPath
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceKit
import TestKit

@testable import Gateway

/// A service that believes the gateway's tokens, and answers each request with what it received.
enum Mirror {
    /// - Parameters:
    ///   - name: whose place it takes.
    ///   - streaming: those of the routes that take a body of any length.
    static func definition(_ name: String, _ routes: [RouteKey], streaming: Set<RouteKey> = []) -> ServiceDefinition {
        ServiceDefinition(name: name, port: 0) { boot in
            var access = Routes.standardAccess
            for key in routes { access[key] = .service }
            let table = Routes(access: access)
            for key in routes {
                table.on(key, kind: streaming.contains(key) ? .streaming : .plain) { request, context in
                    var body = ByteBuffer()
                    for try await part in request.body { body.writeImmutableBuffer(part) }
                    return .json(bytes: describe(request, context, body), headers: [.eTag: "\"7\"", .cacheControl: "max-age=5", custom: "kept"])
                }
            }
            let keys = LocalKeys(folder: try boot.settings(ServiceSettings.keysDirectory))
            return try await ServiceParts(
                routes: table, boot: boot, openAPI: Array("{}".utf8),
                authorizer: Authorizer(jwks: keys.jwks(.services), issuer: "api-gateway", audience: name, roles: [.service]))
        }
    }

    static let custom = HTTPField.Name("X-Custom")!

    private static func describe(_ request: Request, _ context: ServiceContext, _ body: ByteBuffer) -> ByteBuffer {
        JSONWriter.object { json in
            json.field("method", request.method.rawValue)
            json.field("target", request.uri.string)
            json.field("headers", Dictionary(request.headers.map { ($0.name.canonicalName, $0.value) }) { "\($0), \($1)" })
            json.field("bytes", body.readableBytes)
            json.field("body", String(buffer: body.getSlice(at: 0, length: min(200, body.readableBytes)) ?? body))
            json.field("subject", context.identity.subject)
            json.field("onBehalfOf", context.identity.onBehalfOf)
        }
    }
}

/// Runs a gateway between two mirrors; `body` gets a client of it.
func withMirrors<T: Sendable>(settings: [String: String] = [:], _ body: (TestClient) async throws -> T) async throws -> T {
    let inventory = Mirror.definition(
        "inventory-service",
        [
            "GET /api/v1/products/low-stock", "GET /api/v1/stock/movements", "POST /api/v1/products", "PATCH /api/v1/products/{id}",
            "POST /api/v1/products/import",
        ],
        streaming: ["POST /api/v1/products/import"])
    let pricing = Mirror.definition("pricing-service", ["POST /api/v1/quotes"])
    return try await withService(inventory) { inventory in
        try await withService(pricing, keys: inventory.keysFolder) { pricing in
            let between = gatewaySettings(inventory: inventory.baseURL, pricing: pricing.baseURL)
            return try await withService(GatewayApp.definition, settings: between.merging(settings) { $1 }, keys: inventory.keysFolder) { gateway in
                try await body(gateway.client.unrecorded)
            }
        }
    }
}
