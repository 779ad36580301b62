import Basics
import Database
import HTTPPath
import Hummingbird
import InventoryAPI
import ServiceKit

struct ImportRoute: Sendable {
    let database: any Database
    let sources: Sources

    func add(to routes: Routes) {
        routes.on("POST /api/v1/products/import", kind: .streaming, run)
    }

    private func run(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let dryRun = try request.query { $0.bool("dryRun") } ?? false
        let type = try request.requireMediaType("application/x-ndjson", "text/csv")
        let work = ProductImport(database: database, sources: sources, actor: context.identity.actor, dryRun: dryRun)
        return .json(try await work.run(type == "text/csv" ? .csv : .ndjson, request.body))
    }
}
