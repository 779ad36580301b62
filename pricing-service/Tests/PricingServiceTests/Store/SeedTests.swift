import Basics
import Database
import Logging
import PricingAPI
import ServiceKit
import TestKit
import Testing

@testable import PricingService

@Suite struct SeedTests {
    @Test("the seed prices 60 products, once", arguments: StoreEngine.allCases)
    func once(engine: StoreEngine) async throws {
        let shop = try await Shop(engine, seeded: false)
        #expect(try await Seed.plant(PackageResources.prices_csv, in: shop.database, shop.sources) == 60)
        let before = try await shop.rowCounts()
        #expect(try await Seed.plant(PackageResources.prices_csv, in: shop.database, shop.sources) == 0)
        #expect(try await shop.rowCounts() == before)
        #expect(before["priced_products"] == 60 && before["discounts"] == 7)
    }

    @Test("the seed's ids are those of the catalogue: the n-th product has the n-th id")
    func ids() throws {
        let products = try Seed.products(PackageResources.prices_csv)
        #expect(
            products.first
                == Seed.Product(
                    id: Identifier("01900000-0000-7001-8000-000000000001")!, sku: "LAPTOP-001", price: Money(amountMinor: 129_900, currency: .usd),
                    category: "computers"))
        #expect(Set(products.map(\.id)).count == 60 && Set(products.map(\.sku)).count == 60)
        #expect(products.allSatisfy { $0.price.amountMinor > 0 && ProductReference.isSKU($0.sku) })
    }

    @Test("a damaged seed file is refused", arguments: ["sku,price_minor,currency\nA,x,USD\n", "h\nA,1\n", "h\nA,1,XXX\n", "h\nA,1,USD,No Slug\n"])
    func damaged(csv: String) { #expect(throws: StoredValueError.self) { try Seed.products(Array(csv.utf8)) } }

    @Test("ended quotes that no order took up are deleted after their time, and the others stay", arguments: StoreEngine.allCases)
    func retention(engine: StoreEngine) async throws {
        let shop = try await Shop(engine)
        let kept = try await shop.quote(codes: ["SAVE5"])
        _ = try await shop.redemptions.redeem(kept.id, for: .test(500))
        let dropped = try await shop.quote(codes: ["SAVE5"])
        let retention = Retention(database: shop.database, sources: shop.sources, quotes: .seconds(3600), logger: Logger(label: "test"))
        shop.clock.advance(.seconds(900 + 3600))
        _ = try await retention.sweep()
        _ = try await shop.quotes.quote(dropped.id, on: shop.database)
        shop.clock.advance(.microseconds(1))
        #expect(try await retention.sweep() == 1)
        #expect(try await refusal { try await shop.quotes.quote(dropped.id, on: shop.database) }?.code == .quoteNotFound)
        #expect(try await shop.quotes.quote(kept.id, on: shop.database) == kept)
        #expect(try await shop.rowCounts()["quote_discounts"] == 1)
    }

    @Test("a signing key is configured, or made once and kept")
    func keys() throws {
        let temporary = try TemporaryFolder()
        defer { temporary.remove() }
        let folder = "\(temporary.path)/keys"
        let logger = Logger(label: "test")
        let made = try SigningKey.load(configured: nil, folder: folder, logger: logger).accepted
        #expect(made.count == 1 && made[0].bytes.count == 32)
        #expect(try SigningKey.load(configured: nil, folder: folder, logger: logger).accepted == made)
        let (first, second) = (String(repeating: "0f", count: 32), String(repeating: "a0", count: 40))
        let configured = try SigningKey.load(configured: "\(first),\(second)", folder: folder, logger: logger)
        #expect(configured.signing.bytes == Array(repeating: 15, count: 32) && configured.accepted.count == 2)
        for bad in ["", "0f", String(repeating: "0", count: 65), String(repeating: "g", count: 64), "\(first),\(first)", "\(first),0f"] {
            #expect(throws: (any Error).self) { try SigningKey.load(configured: bad, folder: folder, logger: logger) }
        }
    }
}
