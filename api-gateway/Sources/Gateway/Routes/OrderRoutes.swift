import Basics
import HTTPPath
import HTTPTypes
import Hummingbird
import Orders
import ServiceKit

extension Routes {
    func addOrders(_ orders: Orders) {
        on("POST /api/v1/orders") { request, context in
            try request.noQuery()
            let key = try Idempotency.key(request, required: true)!
            try request.requireMediaType("application/json")
            let body = try await request.bytes(context)
            let order = try Problem.reading(body, OrderRequest.init)
            let wait = !request.prefersAsync
            let placement = try await orders.place(
                order, subject: context.identity.subject, key: key, bodyHash: Idempotency.hash(body), wait: wait)
            var response = answer(placement.order, context)
            if case .replayed = placement { response.headers[.idempotencyReplayed] = "true" }
            if !wait { response.headers[.preferenceApplied] = "respond-async" }
            return response
        }
        on("GET /api/v1/orders") { request, context in
            let (limit, cursor) = try request.query { $0.page() }
            let before = try cursor.map { cursor throws(Problem) in
                guard let id = Identifier(cursor.parts[0]) else { throw .invalidParameter("cursor", "must be a cursor that a list gave out") }
                return id
            }
            let found = try await orders.list(subject: context.ownSubject, before: before, limit: limit + 1)
            let items = Array(found.prefix(limit))
            return .json(Page(items: items, nextCursor: found.count > limit ? items.last.map { Cursor($0.id.description).description } : nil))
        }
        on("GET /api/v1/orders/{id}") { request, context in
            try request.noQuery()
            return .json(try await orders.get(try context.identifier("id"), subject: context.ownSubject))
        }
        on("POST /api/v1/orders/{id}/cancel") { request, context in
            try request.noQuery()
            let wait = !request.prefersAsync
            let order = try await orders.cancel(try context.identifier("id"), subject: context.ownSubject, wait: wait)
            return .json(order, status: order.status == .cancelled ? .ok : .accepted, headers: wait ? [:] : [.preferenceApplied: "respond-async"])
        }
    }
}

/// How an order's state answers the request that placed it.
private func answer(_ order: Order, _ context: ServiceContext) -> Response {
    if let rejection = order.rejection, order.status == .rejected {
        var problem = rejection
        problem.extra.append(.init("orderId", .string(order.id.description)))
        return .problem(problem, traceID: context.traceID)
    }
    let status: HTTPResponse.Status =
        switch order.status {
        case .confirmed: .created
        case .cancelled: .ok
        default: .accepted
        }
    return .json(order, status: status, headers: [.location: "/api/v1/orders/\(order.id)"])
}

extension ServiceContext {
    /// Whose orders the caller may see: a shopper's own, and an operator's everybody's.
    fileprivate var ownSubject: String? { identity.role == .operator ? nil : identity.subject }
}

extension Request {
    /// RFC 7240: the caller does not want to wait. A preference may have parameters, and there may be others.
    fileprivate var prefersAsync: Bool {
        headers[values: .prefer].contains { field in
            field.split(separator: ",").contains { preference in
                let name = preference.split(separator: ";", omittingEmptySubsequences: false).first ?? ""
                return name.filter { $0 != " " && $0 != "\t" }.lowercased() == "respond-async"
            }
        }
    }
}

extension HTTPField.Name {
    fileprivate static let prefer = HTTPField.Name("Prefer")!
    fileprivate static let preferenceApplied = HTTPField.Name("Preference-Applied")!
}
