import ServiceKit

extension PricingApp {
    /// Who may call what. Everything here is for the gateway, which knows whom it serves; people call the gateway.
    static let access: AccessTable = [
        "GET /api/v1/prices/{productId}": .service,
        "PUT /api/v1/prices/{productId}": .service,
        "GET /api/v1/prices/{productId}/history": .service,
        "POST /api/v1/prices/batch-get": .service,
        "POST /api/v1/prices/calculate": .service,
        "POST /api/v1/quotes": .service,
        "GET /api/v1/quotes/{quoteId}": .service,
        "PUT /api/v1/quotes/{quoteId}/redemptions/{orderId}": .service,
        "DELETE /api/v1/quotes/{quoteId}/redemptions/{orderId}": .service,
        "GET /api/v1/cache/stats": .service,
        "POST /api/v1/cache/invalidate": .service,
        "GET /api/v1/discounts": .service,
        "POST /api/v1/discounts": .service,
        "GET /api/v1/discounts/{code}": .service,
        "PUT /api/v1/discounts/{code}": .service,
        "DELETE /api/v1/discounts/{code}": .service,
        "GET /api/v1/exchange-rates": .service,
        "PUT /api/v1/exchange-rates": .service,
        "GET /api/v1/tax-rules": .service,
        "PUT /api/v1/tax-rules": .service,
    ].merging(Routes.faultAccess(.service)) { own, _ in own }
}
