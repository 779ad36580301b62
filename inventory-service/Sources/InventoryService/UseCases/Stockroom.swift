import Basics
import Database
import HTTPPath
import InventoryAPI

/// Stock by hand, and the ledger.
struct Stockroom: Sendable {
    let database: any Database
    let sources: Sources

    func stock(_ key: ProductKey) async throws -> Stock {
        guard let stock = try await Store(database).stock(key) else { throw Refusal.productNotFound }
        return stock
    }

    /// In the order asked for; one asked for twice is there twice.
    func batch(_ references: [NamedProduct]) async throws -> StockBatch {
        let stocks = try await Store(database).stocks(references.map(\.key), toChange: false)
        let (items, missing) = references.inOrder(of: stocks, id: \.productID, sku: \.sku)
        return StockBatch(items: items, missing: missing)
    }

    /// In the caller's transaction, which also stores its idempotency key.
    func adjust(_ key: ProductKey, _ adjustment: StockAdjustment, actor: String, in transaction: any SQLRunner) async throws -> Stock {
        let store = Store(transaction)
        guard var stock = try await store.stock(key, toChange: true) else { throw Refusal.productNotFound }
        guard stock.onHand + adjustment.delta >= stock.reserved else { throw Refusal.stockBelowReserved(stock) }
        guard adjustment.delta < 0 || stock.onHand + adjustment.delta <= ProductRules.onHand.upperBound else { throw Refusal.stockAboveLimit }
        stock.onHand += adjustment.delta
        try await store.change([stock.productID: Store.StockChange(onHand: adjustment.delta)])
        try await store.append([
            Store.NewMovement(
                productID: stock.productID, kind: adjustment.reason == .receipt ? .receipt : .adjustment, quantity: adjustment.delta,
                reason: adjustment.reason.rawValue, note: adjustment.note, actor: actor, at: sources.now())
        ])
        return stock
    }

    /// Newest first.
    /// - Throws: `productNotFound` where a product is named that never was.
    func movements(of key: ProductKey?, before: Int64?, limit: Int) async throws -> Slice<StockMovement> {
        let store = Store(database)
        return try await store.movements(of: product(key, store), before: before, limit: limit)
    }

    /// The ledger as a text, oldest entry first; see `LedgerExport`.
    /// - Throws: `productNotFound` where a product is named that never was.
    func export(of key: ProductKey?, as format: LedgerFormat, pageTimeout: Duration) async throws -> LedgerExport {
        let store = Store(database)
        return try await LedgerExport(store, of: product(key, store), as: format, pageTimeout: pageTimeout)
    }

    private func product(_ key: ProductKey?, _ store: Store) async throws -> Identifier? {
        guard let key else { return nil }
        guard let product = try await store.productID(key) else { throw Refusal.productNotFound }
        return product
    }
}
