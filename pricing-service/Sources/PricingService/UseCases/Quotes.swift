import Basics
import Database
import HTTPPath
import PricingAPI
import ServiceKit

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
        await signer.keys.refresh()
        let calculation = try await calculation(request, store, at: now)
        let end = calculation.ends.reduce(now + lifetime, min)
        var quote = Quote(id: sources.makeID(), createdAt: now, validUntil: end, breakdown: calculation.breakdown, signature: "")
        quote.signature = signer.signature(of: quote)
        try await store.insertQuote(quote, discounts: calculation.discounts)
        return quote
    }

    func quote(_ id: Identifier, on runner: any SQLRunner) async throws -> Quote {
        guard let quote = try await Store(runner).quote(id) else { throw Self.notFound }
        await signer.keys.refresh()
        // What somebody else wrote into the store was promised by nobody.
        try signer.check(quote)
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
        var order = Order(currency: request.currency, taxRegion: request.taxRegion, tax: tax, exchange: exchange, lines: [], combine: request.combine)
        (order.codes, order.notUsed) = try Self.codes(request, discounts, at: now)
        for (index, (line, price)) in zip(request.lines, current).enumerated() {
            let (unitPrice, adjustment) = try price.now.price(in: request.currency, exchange, at: "/lines/\(index)/productId")
            order.lines.append(
                Order.Line(
                    productID: price.product.productID, sku: price.product.sku, category: price.product.category, base: price.now.base,
                    adjustment: adjustment, unitPrice: unitPrice, quantity: line.quantity
                )
            )
        }
        let breakdown = try order.breakdown()
        // Of codes that are not used nothing is counted, and nothing ends the quote.
        let used = discounts.filter { breakdown.discountCodes.contains($0.rule.code) }
        // A converted price is known only as long as its rates are.
        let rates = breakdown.exchange == nil ? nil : exchange.validUntil
        return Calculation(
            breakdown: breakdown, discounts: used.map(\.id),
            ends: current.compactMap(\.now.validUntil) + used.compactMap(\.rule.endsAt) + [rates].compactMap(\.self))
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

    /// The discounts of the codes, and those that are out of the question, where the service may choose.
    private static func codes(
        _ request: QuoteRequest, _ discounts: [Discount], at now: Timestamp
    ) throws(Refusal) -> (codes: [Order.Code], notUsed: [UnusedCode]) {
        let byCode = Dictionary(discounts.map { ($0.rule.code, $0) }, uniquingKeysWith: { $1 })
        var codes: [Order.Code] = []
        var notUsed: [UnusedCode] = []
        for (index, code) in request.discountCodes.enumerated() {
            let pointer = "/discountCodes/\(index)"
            // A code that is not there is mistyped, and the customer wants to know.
            guard let discount = byCode[code] else { throw Refusal(.discountUnknown, at: pointer, "is not a discount code of this shop") }
            if let (reason, detail) = hindrance(discount, at: now) {
                guard request.combine == .best else { throw Refusal(reason, at: pointer, detail) }
                guard !notUsed.contains(where: { $0.code == code }) else { throw Refusal(.invalidBody, at: pointer, "\(code) is named twice") }
                notUsed.append(UnusedCode(code: code, reason: reason.description, detail: detail))
            } else {
                codes.append(Order.Code(rule: discount.rule, pointer: pointer))
            }
        }
        return (codes, notUsed)
    }

    private static func hindrance(_ discount: Discount, at now: Timestamp) -> (PricingErrorCode, String)? {
        let code = discount.rule.code
        if let start = discount.rule.startsAt, start > now { return (.discountNotActive, "\(code) is not valid yet") }
        if let end = discount.rule.endsAt, end <= now { return (.discountNotActive, "\(code) is no longer valid") }
        return discount.isExhausted ? (.discountExhausted, "\(code) has been used up") : nil
    }
}
