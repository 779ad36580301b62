import Basics
import Database
import HTTPPath
import HTTPTypes
import Hummingbird
import PricingAPI
import ServiceKit

struct PriceRoutes: Sendable {
    let prices: Prices
    let cache: PriceCache
    let quotes: Quotes
    let database: any Database

    func add(to routes: Routes) {
        routes.on("GET /api/v1/prices/{productId}", get)
        routes.on("PUT /api/v1/prices/{productId}", put)
        routes.on("GET /api/v1/prices/{productId}/history", history)
        routes.on("POST /api/v1/prices/batch-get", batch)
        routes.on("POST /api/v1/prices/calculate", calculate)
    }

    private func get(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let product = try context.product("productId")
        let currency = try request.query { $0.parsed("currency", expected: "a currency of ISO 4217 in capitals, such as USD", Currency.init) }
        let preconditions = try Preconditions(request)
        let kept = try await cache.price(of: product)
        guard let currency, currency != kept.price.price.currency else { return .json(kept, unless: preconditions) }
        let price = try await prices.price(of: product, in: currency)
        return .json(price, etag: price.etag, unless: preconditions)
    }

    private func put(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let product = try context.product("productId")
        try request.noQuery()
        let preconditions = try Preconditions(request)
        let change = try await request.json(context, Prices.Change.init)
        let (entry, isNew) = try await prices.set(product, change, preconditions)
        await cache.changed(entry.productID, entry.sku, version: entry.version)
        return .json(entry, etag: "\"\(entry.version)\"", status: isNew ? .created : .ok)
    }

    private func history(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let product = try context.product("productId")
        let (limit, cursor) = try request.query { $0.page() }
        var below = Int64.max
        if let cursor {
            guard cursor.parts.count == 1, let version = Int64(cursor.parts[0]) else {
                throw Problem.invalidParameter("cursor", "must be a cursor that this list gave out")
            }
            below = version
        }
        let entries = try await prices.history(of: product, below: below, limit: limit + 1)
        let page = Array(entries.prefix(limit))
        return .json(Page(items: page, nextCursor: entries.count > limit ? page.last.map { Cursor(String($0.version)).description } : nil))
    }

    private func batch(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        let (products, currency) = try await request.json(context) { ($0.products("ids", 1...PriceBatch.most), $0.optionalCurrency("currency")) }
        let kept = try await cache.prices(of: products)
        // One conversion needs the tables of the moment, and then the prices may be of that moment too.
        guard kept.allSatisfy({ currency == nil || $0 == nil || $0?.price.price.currency == currency }) else {
            return .json(try await prices.batch(products, in: currency))
        }
        return .json(kept, missing: zip(products, kept).filter { $0.1 == nil }.map(\.0))
    }

    private func calculate(_ request: Request, _ context: ServiceContext) async throws -> Response {
        try request.noQuery()
        let wanted = try await request.json(context, CalculationRequest.init)
        do {
            let currency: Currency
            if let asked = wanted.currency {
                currency = asked
            } else {
                currency = try await prices.price(of: wanted.line.product, in: nil).base.currency
            }
            let order = QuoteRequest(lines: [wanted.line], discountCodes: wanted.discountCodes, currency: currency, taxRegion: wanted.taxRegion)
            return .json(try await quotes.calculate(order, on: database))
        } catch var refusal as Refusal {
            if refusal.code == .priceNotFound { refusal = Refusal(.lineNotPriced, at: "/productId", "has no price now") }
            // The one line is the body itself here.
            refusal.errors = refusal.errors.map { error in
                error.pointer.hasPrefix("/lines/0") ? FieldError(pointer: String(error.pointer.dropFirst(8)), detail: error.detail) : error
            }
            throw refusal
        }
    }
}

/// `POST /prices/calculate`: a quote for one product that nobody promises.
private struct CalculationRequest: JSONReadable, Sendable {
    var line: QuoteRequest.Line
    var discountCodes: [String]
    /// The price's own, if nil.
    var currency: Currency?
    var taxRegion: String

    init(_ fields: Fields) {
        line = QuoteRequest.Line(fields)
        discountCodes = fields.discountCodes()
        currency = fields.optionalCurrency("currency")
        taxRegion = fields.optionalTaxRegion("taxRegion") ?? "NONE"
    }
}

extension Prices.Change: JSONReadable {
    init(_ fields: Fields) {
        self.init(
            base: fields.money("base", 0...Money.largestUnitPriceMinor), productID: fields.optionalIdentifier("productId"),
            sku: fields.optionalParsed("sku", expected: "1 to 64 letters, digits, ., _ or -, and no UUID") { text in
                if case .sku(let sku) = ProductReference(text) { sku } else { nil }
            },
            validFrom: fields.optionalTimestamp("validFrom"), validUntil: fields.optionalTimestamp("validUntil"))
        if let validFrom, let validUntil, validUntil <= validFrom { fields.report("validUntil", "must be after validFrom") }
    }
}
