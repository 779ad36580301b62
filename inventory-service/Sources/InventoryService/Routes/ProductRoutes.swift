import Basics
import HTTPPath
import HTTPTypes
import Hummingbird
import InventoryAPI
import NIOCore
import ServiceKit

struct ProductRoutes: Sendable {
    let catalogue: Catalogue
    let creates: Creates

    func add(to routes: Routes) {
        routes.on("GET /api/v1/products", list)
        routes.on("POST /api/v1/products", create)
        routes.on("GET /api/v1/products/low-stock", lowStock)
        routes.on("POST /api/v1/products/batch-get", batchGet)
        routes.on("GET /api/v1/products/{id}", get)
        routes.on("PUT /api/v1/products/{id}", replace)
        routes.on("PATCH /api/v1/products/{id}", patch)
        routes.on("DELETE /api/v1/products/{id}", delete)
    }

    private func list(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let (filter, page) = try request.query { query in
            let filter = Store.ProductFilter(
                category: query.parsed("category", expected: ProductRules.categoryExpected) { ProductRules.isCategory($0) ? $0 : nil },
                search: query.string("search", 1...100), inStock: query.bool("inStock"))
            return (filter, query.pageBySKU())
        }
        return .page(try await catalogue.list(filter, after: page.after, limit: page.limit)) { Cursor($0.sku) }
    }

    private func lowStock(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let page = try request.query { $0.pageBySKU() }
        return .page(try await catalogue.lowStock(after: page.after, limit: page.limit)) { Cursor($0.product.sku) }
    }

    private func create(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try await creates.run(request, context, "POST /api/v1/products", read: ProductDraft.init) { draft, transaction in
            let product = try await catalogue.create(draft, in: transaction)
            return Idempotency.Answer(
                status: 201, body: JSONWriter.bytes(product), location: InventoryPaths.product(product.id.description),
                etag: ETag(version: product.version).description)
        }
    }

    private func batchGet(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        return .json(try await catalogue.batch(try await request.references(context)))
    }

    private func get(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        let product = try await catalogue.product(context.product())
        let tag = ETag(version: product.version)
        if try request.hasCurrent(tag) { return Response(status: .notModified, headers: [.eTag: tag.description]) }
        return .product(product)
    }

    private func replace(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        let key = try context.product()
        let versions = try request.requireIfMatch()
        let draft = try await request.json(context, ProductDraft.init)
        return .product(try await catalogue.change(key, versions: versions) { try $0.replace(with: draft) })
    }

    private func patch(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        let key = try context.product()
        let versions = try request.requireIfMatch()
        try request.requireMediaType("application/json", "application/merge-patch+json")
        let body = try await request.bytes(context)
        let patch = try Problem.reading(body, ProductPatch.init)
        return .product(try await catalogue.change(key, versions: versions) { try $0.apply(patch) })
    }

    private func delete(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        try await catalogue.archive(context.product(), versions: request.requireIfMatch())
        return .noContent()
    }
}
