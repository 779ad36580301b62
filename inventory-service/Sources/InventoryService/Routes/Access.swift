import ServiceKit

extension InventoryApp {
    /// Who may call what. Everything here is for the gateway, which knows whom it serves; people call the gateway.
    static let access: AccessTable = [
        "GET /api/v1/products": .service,
        "POST /api/v1/products": .service,
        "GET /api/v1/products/low-stock": .service,
        "POST /api/v1/products/batch-get": .service,
        "POST /api/v1/products/import": .service,
        "GET /api/v1/products/{id}": .service,
        "PUT /api/v1/products/{id}": .service,
        "PATCH /api/v1/products/{id}": .service,
        "DELETE /api/v1/products/{id}": .service,
        "GET /api/v1/products/{id}/stock": .service,
        "POST /api/v1/products/{id}/stock/adjustments": .service,
        "POST /api/v1/stock/batch-get": .service,
        "GET /api/v1/stock/movements": .service,
        "GET /api/v1/reservations/{id}": .service,
        "PUT /api/v1/reservations/{id}": .service,
        "POST /api/v1/reservations/{id}/confirm": .service,
        "POST /api/v1/reservations/{id}/release": .service,
        "POST /api/v1/reservations/{id}/restock": .service,
    ].merging(Routes.faultAccess(.service)) { own, _ in own }
}
