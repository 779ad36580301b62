package import Basics
package import Database
package import InventoryAPI

/// The use cases without HTTP, put together as the service has them: for tools of this package, such as its benchmark.
package struct InventoryUseCases: Sendable {
    private let catalogue: Catalogue
    private let reservations: Reservations

    /// - Parameter batchSize: as `RESERVATION_BATCH_SIZE`.
    package init(database: any Database, sources: Sources, batchSize: Int) {
        catalogue = Catalogue(database: database, sources: sources, reads: InventoryApp.reads(of: batchSize, database))
        reservations = Reservations(
            database: database, sources: sources, batches: InventoryApp.batches(of: batchSize, database, sources))
    }

    /// Brings a database to the service's schema.
    package static func prepare(_ database: any Database, _ sources: Sources) async throws {
        try await migrate(database, InventoryApp.migrations(), now: sources.now)
    }

    package func product(_ id: Identifier) async throws -> Product { try await catalogue.product(.id(id)) }

    package func reserve(_ id: Identifier, _ request: ReservationRequest, actor: String) async throws -> Reservation {
        try await reservations.reserve(id, request, actor: actor).0
    }
}
