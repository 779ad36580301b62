import Database
import InventoryAPI

/// Reads of single products that are made at the same time, as one statement.
struct ProductReads: Sendable {
    private let batcher: Batcher<ProductKey, Product?>

    /// - Parameter size: reads in one statement.
    init(database: any Database, size: Int) {
        let store = Store(database)
        var options = Batcher<ProductKey, Product?>.Options()
        options.most = size
        options.name = "products.read"
        options.writes = false
        batcher = Batcher(options) { keys in
            guard keys.count > 1 else { return [.success(try await store.product(keys[0]))] }
            let products = try await store.products(Array(Set(keys)))
            let byID = Dictionary(products.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
            let bySKU = Dictionary(products.map { ($0.sku, $0) }, uniquingKeysWith: { first, _ in first })
            return keys.map { key in
                switch key {
                case .id(let id): .success(byID[id])
                case .sku(let sku): .success(bySKU[sku])
                }
            }
        }
    }

    func product(_ key: ProductKey) async throws -> Product? { try await batcher(key) }

    func shutdown() async { await batcher.shutdown() }
}
