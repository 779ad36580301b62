import Basics
import HTTPPath
import Hummingbird
import InventoryAPI
import NIOCore
import ServiceKit

struct StockRoutes: Sendable {
    let stockroom: Stockroom
    let creates: Creates

    func add(to routes: Routes) {
        routes.answer("GET /api/v1/products/{id}/stock", get)
        routes.answer("POST /api/v1/products/{id}/stock/adjustments", adjust)
        routes.answer("GET /api/v1/stock/movements", movements)
    }

    private func get(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        return .json(try await stockroom.stock(context.product()))
    }

    private func adjust(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let key = try context.product()
        let actor = context.identity.actor
        // The key's scope names the product, so that one key on two products is two adjustments.
        let route = RouteKey(stringLiteral: "POST \(InventoryPaths.adjustments(key.description))")
        return try await creates.run(request, context, route, read: StockAdjustment.init) { adjustment, transaction in
            let stock = try await stockroom.adjust(key, adjustment, actor: actor, in: transaction)
            return Idempotency.Answer(status: 200, body: JSONWriter.bytes(stock))
        }
    }

    private func movements(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let (product, page) = try request.query { query in
            (query.parsed("product", expected: ProductRules.referenceExpected, ProductKey.init), query.pageBySequence())
        }
        return .page(try await stockroom.movements(of: product, before: page.before, limit: page.limit)) { Cursor(String($0.sequence)) }
    }
}
