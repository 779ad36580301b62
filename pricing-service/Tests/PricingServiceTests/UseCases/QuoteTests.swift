import Basics
import Database
import HTTPPath
import PricingAPI
import TestKit
import Testing

@testable import PricingService

@Suite struct QuoteTests {
    @Test("a quote is stored as given, signed, and ends after its lifetime", arguments: StoreEngine.allCases)
    func created(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let quote = try await shop.quote(
            [("LAPTOP-001", 2), ("01900000-0000-7009-8000-000000000009", 1)], codes: ["welcome10".uppercased()], region: "US-CA")
        #expect(try await shop.quotes.quote(quote.id, on: shop.database) == quote)
        #expect(quote.createdAt == Shop.start && quote.validUntil == Shop.start + .seconds(900))
        #expect(quote.breakdown.lines.map(\.sku) == ["LAPTOP-001", "MOUSE-001"])
        #expect(Shop.signer.isValid(quote))
        // (2 × 1299.00 + 49.00) × 0.9 × 1.0725
        #expect(quote.breakdown.totals.total.amountMinor == 250_772 + 4730)
    }

    @Test("a quote in another currency starts from the list price there", arguments: StoreEngine.allCases)
    func converted(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let listed = try await shop.prices.price(of: .sku("LAPTOP-001"), in: .jpy)
        #expect(listed.price == Money(amountMinor: 196_409, currency: .jpy))
        let quote = try await shop.quote([("LAPTOP-001", 3)], in: .jpy, region: "JP")
        #expect(quote.breakdown.lines[0].unitPrice == listed.price)
        #expect(quote.breakdown.totals.total.amountMinor == 3 * 196_409)
        #expect(quote.breakdown.taxRule.mode == .inclusive)
    }

    @Test("a quote ends with the first of its prices and codes that is known to end", arguments: StoreEngine.allCases)
    func endsEarly(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        try await shop.add(DiscountRule(code: "SOON", effect: .percentage(.basisPoints(1)), endsAt: Shop.start + .seconds(600)))
        #expect(try await shop.quote(codes: ["SOON"]).validUntil == Shop.start + .seconds(600))
        let change = Prices.Change(base: Money(amountMinor: 1, currency: .usd), validFrom: Shop.start + .seconds(60))
        _ = try await shop.prices.set(.sku("LAPTOP-001"), change, version: 1)
        #expect(try await shop.quote(codes: ["SOON"]).validUntil == Shop.start + .seconds(60))
    }

    @Test("a code is refused before its start and from its end on", arguments: StoreEngine.allCases)
    func activity(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        try await shop.add(
            DiscountRule(code: "HOUR", effect: .percentage(.basisPoints(1)), startsAt: Shop.start + .seconds(10), endsAt: Shop.start + .seconds(20)))
        #expect(try await refusal { try await shop.quote(codes: ["HOUR"]) }?.code == .discountNotActive)
        shop.clock.advance(.seconds(10))
        _ = try await shop.quote(codes: ["HOUR"])
        shop.clock.advance(.seconds(10))
        #expect(try await refusal { try await shop.quote(codes: ["HOUR"]) }?.code == .discountNotActive)
    }

    @Test("what cannot be quoted is refused with its place, and nothing is stored", arguments: StoreEngine.allCases)
    func refused(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let before = try await shop.rowCounts()
        let cases: [(QuoteRequest, PricingErrorCode, [String])] = [
            (Shop.request([("NOPE", 1), ("LAPTOP-001", 1), ("NEITHER", 1)]), .lineNotPriced, ["/lines/0/productId", "/lines/2/productId"]),
            (Shop.request([("LAPTOP-001", 1), (Seed.productID(1).description, 2)]), .invalidBody, ["/lines/1/productId"]),
            (Shop.request(codes: ["WELCOME10", "NOPE"]), .discountUnknown, ["/discountCodes/1"]),
            (Shop.request(codes: ["LIMITED", "SAVE5"]), .discountNotStackable, ["/discountCodes/0"]),
            (Shop.request([("BOOK-006", 1)], codes: ["SAVE5"]), .minimumSpendNotMet, ["/discountCodes/0"]),
            (Shop.request(in: Currency("CHF")!), .currencyNotOffered, ["/currency"]),
            (Shop.request(region: "FR"), .taxRegionUnknown, ["/taxRegion"]),
        ]
        for (request, code, pointers) in cases {
            let refused = try await refusal { try await shop.database.withTransaction { try await shop.quotes.create(request, on: $0) } }
            #expect(refused?.code == code)
            #expect(refused?.errors.map(\.pointer) == pointers)
        }
        #expect(try await refusal { try await shop.quotes.quote(.test(1), on: shop.database) }?.code == .quoteNotFound)
        #expect(try await shop.rowCounts() == before)
    }

    @Test("without tables only the base currency and the region NONE are offered", arguments: StoreEngine.allCases)
    func bare(engine: StoreEngine) async throws {
        let shop = try await Shop(engine, seeded: false)
        let change = Prices.Change(base: Money(amountMinor: 500, currency: .usd), productID: .test(1))
        _ = try await shop.prices.set(.sku("A-1"), change, version: nil)
        #expect(try await shop.quote([("A-1", 2)]).breakdown.totals.total.amountMinor == 1000)
        #expect(try await refusal { try await shop.quote([("A-1", 2)], in: .eur) }?.code == .currencyNotOffered)
        #expect(try await refusal { try await shop.quote([("A-1", 2)], region: "DE") }?.code == .taxRegionUnknown)
    }

    @Test("a signature covers every field of the quote", arguments: StoreEngine.allCases)
    func signature(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let quote = try await shop.quote([("LAPTOP-001", 2)], codes: ["WELCOME10"], region: "US-CA")
        let changes: [(inout Quote) -> Void] = [
            { $0.id = .test(1) }, { $0.createdAt = $0.createdAt + .microseconds(1) }, { $0.validUntil = $0.validUntil + .microseconds(1) },
            { $0.breakdown.currency = .eur }, { $0.breakdown.taxRegion = "US-NY" }, { $0.breakdown.taxRule.region = "US" },
            { $0.breakdown.taxRule.rate = .zero }, { $0.breakdown.taxRule.mode = .inclusive }, { $0.breakdown.discountCodes = [] },
            { $0.breakdown.lines[0].productID = .test(1) }, { $0.breakdown.lines[0].sku = "X" }, { $0.breakdown.lines[0].quantity = 1 },
            { $0.breakdown.lines[0].unitPrice.amountMinor -= 1 }, { $0.breakdown.lines[0].discounts = [] },
            { $0.breakdown.lines[0].discounts[0].amount.amountMinor += 1 }, { $0.breakdown.lines[0].amounts.tax.amountMinor -= 1 },
            { $0.breakdown.totals.total.amountMinor -= 1 }, { $0.breakdown.lines.removeAll() }, { $0.signature.removeLast() },
        ]
        for (index, change) in changes.enumerated() {
            var changed = quote
            change(&changed)
            #expect(!Shop.signer.isValid(changed), "change \(index)")
        }
        #expect(!QuoteSigner(key: Array(repeating: 8, count: 32)).isValid(quote))
    }
}
