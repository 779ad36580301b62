import HTTPPath
import InventoryAPI
import PricingAPI
import Testing

@testable import HelloDD

struct PriceSettingTests {
    private static let row = PriceList.Row(line: 2, sku: "A-1", price: Money(amountMinor: 1999, currency: .usd))
    private static let unpriced = (200, #"{"product":{"id":"0190"}}"#)

    private static func priced(_ cents: Int, version: Int) -> (Int, String) {
        (200, #"{"product":{"id":"0190"},"price":{"base":{"amountMinor":\#(cents),"currency":"USD"},"version":\#(version)}}"#)
    }

    /// Sets one price against a script, with keys in a folder of their own.
    private func run(
        _ answers: [(Int, String)], rows: [PriceList.Row] = [Self.row], fewest: Int = 500
    ) async throws -> (PriceSetting.Report, seen: [String]) {
        let folder = try Files.makeTemporaryFolder()
        defer { Files.removeTree(folder) }
        let script = ScriptedShop(answers.map { (status: $0.0, body: $0.1) })
        let setting = PriceSetting(shop: script.shop(keys: KeyRing(folder: RunFolder(path: folder))), pause: .zero, fewest: fewest)
        return (try await setting.run(rows) { _ in }, script.seen)
    }

    @Test("the first price of a product names the product, and is set only if there is none")
    func firstPrice() async throws {
        let (report, seen) = try await run([Self.unpriced, (201, "{}")])
        #expect(report == PriceSetting.Report(set: 1))
        #expect(
            seen == [
                "GET /api/v1/products/A-1",
                #"PUT /api/v1/prices/A-1 if-none-match:* {"base":{"amountMinor":1999,"currency":"USD"},"productId":"0190"}"#,
            ])
    }

    @Test("a changed price is set on the version that was seen")
    func changedPrice() async throws {
        let (report, seen) = try await run([Self.priced(5, version: 7), (200, "{}")])
        #expect(report == PriceSetting.Report(set: 1))
        #expect(seen.last == #"PUT /api/v1/prices/A-1 if-match:"7" {"base":{"amountMinor":1999,"currency":"USD"}}"#)
    }

    @Test("pricing is told the product's category, also where only that has changed")
    func category() async throws {
        let first = (200, #"{"product":{"id":"0190","category":"books"}}"#)
        #expect(
            try await run([first, (201, "{}")]).seen.last
                == #"PUT /api/v1/prices/A-1 if-none-match:* {"base":{"amountMinor":1999,"currency":"USD"},"productId":"0190","category":"books"}"#)
        func view(_ priced: String) -> (Int, String) {
            let price = #"{"base":{"amountMinor":1999,"currency":"USD"},"version":7,"category":"\#(priced)"}"#
            return (200, #"{"product":{"id":"0190","category":"books"},"price":\#(price)}"#)
        }
        let (report, seen) = try await run([view("audio"), (200, "{}")])
        #expect(report == PriceSetting.Report(set: 1))
        #expect(seen.last == #"PUT /api/v1/prices/A-1 if-match:"7" {"base":{"amountMinor":1999,"currency":"USD"},"category":"books"}"#)
        #expect(try await run([view("books")]).0 == PriceSetting.Report(unchanged: 1))
    }

    @Test("a price that is right already is left alone")
    func unchanged() async throws {
        let (report, seen) = try await run([Self.priced(1999, version: 7)])
        #expect(report == PriceSetting.Report(unchanged: 1))
        #expect(seen.count == 1)
    }

    @Test("where somebody else was quicker, or the shop was busy, it looks again")
    func looksAgain() async throws {
        let (report, seen) = try await run([
            Self.priced(5, version: 7), (412, "{}"), Self.priced(6, version: 8), (503, "{}"), (504, "{}"), Self.priced(1999, version: 9),
        ])
        #expect(report == PriceSetting.Report(set: 1))
        #expect(seen.count == 6)
    }

    @Test("a product that the import refused has no price to set, and was named before")
    func noProduct() async throws {
        #expect(try await run([(404, "{}")]).0 == PriceSetting.Report())
    }

    @Test("a refusal is named by its line, and a shop that stays busy is one")
    func refusals() async throws {
        let refused = try await run([Self.unpriced, (422, #"{"detail":"too much"}"#)]).0
        #expect(refused.errors.map(\.reason) == ["too much"] && refused.errors.map(\.line) == [2] && refused.rejected == 1)
        let busy = try await run((0..<5).map { _ in (503, #"{"detail":"busy"}"#) }).0
        #expect(busy.errors.map(\.reason) == ["busy"])
        let degraded = try await run((0..<5).map { _ in (200, #"{"product":{"id":"0190"},"degraded":["pricing"]}"#) }).0
        #expect(degraded.errors.map(\.reason) == ["the pricing service did not answer"])
    }

    @Test("a shop that has gone ends the work")
    func gone() async {
        await #expect(throws: CommandFailure.self) { try await run([]) }
    }

    @Test("of two rows of one product the later counts")
    func laterRow() async throws {
        let earlier = PriceList.Row(line: 1, sku: "A-1", price: Money(amountMinor: 5, currency: .usd))
        let (report, seen) = try await run([Self.priced(1999, version: 7)], rows: [earlier, Self.row])
        #expect(report == PriceSetting.Report(unchanged: 1))
        #expect(seen.count == 1)
    }

    @Test("for many prices the catalogue is read by the page, to its end")
    func manyPrices() async throws {
        let other = PriceList.Row(line: 3, sku: "B-1", price: Money(amountMinor: 1, currency: .usd))
        let (report, seen) = try await run(
            [
                (200, #"{"items":[{"product":{"id":"7","sku":"Z-9"}}],"nextCursor":"a+b"}"#),
                (200, #"{"items":[{"product":{"id":"0190","sku":"A-1"}}]}"#), (201, "{}"),
            ], rows: [Self.row, other], fewest: 2)
        // B-1 is in no page: inventory refused it.
        #expect(report == PriceSetting.Report(set: 1))
        #expect(seen.dropLast() == ["GET /api/v1/products?limit=200", "GET /api/v1/products?limit=200&cursor=a%2Bb"])
        #expect(seen.last?.hasPrefix("PUT /api/v1/prices/A-1 if-none-match:*") == true)
    }

    @Test("where a page cannot be had, products are looked at one by one")
    func noPages() async throws {
        let (report, seen) = try await run([(200, #"{"items":[],"degraded":["pricing"]}"#), Self.priced(1999, version: 1)], fewest: 1)
        #expect(report == PriceSetting.Report(unchanged: 1))
        #expect(seen.last == "GET /api/v1/products/A-1")
    }
}
