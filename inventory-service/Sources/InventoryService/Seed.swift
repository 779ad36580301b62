import Basics
import Database
import InventoryAPI

/// What a fresh shop starts with: the sample catalogue, with its stock.
enum Seed {
    /// Fills an empty store, in one transaction; a store that ever had a product is left as it is. Gives the number of products.
    static func plant(_ csv: [UInt8], in database: any Database, _ sources: Sources) async throws -> Int {
        let rows = try rows(csv)
        let now = sources.now()
        return try await database.withTransaction { transaction in
            let store = Store(transaction)
            guard try await !store.hasProducts() else { return 0 }
            let products = rows.enumerated().map { index, row in
                Product(
                    id: productID(index + 1), sku: row.sku, name: row.name, description: row.description ?? "", category: row.category,
                    attributes: row.attributes ?? [:], reorderPoint: row.reorderPoint ?? 0, createdAt: now, updatedAt: now)
            }
            // Another replica that starts at the same moment has planted them all, or none.
            let planted = try await store.insert(products, stock: rows.map { $0.stock ?? 0 })
            try await store.append(
                zip(products, rows).filter { planted.contains($0.0.id) }.compactMap { product, row in
                    row.initialReceipt(of: product.id, actor: "seed", at: now)
                })
            return planted.count
        }
    }

    /// The id of the sample catalogue's product number `number`, from 1: the pricing service knows it by the same rule.
    static func productID(_ number: Int) -> Identifier {
        Identifier(high: 0x0190_0000_0000_7000 + UInt64(number), low: 0x8000_0000_0000_0000 + UInt64(number))
    }

    private static func rows(_ csv: [UInt8]) throws -> [ImportRow] {
        var reader = ImportReader(.csv)
        var rows: [ImportRow] = []
        for item in try reader.consume(csv) + reader.finish() {
            switch item {
            case .row(let row): rows.append(row)
            case .rejected(let errors): throw SeedError(line: errors.first?.line ?? 0)
            }
        }
        return rows
    }
}

/// The embedded sample catalogue is not what it should be: a defect of the build.
struct SeedError: Error, CustomStringConvertible {
    let line: Int

    var description: String { "line \(line) of the sample catalogue cannot be read" }
}
