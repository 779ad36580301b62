import Basics
import HTTPPath
import Hummingbird
import InventoryAPI
import NIOCore
import ServiceKit

/// `Idempotency-Key` is taken on these calls, and need not be remembered: a reservation's id and state make every one of them safe to
/// repeat, for as long as the reservation exists and not for a day only.
struct ReservationRoutes: Sendable {
    let reservations: Reservations

    func add(to routes: Routes) {
        routes.on("GET /api/v1/reservations/{id}", get)
        routes.on("PUT /api/v1/reservations/{id}", reserve)
        routes.on("POST /api/v1/reservations/{id}/confirm") { try await call(.confirm, $0, $1) }
        routes.on("POST /api/v1/reservations/{id}/release") { try await call(.release, $0, $1) }
        routes.on("POST /api/v1/reservations/{id}/restock") { try await call(.restock, $0, $1) }
    }

    private func get(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        return .json(try await reservations.reservation(context.identifier("id")))
    }

    private func reserve(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        _ = try Idempotency.key(request, required: false)
        let id = try context.identifier("id")
        let body = try await request.json(context, ReservationRequest.init)
        let (reservation, isNew) = try await reservations.reserve(id, body, actor: context.identity.actor)
        return .json(reservation, status: isNew ? .created : .ok)
    }

    private func call(_ call: ReservationRules.Call, _ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        _ = try Idempotency.key(request, required: false)
        let id = try context.identifier("id")
        guard try await request.bytes(context).readableBytes == 0 else {
            throw Problem.invalidBody("", "must be empty: the path says it all")
        }
        return .json(try await reservations.call(call, id, actor: context.identity.actor))
    }
}
