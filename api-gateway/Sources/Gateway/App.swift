import AsyncHTTPClient
import Basics
import Database
import HTTPPath
import HTTPTypes
import InventoryAPI
import Orders
import Payments
import PricingAPI
import Redis
import Resilience
import ServiceKit
import ShopTelemetry
import Telemetry

/// The gateway's own settings.
enum GatewaySettings {
    static let inventoryURL = UpstreamSettings.addresses(
        "inventory.service.url", default: "http://127.0.0.1:8001",
        help: "Where the inventory service is; several, separated by commas, or a name of several addresses, for its replicas.")
    static let pricingURL = UpstreamSettings.addresses(
        "pricing.service.url", default: "http://127.0.0.1:8002", help: "Where the pricing service is, likewise.")
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
        SettingInfo(inventoryURL), SettingInfo(pricingURL), SettingInfo(orderPatience), SettingInfo(orderTime), SettingInfo(sandboxPause),
        SettingInfo(allowedOrigins),
    ]
}

/// The composition root: everything of the gateway is made here, for `main` and for the tests alike.
enum GatewayApp {
    static let definition = ServiceDefinition(
        name: "api-gateway", port: 8000, settings: GatewaySettings.all + UpstreamSettings.all + DoorSettings.all + RedisSettings.all,
        metrics: [.shopOrders, .shopOrderValue], build: build)

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
            let redis = try openRedis(boot)
            let policy = try UpstreamSettings.policy(settings)
            let observer = UpstreamObserver(boot.logger)
            var tokens: [String: ServiceToken] = [:]
            for name in ["inventory", "pricing"] {
                tokens[name] = try await ServiceToken(keys: keys, issuer: boot.service, audience: "\(name)-service", logger: boot.logger)
            }
            let authorize = tokens
            @Sendable func transport(_ name: String, _ address: ServiceAddress) -> HTTPUpstream {
                HTTPUpstream(name: name, address: address, client: client, timeout: .seconds(60)) { try await authorize[name]?.header() }
            }
            func upstream(_ name: String, _ addresses: [ServiceAddress]) -> ResilientUpstream {
                ResilientUpstream(
                    CallPipeline(name, policy, observer: observer), Endpoints(addresses, onChange: { observer.observe($0, in: name) })
                ) { transport(name, $0) }
            }
            let (inventoryAddresses, pricingAddresses) = (try settings(GatewaySettings.inventoryURL), try settings(GatewaySettings.pricingURL))
            let inventory = upstream("inventory", inventoryAddresses)
            let pricing = upstream("pricing", pricingAddresses)
            let orders = try orders(boot, database, inventory: inventory, pricing: pricing)
            let routes = routes(boot, inventory: inventory, pricing: pricing, orders)
            // Beside the pipelines: the switch of a fault must work while the fault has opened a breaker.
            routes.addFaults(
                boot,
                peers: [
                    FaultPeer(service: "inventory-service", upstream: transport("inventory", inventoryAddresses[0])),
                    FaultPeer(service: "pricing-service", upstream: transport("pricing", pricingAddresses[0])),
                ])
            routes.addCascade(
                Cascade(inventory: transport("inventory", inventoryAddresses[0]), pricing: transport("pricing", pricingAddresses[0])))
            return try ServiceParts(
                routes: routes, boot: boot, openAPI: PackageResources.openapi_json,
                authorizer: authorizer,
                health: [
                    .database(database),
                    HealthCheck("inventory") { try await checkReady(client, "inventory", inventory) },
                    HealthCheck("pricing") { try await checkReady(client, "pricing", pricing) },
                ] + (redis.map { [.redis($0)] } ?? []),
                door: DoorSettings.policy(settings, redis),
                background: [
                    orders.background,
                    UpstreamUpkeep(
                        [(inventory, inventoryAddresses), (pricing, pricingAddresses)], observer: observer,
                        refresh: try settings(UpstreamSettings.refresh)),
                ],
                crossOrigin: crossOrigin,
                close: {
                    await orders.stop()
                    try? await client.shutdown()
                    await redis?.shutdown()
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

    private static func routes(_ boot: Boot, inventory: ResilientUpstream, pricing: ResilientUpstream, _ orders: Orders) -> Routes {
        let routes = Routes(access: access)
        let views = ProductViews(inventory: inventory, pricing: pricing, lastPrices: LastPrices(now: boot.sources.now))
        routes.addProducts(views)
        routes.addBulkCheck(views)
        routes.addOrders(orders)
        routes.addPassThrough(inventory: inventory, pricing: pricing)
        routes.addBreakers([inventory, pricing], boot.logger)
        return routes
    }
}

/// Whether a replica is ready. Beside the pipeline: a look must neither be refused by a breaker nor count in it.
private func checkReady(_ client: HTTPClient, _ name: String, _ upstream: ResilientUpstream) async throws {
    let endpoints = upstream.endpoints.snapshot.endpoints
    let address = (endpoints.first { !$0.isOut(.now) } ?? endpoints[0]).address
    let answer = try await HTTPUpstream(name: name, address: address, client: client).send(UpstreamRequest(.get, "/health/ready"))
    guard answer.status == 200 else { throw Problem(answer) }
}

@main
struct Main {
    static func main() async { await GatewayApp.definition.main() }
}
