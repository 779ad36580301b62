import Basics
import Database
import HTTPPath
import Logging
import Redis
import ServiceKit
import Telemetry

/// The composition root: everything of this service is made here, for `main` and for the tests alike.
enum PricingApp {
    /// The name that tokens for this service carry as their audience.
    static let name = "pricing-service"

    static let definition = ServiceDefinition(
        name: name, port: 8002,
        settings: [
            SettingInfo(PricingSettings.quoteLifetime), SettingInfo(PricingSettings.quoteRetention), SettingInfo(PricingSettings.signingKey),
            SettingInfo(PricingSettings.seed),
        ] + CacheSettings.all + RedisSettings.all,
        metrics: MetricDefinition.cache, build: build)

    static func build(_ boot: Boot) async throws -> ServiceParts {
        let settings = boot.settings
        let keys = try settings(ServiceSettings.keysDirectory)
        let authorizer = Authorizer(
            keys: try await boot.serviceKeys(), issuer: "api-gateway", audience: name, roles: [.service],
            skew: try settings(ServiceSettings.clockSkew), sources: boot.sources)
        let signer = QuoteSigner(key: try SigningKey.load(configured: settings.optional(PricingSettings.signingKey), folder: keys))
        let database = try await openDatabase(boot, defaultFile: "pricing.sqlite")
        do {
            try await migrate(database, migrations(), boot)
            if try settings(PricingSettings.seed) {
                let planted = try await Seed.plant(PackageResources.prices_csv, in: database, boot.sources)
                if planted > 0 { boot.logger.info("an empty store was filled", metadata: ["prices": "\(planted)"]) }
            }
            let redis = try openRedis(boot)
            let cache = try PriceCache(boot, database, redis)
            cache.start()
            return try ServiceParts(
                routes: routes(boot, database, cache, signer), boot: boot, openAPI: PackageResources.openapi_json, authorizer: authorizer,
                health: [.database(database)] + (redis.map { [.redis($0)] } ?? []),
                background: [
                    Retention(database: database, sources: boot.sources, quotes: try settings(PricingSettings.quoteRetention), logger: boot.logger)
                ],
                close: {
                    await cache.shutdown()
                    await redis?.shutdown()
                    await database.shutdown()
                })
        } catch {
            await database.shutdown()
            throw error
        }
    }

    private static func routes(_ boot: Boot, _ database: any Database, _ cache: PriceCache, _ signer: QuoteSigner) throws -> Routes {
        let sources = boot.sources
        let creates = Creates(database: database, sources: sources)
        let routes = Routes(access: Routes.standardAccess.merging(access, uniquingKeysWith: { $1 }))
        let prices = Prices(database: database, sources: sources)
        let quotes = Quotes(sources: sources, signer: signer, lifetime: try boot.settings(PricingSettings.quoteLifetime))
        PriceRoutes(prices: prices, cache: cache, quotes: quotes, database: database).add(to: routes)
        QuoteRoutes(
            quotes: quotes, redemptions: Redemptions(database: database, sources: sources, signer: signer), database: database, creates: creates
        ).add(to: routes)
        DiscountRoutes(discounts: Discounts(database: database, sources: sources), creates: creates).add(to: routes)
        TableRoutes(tables: Tables(database: database, sources: sources)).add(to: routes)
        CacheRoutes(cache: cache).add(to: routes)
        routes.addFaults(boot)
        return routes
    }

    /// The schema, step by step.
    static func migrations() throws -> [Migration] {
        let files = try Migration.load([
            ("m0001_prices.sqlite.sql", PackageResources.m0001_prices_sqlite_sql),
            ("m0001_prices.postgres.sql", PackageResources.m0001_prices_postgres_sql),
        ])
        return files.map { file in
            guard file.version == 1 else { return file }
            return Migration(
                version: 1, name: file.name, sqlite: file.sqlite + Idempotency.migration,
                postgres: file.postgres.map { $0 + Idempotency.postgresMigration })
        }
    }
}

/// What can be configured besides what every service has.
enum PricingSettings {
    static let quoteLifetime = Setting<Duration>.seconds(
        "quote.lifetime.seconds", default: 900, in: 1...86_400,
        help: "How long a quote stands. A quarter of an hour is enough to pay, and short enough that a price is not a bet.")
    static let quoteRetention = Setting<Duration>.seconds(
        "quote.retention.seconds", default: 86_400, in: 60...31_536_000,
        help: "An ended quote that no order took up is deleted after this. Anybody may ask for quotes, so they must not pile up.")
    static let signingKey = Setting<String>(
        "quote.signing.key", default: nil, secret: true, expected: "at least 64 hexadecimal digits",
        help: "Key of the quotes' signatures, hexadecimal; the same for all replicas. Without it, a file in KEYS_DIR, made with a fresh key."
    ) { SigningKey.bytes(hexadecimal: $0) == nil ? nil : $0 }
    static let seed = Setting<Bool>.flag(
        "seed.catalogue", default: false,
        help: "Fill an empty store with the prices of the sample catalogue, discount codes, exchange rates and tax rules.")
}
