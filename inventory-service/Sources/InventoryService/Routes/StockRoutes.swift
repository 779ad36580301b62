import Basics
import HTTPPath
import HTTPTypes
import Hummingbird
import InventoryAPI
import NIOCore
import ServiceKit

struct StockRoutes: Sendable {
    let stockroom: Stockroom
    let creates: Creates
    /// How long a page of an export may take to be read: as long as any request.
    let pageTimeout: Duration

    func add(to routes: Routes) {
        routes.on("GET /api/v1/products/{id}/stock", get)
        routes.on("POST /api/v1/products/{id}/stock/adjustments", adjust)
        routes.on("POST /api/v1/stock/batch-get", batchGet)
        routes.on("GET /api/v1/stock/movements", movements)
    }

    private func get(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        return .json(try await stockroom.stock(context.product()))
    }

    private func batchGet(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        return .json(try await stockroom.batch(try await request.references(context)))
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
        let type = request.preferredMediaType(of: ["application/json"] + LedgerFormat.allCases.map(\.rawValue))
        if let format = LedgerFormat(rawValue: type) { return try await export(request, format) }
        let (product, page) = try request.query { query in (query.product(), query.pageBySequence()) }
        let slice = try await stockroom.movements(of: product, before: page.before, limit: page.limit)
        var response = Response.page(slice) { Cursor(String($0.sequence)) }
        response.headers[.vary] = "Accept"
        return response
    }

    /// All of it at once, so without pages: `limit` and `cursor` are refused like any other unknown parameter.
    private func export(_ request: Request, _ format: LedgerFormat) async throws -> Response {
        let product = try request.query { $0.product() }
        let export = try await stockroom.export(of: product, as: format, pageTimeout: pageTimeout)
        return Response(
            status: .ok,
            headers: [
                .contentType: format.contentType, .contentDisposition: "attachment; filename=\"\(format.fileName)\"", .vary: "Accept",
            ],
            body: ResponseBody(export))
    }
}

extension ResponseBody {
    /// Written at the reader's pace. A writer whose reader has gone throws, and then no more pages are read; a page that cannot be read ends
    /// the connection in the middle of the answer, so that nobody takes a part for the whole.
    init(_ export: LedgerExport) {
        self.init { writer in
            for try await chunk in export { try await writer.write(chunk) }
            try await writer.finish(nil)
        }
    }
}

extension Query {
    /// The product that a list is narrowed to.
    fileprivate func product() -> ProductKey? { parsed("product", expected: ProductRules.referenceExpected, ProductKey.init) }
}
