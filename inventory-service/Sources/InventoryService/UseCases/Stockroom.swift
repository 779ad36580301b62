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
        var product: Identifier?
        if let key {
            product = try await store.productID(key)
            guard product != nil else { throw Refusal.productNotFound }
        }
        return try await store.movements(of: product, before: before, limit: limit)
    }
}
