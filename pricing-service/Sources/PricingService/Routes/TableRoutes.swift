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
        routes.on("GET /api/v1/tax-rules", getTaxes)
        routes.on("PUT /api/v1/tax-rules", putTaxes)
    }

    private func getRates(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        let preconditions = try Preconditions(request)
        let table = try await tables.exchange()
        return .json(table, etag: table.etag, unless: preconditions)
    }

    private func putRates(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        let preconditions = try Preconditions(request)
        let (rates, validFrom) = try await request.json(context) { (ExchangeTable.rates($0), $0.optionalTimestamp("validFrom")) }
        let table = try await tables.setExchange(rates, validFrom: validFrom, preconditions)
        return .json(table, etag: table.etag)
    }

    private func getTaxes(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        let preconditions = try Preconditions(request)
        let table = try await tables.taxes()
        return .json(table, etag: table.etag, unless: preconditions)
    }

    private func putTaxes(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        let preconditions = try Preconditions(request)
        let (rules, validFrom) = try await request.json(context) { (TaxTable.rules($0), $0.optionalTimestamp("validFrom")) }
        let table = try await tables.setTaxes(rules, validFrom: validFrom, preconditions)
        return .json(table, etag: table.etag)
    }
}
