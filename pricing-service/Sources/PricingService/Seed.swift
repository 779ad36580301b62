import Basics
import Database
import PricingAPI

/// What a fresh shop starts with: prices for the catalogue, discount codes, exchange rates and tax rules.
enum Seed {
    /// Fills an empty store, in one transaction; a store that has prices is left as it is. Gives the number of prices set.
    static func plant(_ csv: [UInt8], in database: any Database, _ sources: Sources) async throws -> Int {
        let products = try products(csv)
        let now = sources.now()
        let audit = Audit(by: PricingApp.name, at: now, reason: "the sample catalogue")
        let discounts = discounts.map { Discount(id: sources.makeID(), rule: $0, timesUsed: 0, version: 1, createdAt: now, updatedAt: now) }
        return try await database.withTransaction { transaction in
            let store = Store(transaction)
            // Replicas that start at once plant one after the other: the second one finds products.
            try await store.lockProducts()
            guard try await !store.hasProducts() else { return 0 }
            for product in products {
                _ = try await store.insertProduct(product.id, sku: product.sku, category: product.category)
                try await store.insertEntry(
                    PriceEntry(
                        productID: product.id, sku: product.sku, version: 1, base: product.price, validFrom: now, validUntil: nil, createdAt: now,
                        createdBy: audit.by, reason: audit.reason)
                )
            }
            for discount in discounts { _ = try await store.insertDiscount(discount) }
            _ = try await store.insertExchangeTable(rates, validFrom: now, audit)
            _ = try await store.insertTaxTable(taxes, validFrom: now, audit)
            return products.count
        }
    }

    struct Product: Equatable {
        var id: Identifier
        var sku: String
        var price: Money
        var category: String?
    }

    /// Reads `sku,price_minor,currency` lines, with a category behind them or not. The n-th product has the n-th id of the seed, here and in the inventory service.
    static func products(_ csv: [UInt8]) throws(StoredValueError) -> [Product] {
        var products: [Product] = []
        for (index, line) in csv.split(separator: UInt8(ascii: "\n")).enumerated().dropFirst() {
            let cells = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
            guard (3...4).contains(cells.count), let amount = Int64(cells[1]), let currency = Currency(cells[2]) else {
                throw StoredValueError(type: "seed line")
            }
            let category = cells.count == 4 ? cells[3] : nil
            if let category, !Category.isCategory(category) { throw StoredValueError(type: "seed line") }
            products.append(
                Product(id: productID(index), sku: cells[0], price: Money(amountMinor: amount, currency: currency), category: category))
        }
        return products
    }

    /// The id of the seed's product number `index`, from 1.
    static func productID(_ index: Int) -> Identifier {
        Identifier(high: 0x0190_0000_0000_7000 + UInt64(index), low: 0x8000_0000_0000_0000 + UInt64(index))
    }

    static let discounts: [DiscountRule] = [
        DiscountRule(code: "WELCOME10", description: "10 % off for newcomers", effect: .percentage(.basisPoints(1000))),
        DiscountRule(
            code: "SAVE5", description: "5.00 off orders of 50.00 or more", effect: .fixed(Money(amountMinor: 500, currency: .usd)),
            minimumSpend: Money(amountMinor: 5000, currency: .usd)
        ),
        DiscountRule(
            code: "BULK", description: "5 % off from 10 pieces of a product, 10 % from 50, 15 % from 100",
            effect: .volume([
                .init(minQuantity: 10, rate: .basisPoints(500)), .init(minQuantity: 50, rate: .basisPoints(1000)),
                .init(minQuantity: 100, rate: .basisPoints(1500)),
            ])
        ),
        DiscountRule(
            code: "LIMITED", description: "20 % off for the first hundred orders", effect: .percentage(.basisPoints(2000)), usageLimit: 100,
            stackable: false
        ),
        DiscountRule(
            code: "THREEFOR2", description: "Of three books, the cheapest is free", effect: .buyXGetY(.init(buyQuantity: 2, getQuantity: 1)),
            categories: ["books"]
        ),
        DiscountRule(code: "AUDIO15", description: "15 % off everything that sounds", effect: .percentage(.basisPoints(1500)), categories: ["audio"]),
        DiscountRule(
            code: "FIRST10", description: "10.00 off, once for each shopper", effect: .fixed(Money(amountMinor: 1000, currency: .usd)),
            minimumSpend: Money(amountMinor: 2000, currency: .usd), usageLimitPerShopper: 1
        ),
    ]

    static let rates: [Currency: Rate] = [
        .eur: decimal(9210, 4), .gbp: decimal(7890, 4), .jpy: decimal(15_120, 2), .kwd: decimal(3070, 4),
    ]

    static let taxes: [TaxRule] = [
        TaxRule(region: "NONE", rate: .zero, mode: .exclusive),
        TaxRule(region: "US-CA", rate: .basisPoints(725), mode: .exclusive),
        TaxRule(region: "US-NY", rate: decimal(8875, 5), mode: .exclusive),
        TaxRule(region: "DE", rate: .basisPoints(1900), mode: .inclusive),
        TaxRule(region: "GB", rate: .basisPoints(2000), mode: .inclusive),
        TaxRule(region: "JP", rate: .basisPoints(1000), mode: .inclusive),
    ]

    private static func decimal(_ value: Int64, _ scale: Int) -> Rate { Rate(value: value, scale: scale) ?? .one }
}
