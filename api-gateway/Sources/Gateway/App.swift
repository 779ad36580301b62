import AsyncHTTPClient
import Basics
import Database
import HTTPPath
import HTTPTypes
import InventoryAPI
import Orders
import Payments
import PricingAPI
import ServiceKit
import ShopTelemetry
import Telemetry

/// The gateway's own settings.
enum GatewaySettings {
    static let inventoryURL = Setting<String>(
        "inventory.service.url", default: "http://127.0.0.1:8001", expected: "an http or https URL without a path",
        help: "Where the inventory service is.", parse: baseURL)
    static let pricingURL = Setting<String>(
        "pricing.service.url", default: "http://127.0.0.1:8002", expected: "an http or https URL without a path",
        help: "Where the pricing service is.", parse: baseURL)
    static let serviceTimeout = Setting<Duration>.seconds(
        "service.timeout", default: 2, in: 0.01...60, help: "The longest a call to another service may take; their p99 is far below.")
    static let orderPatience = Setting<Duration>.seconds(
        "order.patience.seconds", default: 2, in: 0...30, help: "How long placing an order waits for its end before it answers 202.")
    static let orderTime = Setting<Duration>.seconds(
        "order.time.allowed.seconds", default: 30, in: 1...600,
        help: "An order not ready for its capture by then is undone; well below the 15 minutes that a reservation is held.")
    static let sandboxPause = Setting<Duration>.seconds(
        "sandbox.pause.seconds", default: 1.5, in: 0...30, help: "How long the sandbox's slow test cards take.")

    static let allowedOrigins = Setting<String>(
        "cors.allowed.origins", default: nil, expected: "origins such as https://shop.example, separated by commas",
        help: "Web pages of these origins may call from a browser; by default none may. There is no wildcard."
    ) { (try? CrossOrigin($0)) == nil ? nil : $0 }

    static let all = [
        SettingInfo(inventoryURL), SettingInfo(pricingURL), SettingInfo(serviceTimeout), SettingInfo(orderPatience), SettingInfo(orderTime),
        SettingInfo(sandboxPause), SettingInfo(allowedOrigins),
    ]

    @Sendable private static func baseURL(_ text: String) -> String? {
        let rest = text.hasPrefix("http://") ? text.dropFirst(7) : text.hasPrefix("https://") ? text.dropFirst(8) : ""
        let host = rest.hasSuffix("/") ? rest.dropLast() : rest
        guard !host.isEmpty, !host.contains(where: { "/?#@ ".contains($0) }) else { return nil }
        return text
    }
}

/// The composition root: everything of the gateway is made here, for `main` and for the tests alike.
enum GatewayApp {
    static let definition = ServiceDefinition(
        name: "api-gateway", port: 8000, settings: GatewaySettings.all, metrics: [.shopOrders, .shopOrderValue], build: build)

    static func build(_ boot: Boot) async throws -> ServiceParts {
        let settings = boot.settings
        let keys = LocalKeys(folder: try settings(ServiceSettings.keysDirectory))
        let crossOrigin = try settings.optional(GatewaySettings.allowedOrigins).map { list throws(ConfigurationError) in try CrossOrigin(list) }
        let client = HTTPClient.forServices()
        let database: any Database
        do {
            database = try await openDatabase(boot, defaultFile: "gateway.sqlite")
        } catch {
            try? await client.shutdown()
            throw error
        }
        do {
            let authorizer = Authorizer(
                keys: try await boot.userKeys(client: client), issuer: try settings(ServiceSettings.issuer), audience: boot.service,
                roles: [.shopper, .operator], skew: try settings(ServiceSettings.clockSkew), sources: boot.sources)
            try await migrate(database, Migration.load(SandboxPayments.migrations + Orders.migrations), boot)
            let timeout = try settings(GatewaySettings.serviceTimeout)
            func upstream(_ name: String, _ url: Setting<String>) async throws -> HTTPUpstream {
                let token = try await ServiceToken(keys: keys, issuer: boot.service, audience: "\(name)-service", logger: boot.logger)
                return HTTPUpstream(name: name, baseURL: try settings(url), client: client, timeout: timeout) { try await token.header() }
            }
            let inventory = try await upstream("inventory", GatewaySettings.inventoryURL)
            let pricing = try await upstream("pricing", GatewaySettings.pricingURL)
            let orders = try orders(boot, database, inventory: inventory, pricing: pricing)
            let routes = routes(inventory: inventory, pricing: pricing, orders)
            routes.addFaults(
                boot,
                peers: [
                    FaultPeer(service: "inventory-service", upstream: try await upstream("inventory", GatewaySettings.inventoryURL)),
                    FaultPeer(service: "pricing-service", upstream: try await upstream("pricing", GatewaySettings.pricingURL)),
                ])
            return try ServiceParts(
                routes: routes, boot: boot, openAPI: PackageResources.openapi_json,
                authorizer: authorizer,
                health: [
                    .database(database),
                    HealthCheck("inventory") { try await inventory.checkReady() },
                    HealthCheck("pricing") { try await pricing.checkReady() },
                ],
                background: [orders.background], crossOrigin: crossOrigin,
                close: {
                    await orders.stop()
                    try? await client.shutdown()
                    await database.shutdown()
                })
        } catch {
            try? await client.shutdown()
            await database.shutdown()
            throw error
        }
    }

    private static func orders(_ boot: Boot, _ database: any Database, inventory: any Upstream, pricing: any Upstream) throws -> Orders {
        let settings = boot.settings
        return Orders(
            database: database,
            parties: OrderParties(
                inventory: InventoryClient(upstream: inventory), pricing: PricingClient(pricing),
                payments: SandboxPayments(database, sources: boot.sources, pause: try settings(GatewaySettings.sandboxPause))),
            sources: boot.sources, logger: boot.logger, patience: try settings(GatewaySettings.orderPatience),
            timeAllowed: try settings(GatewaySettings.orderTime), tracer: boot.telemetry?.tracer ?? .off)
    }

    private static func routes(inventory: any Upstream, pricing: any Upstream, _ orders: Orders) -> Routes {
        let routes = Routes(access: access)
        routes.addProducts(ProductViews(inventory: inventory, pricing: pricing))
        routes.addOrders(orders)
        routes.addPassThrough(inventory: inventory, pricing: pricing)
        return routes
    }
}

extension HTTPUpstream {
    func checkReady() async throws {
        let answer = try await send(UpstreamRequest(.get, "/health/ready"))
        guard answer.status == 200 else { throw Problem(answer) }
    }
}

@main
struct Main {
    static func main() async { await GatewayApp.definition.main() }
}
