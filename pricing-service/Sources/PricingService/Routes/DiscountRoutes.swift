import Basics
import HTTPPath
import Hummingbird
import NIOCore
import PricingAPI
import ServiceKit

struct DiscountRoutes: Sendable {
    let discounts: Discounts
    let creates: Creates

    func add(to routes: Routes) {
        routes.on("GET /api/v1/discounts", list)
        routes.on("POST /api/v1/discounts", create)
        routes.on("GET /api/v1/discounts/{code}", get)
        routes.on("PUT /api/v1/discounts/{code}", put)
        routes.on("DELETE /api/v1/discounts/{code}", withdraw)
    }

    private func list(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let (limit, cursor) = try request.query { $0.page() }
        var after = ""
        if let cursor {
            guard cursor.parts.count == 1, let code = DiscountRule.normalised(cursor.parts[0]) else {
                throw Problem.invalidParameter("cursor", "must be a cursor that this list gave out")
            }
            after = code
        }
        let found = try await discounts.list(after: after, limit: limit + 1)
        let page = Array(found.prefix(limit))
        return .json(Page(items: page, nextCursor: found.count > limit ? page.last.map { Cursor($0.rule.code).description } : nil))
    }

    private func create(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        return try await creates.run(request, context, "POST /api/v1/discounts", read: DiscountRule.init) { [discounts] rule, transaction in
            let discount = discounts.make(rule)
            try await discounts.insert(discount, on: transaction)
            return Idempotency.Answer(
                status: 201, body: JSONWriter.bytes(discount), location: PricingPaths.discount(rule.code), etag: discount.etag)
        }
    }

    private func get(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let code = try context.discountCode("code")
        try request.noQuery()
        let preconditions = try Preconditions(request)
        let discount = try await discounts.discount(code)
        return .json(discount, etag: discount.etag, unless: preconditions)
    }

    private func put(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let code = try context.discountCode("code")
        try request.noQuery()
        let preconditions = try Preconditions(request)
        let rule = try await request.json(context, DiscountRule.init)
        let discount = try await discounts.replace(code, with: rule, preconditions)
        return .json(discount, etag: discount.etag)
    }

    private func withdraw(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let code = try context.discountCode("code")
        try request.noQuery()
        try await discounts.withdraw(code, try Preconditions(request))
        return .noContent()
    }
}
