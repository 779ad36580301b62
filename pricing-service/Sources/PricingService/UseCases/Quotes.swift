import Basics
import Database
import HTTPPath
import PricingAPI

/// What an order would cost, promised for a while, and taken up once.
struct Quotes: Sendable {
    let sources: Sources
    let signer: QuoteSigner
    /// How long a quote stands, unless one of its prices or discounts ends sooner.
    let lifetime: Duration

    /// A calculation that nobody promised.
    func calculate(_ request: QuoteRequest, on runner: any SQLRunner) async throws -> Breakdown {
        try await calculation(request, Store(runner), at: sources.now()).breakdown
    }

    /// Calculates, signs and stores, in the caller's transaction.
    func create(_ request: QuoteRequest, on transaction: any SQLRunner) async throws -> Quote {
        let now = sources.now()
        let store = Store(transaction)
        let calculation = try await calculation(request, store, at: now)
        let end = calculation.ends.reduce(now + lifetime, min)
        var quote = Quote(id: sources.makeID(), createdAt: now, validUntil: end, breakdown: calculation.breakdown, signature: "")
        quote.signature = signer.signature(of: quote)
        try await store.insertQuote(quote, discounts: calculation.discounts)
        return quote
    }

    func quote(_ id: Identifier, on runner: any SQLRunner) async throws -> Quote {
        guard let quote = try await Store(runner).quote(id) else { throw Self.notFound }
        return quote
    }

    static let notFound = Refusal(.quoteNotFound, "There is no such quote.")

    // MARK: -

    private struct Calculation {
        var breakdown: Breakdown
        var discounts: [Identifier]
        /// When its prices and discounts end.
        var ends: [Timestamp]
    }

    private func calculation(_ request: QuoteRequest, _ store: Store, at now: Timestamp) async throws -> Calculation {
        let stored = PriceIndex(try await store.prices(of: request.lines.map(\.product), at: now))
        let discounts = try await store.discounts(codes: request.discountCodes)
        let exchange = try await store.exchangeTable(at: now) ?? ExchangeTable(version: 0, validFrom: now, rates: [:])
        let taxes = try await store.taxTable(at: now) ?? TaxTable(version: 0, validFrom: now, rules: [])

        guard let tax = taxes.rule(for: request.taxRegion) else {
            throw Refusal(.taxRegionUnknown, at: "/taxRegion", "there is no tax rule for this region or its country")
        }
        guard exchange.rate(request.currency) != nil else {
            throw Refusal(.currencyNotOffered, at: "/currency", "there is no exchange rate for this currency")
        }
        let current = try Self.current(request.lines, stored)
        let codes = try Self.codes(request.discountCodes, discounts, at: now)
        var order = Order(currency: request.currency, taxRegion: request.taxRegion, tax: tax, exchange: exchange, lines: [], codes: codes)
        for (index, (line, price)) in zip(request.lines, current).enumerated() {
            order.lines.append(
                Order.Line(
                    productID: price.product.productID, sku: price.product.sku,
                    unitPrice: try price.now.price(in: request.currency, exchange, at: "/lines/\(index)/productId"), quantity: line.quantity
                )
            )
        }
        return Calculation(
            breakdown: try order.breakdown(), discounts: discounts.map(\.id),
            ends: current.compactMap(\.now.validUntil) + discounts.compactMap(\.rule.endsAt)
        )
    }

    /// The price of each line; every line without one is named.
    private static func current(
        _ lines: [QuoteRequest.Line], _ stored: PriceIndex
    ) throws(Refusal) -> [(product: StoredPrice, now: StoredPrice.Current)] {
        var found: [(product: StoredPrice, now: StoredPrice.Current)] = []
        var errors: [FieldError] = []
        var seen: Set<Identifier> = []
        for (index, line) in lines.enumerated() {
            guard let product = stored[line.product], let now = product.current else {
                errors.append(FieldError(pointer: "/lines/\(index)/productId", detail: "has no price now"))
                continue
            }
            guard seen.insert(product.productID).inserted else {
                throw Refusal(.invalidBody, at: "/lines/\(index)/productId", "stands in another line already: add up the quantities")
            }
            found.append((product, now))
        }
        if !errors.isEmpty {
            throw Refusal(
                .lineNotPriced, errors.count == 1 ? "One product has no price now." : "\(errors.count) products have no price now.", errors: errors)
        }
        return found
    }

    private static func codes(_ codes: [String], _ discounts: [Discount], at now: Timestamp) throws(Refusal) -> [Order.Code] {
        let byCode = Dictionary(discounts.map { ($0.rule.code, $0) }, uniquingKeysWith: { $1 })
        var out: [Order.Code] = []
        for (index, code) in codes.enumerated() {
            let pointer = "/discountCodes/\(index)"
            guard let discount = byCode[code] else { throw Refusal(.discountUnknown, at: pointer, "is not a discount code of this shop") }
            if let start = discount.rule.startsAt, start > now { throw Refusal(.discountNotActive, at: pointer, "\(code) is not valid yet") }
            if let end = discount.rule.endsAt, end <= now { throw Refusal(.discountNotActive, at: pointer, "\(code) is no longer valid") }
            if discount.isExhausted { throw Refusal(.discountExhausted, at: pointer, "\(code) has been used up") }
            out.append(Order.Code(rule: discount.rule, pointer: pointer))
        }
        return out
    }
}
