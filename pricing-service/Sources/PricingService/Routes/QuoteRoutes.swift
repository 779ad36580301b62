import Basics
import Database
import HTTPPath
import Hummingbird
import NIOCore
import PricingAPI
import ServiceKit

struct QuoteRoutes: Sendable {
    let quotes: Quotes
    let redemptions: Redemptions
    let database: any Database
    let creates: Creates

    func add(to routes: Routes) {
        routes.on("POST /api/v1/quotes", create)
        routes.on("GET /api/v1/quotes/{quoteId}", get)
        routes.on("PUT /api/v1/quotes/{quoteId}/redemptions/{orderId}", redeem)
        routes.on("DELETE /api/v1/quotes/{quoteId}/redemptions/{orderId}", undo)
    }

    private func create(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        return try await creates.run(request, context, "POST /api/v1/quotes", read: QuoteRequest.init) { [quotes] wanted, transaction in
            let quote = try await quotes.create(wanted, on: transaction)
            return Idempotency.Answer(status: 201, body: JSONWriter.bytes(quote), location: PricingPaths.quote(quote.id))
        }
    }

    private func get(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let id = try context.identifier("quoteId")
        try request.noQuery()
        return .json(try await quotes.quote(id, on: database))
    }

    private func redeem(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let (quote, order) = (try context.identifier("quoteId"), try context.identifier("orderId"))
        try request.noQuery()
        return .json(try await redemptions.redeem(quote, for: order))
    }

    private func undo(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let (quote, order) = (try context.identifier("quoteId"), try context.identifier("orderId"))
        try request.noQuery()
        return .json(try await redemptions.undo(quote, for: order))
    }
}
