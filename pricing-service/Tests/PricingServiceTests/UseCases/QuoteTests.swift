import Basics
import Crypto
import Database
import HTTPPath
import PricingAPI
import ServiceKit
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

    @Test("a quote with converted prices ends with the rates, where it is known when; one without does not", arguments: StoreEngine.allCases)
    func endsWithRates(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let rates = try await shop.tables.exchange().rates
        _ = try await shop.tables.setExchange(rates, validFrom: Shop.start + .seconds(30), .none)
        #expect(try await shop.quote([("LAPTOP-001", 1)], in: .jpy, region: "JP").validUntil == Shop.start + .seconds(30))
        #expect(try await shop.quote([("LAPTOP-001", 1)]).validUntil > Shop.start + .seconds(30))
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
            { $0.breakdown.discounts = [] }, { $0.breakdown.discounts[0].amount.amountMinor += 1 }, { $0.breakdown.lines[0].base?.amountMinor += 1 },
            { $0.breakdown.lines[0].discounts[0].reason = "for nothing" }, { $0.signature = "" }, { $0.signature = "v2.." },
            { $0.signature = "v3.a.b" },
            { $0.breakdown.notUsed = [UnusedCode(code: "X", reason: "x", detail: "x")] },
            { $0.breakdown.exchange = ExchangeUsed(tableVersion: 1, validFrom: $0.createdAt, rates: [:]) },
            { $0.breakdown.lines[0].adjustment = PriceAdjustment(amount: .zero(.usd), factor: .one, reason: "x", since: $0.createdAt) },
        ]
        for (index, change) in changes.enumerated() {
            var changed = quote
            change(&changed)
            #expect(!Shop.signer.isValid(changed), "change \(index)")
        }
        #expect(!QuoteSigner(key: Array(repeating: 8, count: 32)).isValid(quote))
    }

    @Test("a changed key signs new quotes, and those of the key before count until it is retired", arguments: StoreEngine.allCases)
    func rotation(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let (old, new) = (SecretKeys.Key(bytes: Array(repeating: 7, count: 32)), SecretKeys.Key(bytes: Array(repeating: 9, count: 32)))
        func quotes(_ keys: [SecretKeys.Key]) -> Quotes {
            Quotes(sources: shop.sources, signer: QuoteSigner(keys: SecretKeys(keys)), lifetime: .seconds(900))
        }
        func redemptions(_ keys: [SecretKeys.Key]) -> Redemptions {
            Redemptions(database: shop.database, sources: shop.sources, signer: QuoteSigner(keys: SecretKeys(keys)))
        }
        let first = try await shop.quote()
        #expect(first.signature.hasPrefix("v2.\(old.id).") && old.id != new.id)
        let second = try await shop.database.withTransaction { [quotes = quotes([new, old])] in try await quotes.create(Shop.request(), on: $0) }
        #expect(second.signature.hasPrefix("v2.\(new.id)."))
        for quote in [first, second] {
            #expect(try await quotes([new, old]).quote(quote.id, on: shop.database) == quote)
            _ = try await redemptions([new, old]).redeem(quote.id, for: .test(500))
            _ = try await redemptions([new, old]).undo(quote.id, for: .test(500))
        }
        let refused = try await refusal { try await redemptions([new]).redeem(first.id, for: .test(501)) }
        #expect(refused?.code == .quoteSignatureInvalid && refused?.detail.contains("no longer") == true)
        #expect(try await refusal { try await quotes([new]).quote(first.id, on: shop.database) }?.code == .quoteSignatureInvalid)
        _ = try await redemptions([new]).redeem(second.id, for: .test(501))
    }

    @Test("a quote of the release before, signed without a key's name, still counts; one that was changed does not", arguments: StoreEngine.allCases)
    func firstSignature(engine: StoreEngine) async throws {
        // As it was stored then: without what is told since.
        let body = """
            {"id":"0193a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b","createdAt":"2026-11-24T05:46:00Z","validUntil":"2026-11-24T06:01:00Z","currency":"USD",\
            "taxRegion":"NONE","taxRule":{"region":"NONE","rate":{"value":0,"scale":0},"mode":"exclusive"},"discountCodes":[],"lines":[{\
            "productId":"01900000-0000-7001-8000-000000000001","sku":"LAPTOP-001","quantity":1,"unitPrice":{"amountMinor":129900,"currency":"USD"},\
            "discounts":[],"subtotal":{"amountMinor":129900,"currency":"USD"},"discount":{"amountMinor":0,"currency":"USD"},\
            "net":{"amountMinor":129900,"currency":"USD"},"tax":{"amountMinor":0,"currency":"USD"},"total":{"amountMinor":129900,"currency":"USD"}}],\
            "totals":{"subtotal":{"amountMinor":129900,"currency":"USD"},"discount":{"amountMinor":0,"currency":"USD"},\
            "net":{"amountMinor":129900,"currency":"USD"},"tax":{"amountMinor":0,"currency":"USD"},"total":{"amountMinor":129900,"currency":"USD"}},\
            "signature":"v1.SIGNATURE"}
            """
        let shop = try await Shop(engine)
        let unsigned: Quote = try Store.value(body)
        let text = String(decoding: QuoteSigner.firstText(unsigned), as: UTF8.self)
        #expect(
            text == """
                hello-dd quote v1
                0193a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b 1795499160000000 1795500060000000
                USD NONE NONE 0/0 exclusive

                01900000-0000-7001-8000-000000000001 LAPTOP-001 1 129900 129900 0 129900 0 129900
                129900 0 129900 0 129900

                """)
        let signed = body.replacing("SIGNATURE", with: Self.hmac(text))
        let changed = signed.replacing("\"quantity\":1", with: "\"quantity\":2")
        for (stored, code) in [(signed, nil), (changed, .quoteSignatureInvalid)] as [(String, PricingErrorCode?)] {
            try await shop.database.execute("DELETE FROM quotes")
            try await shop.database.execute(
                """
                INSERT INTO quotes (id, created_at, valid_until, body)
                VALUES (\(unsigned.id), \(unsigned.createdAt), \(unsigned.validUntil), \(stored))
                """)
            #expect(try await refusal { try await shop.redemptions.redeem(unsigned.id, for: .test(500)) }?.code == code)
            _ = try await shop.redemptions.undo(unsigned.id, for: .test(500))
            try await shop.database.execute("DELETE FROM redemptions")
        }
    }

    /// By the tests' own hand: with the key of `Shop.signer`.
    private static func hmac(_ text: String) -> String {
        HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: SymmetricKey(data: Array(repeating: UInt8(7), count: 32))).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    @Test("where the service chooses, only the codes that are used are counted and end the quote", arguments: StoreEngine.allCases)
    func chosen(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        try await shop.add(DiscountRule(code: "HALF", effect: .percentage(.basisPoints(5000))))
        try await shop.add(DiscountRule(code: "SOON", effect: .percentage(.basisPoints(1)), endsAt: Shop.start + .seconds(60)))
        try await shop.add(DiscountRule(code: "GONE", effect: .percentage(.basisPoints(9000)), endsAt: Shop.start))
        let codes = ["SOON", "HALF", "GONE", "THREEFOR2", "SAVE5"]
        let quote = try await shop.quote([("LAPTOP-001", 1)], codes: codes, combine: .best)
        #expect(quote.breakdown.discountCodes == ["HALF", "SAVE5"])
        #expect(
            quote.breakdown.notUsed.map { "\($0.code) \($0.reason)" } == [
                "GONE discount_not_active", "SOON not_chosen", "THREEFOR2 discount_not_applicable",
            ])
        #expect(quote.validUntil == Shop.start + .seconds(900))
        let redemption = try await shop.redemptions.redeem(quote.id, for: .test(500))
        #expect(redemption.codes == ["HALF", "SAVE5"])
        #expect(try await shop.timesUsed("SOON") == 0)
        #expect(try await shop.timesUsed("HALF") == 1)
        // What is mistyped is told, also here.
        let refused = try await refusal { try await shop.quote(codes: ["NOPE", "HALF"], combine: .best) }
        #expect(refused?.code == .discountUnknown && refused?.errors.map(\.pointer) == ["/discountCodes/0"])
        #expect(try await refusal { try await shop.quote(codes: ["GONE", "GONE"], combine: .best) }?.code == .invalidBody)
        #expect(try await refusal { try await shop.quote(codes: ["HALF", "HALF"], combine: .best) }?.code == .invalidBody)
    }

    @Test("the sample's books are three for two, its audio is cheaper, and each shopper saves once", arguments: StoreEngine.allCases)
    func sample(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let books = try await shop.quote([("BOOK-001", 2), ("BOOK-003", 1)], codes: ["THREEFOR2"])
        #expect(books.breakdown.totals.discount.amountMinor == 1800)
        let audio = try await shop.quote([("HEADPHONES-001", 1), ("LAPTOP-001", 1)], codes: ["AUDIO15"])
        #expect(audio.breakdown.lines.map(\.amounts.discount.amountMinor) == [4185, 0])
        let once = try await shop.quote(codes: ["FIRST10"])
        _ = try await shop.redemptions.redeem(once.id, for: .test(500), by: "alice")
        #expect(try await refusal { try await shop.redemptions.redeem(once.id, for: .test(501), by: "alice") }?.code == .discountUsedByShopper)
    }
}
