import Basics
import Database
import HTTPPath
import PricingAPI
import ServiceKit

/// List prices: what a product costs now, what it cost, and what an operator says it shall cost.
struct Prices: Sendable {
    let database: any Database
    let sources: Sources

    /// What `PUT /prices/{productId}` says.
    struct Change: Sendable {
        var base: Money
        /// Needed when the product is new and the path names the other one.
        var productID: Identifier?
        var sku: String?
        /// From now on, if nil.
        var validFrom: Timestamp?
        var validUntil: Timestamp?
    }

    func price(of product: ProductReference, in currency: Currency?) async throws -> Price {
        let now = sources.now()
        let store = Store(database)
        guard let stored = try await store.prices(of: [product], at: now).first, let current = stored.current else { throw Self.notFound }
        let exchange = try await table(store, from: [current.base.currency], to: currency, at: now)
        return try Self.price(stored, current, in: currency, exchange)
    }

    func batch(_ products: [ProductReference], in currency: Currency?) async throws -> PriceBatch {
        let now = sources.now()
        let store = Store(database)
        let stored = try await store.prices(of: products, at: now)
        let exchange = try await table(store, from: Set(stored.compactMap(\.current?.base.currency)), to: currency, at: now)
        let index = PriceIndex(stored)
        var batch = PriceBatch(items: [], missing: [])
        for product in products {
            if let found = index[product], let current = found.current {
                batch.items.append(try Self.price(found, current, in: currency, exchange))
            } else {
                batch.missing.append(product.description)
            }
        }
        return batch
    }

    /// Adds an entry to a product's prices, or makes the product's first one.
    func set(_ product: ProductReference, _ change: Change, _ preconditions: Preconditions) async throws -> (entry: PriceEntry, isNew: Bool) {
        let now = sources.now()
        let validFrom = change.validFrom ?? now
        if let end = change.validUntil, end <= max(validFrom, now) {
            throw Refusal(.invalidBody, at: "/validUntil", "must be after validFrom and in the future")
        }
        return try await database.withTransaction { transaction in
            let store = Store(transaction)
            func insertEntry(_ id: Identifier, _ sku: String, version: Int64) async throws -> PriceEntry {
                let entry = PriceEntry(
                    productID: id, sku: sku, version: version, base: change.base, validFrom: validFrom, validUntil: change.validUntil, createdAt: now)
                try await store.insertEntry(entry)
                return entry
            }
            var found = try await store.product(product, locking: true)
            if found == nil {
                try preconditions.checkChange(of: nil, required: true)
                let (id, sku) = try Self.identity(product, change)
                if try await store.insertProduct(id, sku: sku) { return (try await insertEntry(id, sku, version: 1), true) }
                // Somebody else has made it since; or one of its names belongs to another product.
                found = try await store.product(product, locking: true)
            }
            guard let known = found else { throw Refusal(.skuConflict, "The product has another SKU, or the SKU belongs to another product.") }
            try preconditions.checkChange(of: known.version, required: true)
            if let sku = change.sku, sku != known.sku { throw Refusal(.skuConflict, at: "/sku", "The product has another SKU.") }
            if let id = change.productID, id != known.productID {
                throw Refusal(.skuConflict, at: "/productId", "The SKU belongs to another product.")
            }
            guard try await store.advanceProduct(known.productID, from: known.version) else { throw Problem.preconditionFailed }
            return (try await insertEntry(known.productID, known.sku, version: known.version + 1), false)
        }
    }

    /// The entries below a version, newest first; `price_not_found` for an unknown product.
    func history(of product: ProductReference, below version: Int64, limit: Int) async throws -> [PriceEntry] {
        let store = Store(database)
        guard let known = try await store.product(product) else { throw Self.notFound }
        return try await store.entries(of: known, below: version, limit: limit)
    }

    // MARK: -

    static let notFound = Refusal(.priceNotFound, "The product has no price now.")

    private static func identity(_ product: ProductReference, _ change: Change) throws(Refusal) -> (Identifier, String) {
        switch product {
        case .id(let id):
            guard let sku = change.sku else { throw Refusal(.invalidBody, at: "/sku", "is required for a product that has no price yet") }
            if let other = change.productID, other != id { throw Refusal(.invalidBody, at: "/productId", "must be the product of the path") }
            return (id, sku)
        case .sku(let sku):
            guard let id = change.productID else { throw Refusal(.invalidBody, at: "/productId", "is required for a product that has no price yet") }
            if let other = change.sku, other != sku { throw Refusal(.invalidBody, at: "/sku", "must be the SKU of the path") }
            return (id, sku)
        }
    }

    /// The table, where a conversion needs one.
    private func table(_ store: Store, from bases: Set<Currency>, to currency: Currency?, at now: Timestamp) async throws -> ExchangeTable? {
        guard let currency, bases.contains(where: { $0 != currency }) else { return nil }
        return try await store.exchangeTable(at: now)
    }

    static func price(
        _ stored: StoredPrice, _ current: StoredPrice.Current, in currency: Currency?, _ exchange: ExchangeTable?
    ) throws(Refusal) -> Price {
        let target = currency ?? current.base.currency
        let price = try current.price(in: target, exchange, at: "currency")
        return Price(
            productID: stored.productID, sku: stored.sku, base: current.base, price: price,
            exchange: target == current.base.currency
                ? nil : exchange.map { Price.Exchange(from: current.base.currency, to: target, tableVersion: $0.version) },
            validFrom: current.validFrom, validUntil: current.validUntil, version: stored.version
        )
    }
}

extension StoredPrice.Current {
    /// The list price in a currency: money that a customer is shown, so it is rounded here, half even, and quotes start from it.
    func price(in currency: Currency, _ exchange: ExchangeTable?, at pointer: String) throws(Refusal) -> Money {
        if currency == base.currency { return base }
        do throws(MoneyError) {
            if let money = try exchange?.convert(base, to: currency) { return money }
        } catch {
            throw Refusal(.amountTooLarge, at: pointer, "the price in \(currency) would exceed \(Money.largestAmountMinor) minor units")
        }
        throw Refusal(.currencyNotOffered, at: pointer, "there is no exchange rate from \(base.currency) to \(currency)")
    }
}

/// Stored prices by either name of their product.
struct PriceIndex {
    private var byID: [Identifier: StoredPrice] = [:]
    private var bySKU: [String: StoredPrice] = [:]

    init(_ prices: [StoredPrice]) {
        for price in prices {
            byID[price.productID] = price
            bySKU[price.sku] = price
        }
    }

    subscript(product: ProductReference) -> StoredPrice? {
        switch product {
        case .id(let id): byID[id]
        case .sku(let sku): bySKU[sku]
        }
    }
}
