import ServiceKit

extension Identity.Role {
    /// Somebody who buys.
    static let shopper = Identity.Role(rawValue: "shopper")
}

extension Access {
    static let shopper = Access(.shopper)
}

/// Who may call what at the gateway.
let access: AccessTable = Routes.standardAccess.merging([
    "GET /health/cascade": .anyone,
    "GET /api/v1/products": .anyone,
    "GET /api/v1/products/{id}": .anyone,
    "POST /api/v1/products/bulk-check": .anyone,
    "GET /api/v1/prices/{productId}": .anyone,
    "POST /api/v1/quotes": .anyone,

    "POST /api/v1/orders": .shopper,
    "GET /api/v1/orders": [.shopper, .operator],
    "GET /api/v1/orders/{id}": [.shopper, .operator],
    "POST /api/v1/orders/{id}/cancel": [.shopper, .operator],

    "GET /api/v1/admin/breakers": .operator,
    "GET /api/v1/admin/breakers/{name}": .operator,
    "PUT /api/v1/admin/breakers/{name}": .operator,
    "PATCH /api/v1/admin/breakers/{name}": .operator,
    "POST /api/v1/admin/breakers/{name}/reset": .operator,

    "POST /api/v1/products": .operator,
    "PUT /api/v1/products/{id}": .operator,
    "PATCH /api/v1/products/{id}": .operator,
    "DELETE /api/v1/products/{id}": .operator,
    "POST /api/v1/products/import": .operator,
    "GET /api/v1/products/low-stock": .operator,
    "GET /api/v1/products/{id}/stock": .operator,
    "POST /api/v1/products/{id}/stock/adjustments": .operator,
    "GET /api/v1/stock/movements": .operator,
    "PUT /api/v1/prices/{productId}": .operator,
    "GET /api/v1/prices/{productId}/history": .operator,
    "GET /api/v1/prices/{productId}/dynamic": .operator,
    "PUT /api/v1/prices/{productId}/dynamic": .operator,
    "GET /api/v1/cache/stats": .operator,
    "POST /api/v1/cache/invalidate": .operator,
    "GET /api/v1/discounts": .operator,
    "POST /api/v1/discounts": .operator,
    "GET /api/v1/discounts/{code}": .operator,
    "PUT /api/v1/discounts/{code}": .operator,
    "DELETE /api/v1/discounts/{code}": .operator,
    "GET /api/v1/exchange-rates": .operator,
    "PUT /api/v1/exchange-rates": .operator,
    "GET /api/v1/exchange-rates/history": .operator,
    "GET /api/v1/exchange-rates/history/{version}": .operator,
    "GET /api/v1/tax-rules": .operator,
    "PUT /api/v1/tax-rules": .operator,
    "GET /api/v1/tax-rules/history": .operator,
    "GET /api/v1/tax-rules/history/{version}": .operator,
]) { standard, _ in standard }.merging(Routes.faultAccess(.operator)) { standard, _ in standard }
