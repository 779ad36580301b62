import Basics
import Database
import HTTPPath
import Logging
package import ServiceKit
import ShopTelemetry
import Telemetry

/// The composition root: everything of this service is made here, for `main` and for the tests alike.
package enum InventoryApp {
    /// The name that tokens for this service carry as their audience.
    static let name = "inventory-service"

    package static let definition = ServiceDefinition(
        name: name, port: 8001,
        settings: [
            SettingInfo(InventorySettings.sweepInterval), SettingInfo(InventorySettings.batchSize), SettingInfo(InventorySettings.seed),
            SettingInfo(InventorySettings.levelsInterval),
        ], metrics: [.shopStockAvailable], build: build)

    static func build(_ boot: Boot) async throws -> ServiceParts {
        let settings = boot.settings
        let authorizer = Authorizer(
            keys: try await boot.serviceKeys(), issuer: "api-gateway", audience: name, roles: [.service],
            skew: try settings(ServiceSettings.clockSkew), sources: boot.sources)
        let database = try await openDatabase(boot, defaultFile: "inventory.sqlite")
        do {
            try await migrate(database, migrations(), boot)
            if try settings(InventorySettings.seed) {
                let planted = try await Seed.plant(PackageResources.catalogue_csv, in: database, boot.sources)
                if planted > 0 { boot.logger.info("an empty store was filled", metadata: ["products": "\(planted)"]) }
            }
            let batchSize = try settings(InventorySettings.batchSize)
            let batches = batches(of: batchSize, database, boot.sources)
            let reads = reads(of: batchSize, database)
            let catalogue = Catalogue(database: database, sources: boot.sources, reads: reads)
            let reservations = Reservations(database: database, sources: boot.sources, batches: batches)
            return try ServiceParts(
                routes: routes(boot, database, catalogue, reservations), boot: boot, openAPI: PackageResources.openapi_json, authorizer: authorizer,
                health: [.database(database)],
                background: [
                    Housekeeping(
                        reservations: reservations, database: database, sources: boot.sources,
                        interval: try settings(InventorySettings.sweepInterval), logger: boot.logger),
                    StockLevels(database: database, interval: try settings(InventorySettings.levelsInterval), logger: boot.logger),
                ],
                close: {
                    await batches?.shutdown()
                    await reads?.shutdown()
                    await database.shutdown()
                })
        } catch {
            await database.shutdown()
            throw error
        }
    }

    /// nil on SQLite, which has a group commit, and where each call is to be a transaction of its own.
    static func batches(of size: Int, _ database: any Database, _ sources: Sources) -> ReservationBatches? {
        database.dialect == .postgres && size > 1 ? ReservationBatches(database: database, sources: sources, size: size) : nil
    }

    /// As `batches(of:)`: SQLite reads in this process anyway.
    static func reads(of size: Int, _ database: any Database) -> ProductReads? {
        database.dialect == .postgres && size > 1 ? ProductReads(database: database, size: size) : nil
    }

    private static func routes(
        _ boot: Boot, _ database: any Database, _ catalogue: Catalogue, _ reservations: Reservations
    ) throws -> Routes {
        let sources = boot.sources
        let routes = Routes(access: Routes.standardAccess.merging(access, uniquingKeysWith: { $1 }))
        let creates = Creates(database: database, sources: sources)
        ProductRoutes(catalogue: catalogue, creates: creates).add(to: routes)
        StockRoutes(
            stockroom: Stockroom(database: database, sources: sources), creates: creates,
            pageTimeout: try boot.settings(ServiceSettings.requestTimeout)
        ).add(to: routes)
        ReservationRoutes(reservations: reservations).add(to: routes)
        ImportRoute(database: database, sources: sources).add(to: routes)
        routes.addFaults(boot)
        return routes
    }

    /// The schema, step by step.
    static func migrations() throws -> [Migration] {
        let files = try Migration.load([
            ("m0001_inventory.sqlite.sql", PackageResources.m0001_inventory_sqlite_sql),
            ("m0001_inventory.postgres.sql", PackageResources.m0001_inventory_postgres_sql),
            ("m0002_search.sqlite.sql", PackageResources.m0002_search_sqlite_sql),
            ("m0002_search.postgres.sql", PackageResources.m0002_search_postgres_sql),
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
enum InventorySettings {
    static let sweepInterval = Setting<Duration>.seconds(
        "reservation.sweep.seconds", default: 2, in: 0.05...3600,
        help: "Between two looks for reservations whose time is over. They can no longer be sold in any case; this is how long their stock stays put."
    )
    static let levelsInterval = Setting<Duration>.seconds(
        "stock.levels.seconds", default: 60, in: 0.05...86_400,
        help: "Between two readings of what can be sold, for the metric shop.stock.available; each reads the whole table.")
    static let batchSize = Setting<Int>.integer(
        "reservation.batch.size", default: 64, in: 1...500,
        help:
            "Calls on reservations that one commit serves at most, on PostgreSQL. Nobody waits for a batch to fill; 1 gives each call a transaction of its own."
    )
    static let seed = Setting<Bool>.flag("seed.catalogue", default: false, help: "Fill an empty store with the sample catalogue of 60 products.")
}
