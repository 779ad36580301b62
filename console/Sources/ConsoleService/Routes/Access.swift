import ServiceKit

extension Console {
    /// Who may call what. Anyone: it listens on loopback only, holds what the shop's own services say of themselves, and changes nothing.
    static let access: AccessTable = [
        "GET /": .anyone,
        "GET /assets/{name}": .anyone,
        "GET /api/v1/traces": .anyone,
        "GET /api/v1/traces/{traceId}": .anyone,
        "GET /api/v1/intake": .anyone,
        "POST /v1/traces": .anyone,
        "POST /v1/metrics": .anyone,
        "POST /v1/logs": .anyone,
    ]
}
