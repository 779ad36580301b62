import Basics
import HTTPPath
import Hummingbird
import PricingAPI
import ServiceKit

struct TableRoutes: Sendable {
    let tables: Tables

    func add(to routes: Routes) {
        routes.on("GET /api/v1/exchange-rates", getRates)
        routes.on("PUT /api/v1/exchange-rates", putRates)
        routes.on("GET /api/v1/exchange-rates/history", rateHistory)
        routes.on("GET /api/v1/exchange-rates/history/{version}", oldRates)
        routes.on("GET /api/v1/tax-rules", getTaxes)
        routes.on("PUT /api/v1/tax-rules", putTaxes)
        routes.on("GET /api/v1/tax-rules/history", taxHistory)
        routes.on("GET /api/v1/tax-rules/history/{version}", oldTaxes)
    }

    private func getRates(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let preconditions = try Preconditions(request)
        let table = try await tables.exchange(try request.tableChoice())
        return .json(table, etag: table.etag, unless: preconditions)
    }

    private func putRates(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        let preconditions = try Preconditions(request)
        let (rates, change) = try await request.json(context) { (ExchangeTable.rates($0), TableChange($0)) }
        let table = try await tables.setExchange(
            rates, validFrom: change.validFrom, by: context.identity.actor, because: change.reason, preconditions)
        return .json(table, etag: table.etag)
    }

    private func rateHistory(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try await history(request) { try await tables.exchangeHistory(below: $0, limit: $1) }
    }

    private func oldRates(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let version = try context.tableVersion()
        try request.noQuery()
        let preconditions = try Preconditions(request)
        let table = try await tables.exchange(.version(version))
        return .json(table, etag: table.etag, unless: preconditions)
    }

    private func getTaxes(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let preconditions = try Preconditions(request)
        let table = try await tables.taxes(try request.tableChoice())
        return .json(table, etag: table.etag, unless: preconditions)
    }

    private func putTaxes(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        let preconditions = try Preconditions(request)
        let (rules, change) = try await request.json(context) { (TaxTable.rules($0), TableChange($0)) }
        let table = try await tables.setTaxes(rules, validFrom: change.validFrom, by: context.identity.actor, because: change.reason, preconditions)
        return .json(table, etag: table.etag)
    }

    private func taxHistory(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try await history(request) { try await tables.taxHistory(below: $0, limit: $1) }
    }

    private func oldTaxes(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let version = try context.tableVersion()
        try request.noQuery()
        let preconditions = try Preconditions(request)
        let table = try await tables.taxes(.version(version))
        return .json(table, etag: table.etag, unless: preconditions)
    }

    private func history(_ request: Request, _ read: (Int64, Int) async throws -> [TableRecord]) async throws -> Response {
        let (limit, below) = try request.query { $0.versions() }
        let found = try await read(below, limit + 1)
        let page = Array(found.prefix(limit))
        return .json(Page(items: page, nextCursor: found.count > limit ? page.last.map { Cursor(String($0.version)).description } : nil))
    }
}

/// What a `PUT` of a table says besides the table.
private struct TableChange {
    var validFrom: Timestamp?
    var reason: String?

    init(_ fields: Fields) {
        validFrom = fields.optionalTimestamp("validFrom")
        reason = fields.optionalString("reason", 1...500)
    }
}

extension Request {
    /// `at`; without it, the table in force.
    fileprivate func tableChoice() throws(Problem) -> Tables.Choice { try query { $0.time("at") }.map { .at($0) } ?? .now }
}

extension ServiceContext {
    fileprivate func tableVersion() throws(Problem) -> Int64 {
        guard let version = Int64(try path("version")), version > 0 else { throw .invalidParameter("version", "must be a whole number from 1 on") }
        return version
    }
}
