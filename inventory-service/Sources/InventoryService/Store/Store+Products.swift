import Basics
import Database
import HTTPPath
import InventoryAPI
import NIOCore

extension Store {
    /// What a list of products is narrowed to.
    struct ProductFilter: Hashable, Sendable {
        var category: String?
        var search: String?
        var inStock: Bool?
    }

    /// Products and their stock are looked at side by side only where a filter or an answer needs both.
    private static let columns: SQL =
        "p.id, p.sku, p.name, p.description, p.category, p.attributes, p.reorder_point, p.version, p.created_at, p.updated_at"

    func hasProducts() async throws -> Bool {
        try await !runner.query("SELECT 1 AS one FROM products LIMIT 1").isEmpty
    }

    /// - Parameter toChange: the row is locked until the transaction ends.
    func product(_ key: ProductKey, toChange: Bool = false) async throws -> Product? {
        let condition: SQL =
            switch key {
            case .id(let id): "p.id = \(id)"
            case .sku(let sku): "p.sku = \(sku)"
            }
        let lock = toChange ? Self.forUpdate(of: "p") : SQL()
        return try await runner.query("SELECT \(Self.columns) FROM products p WHERE \(condition) AND p.archived_at IS NULL\(lock)")
            .first.map(Self.product)
    }

    /// At most 200 of them; in no order.
    func products(_ keys: [ProductKey]) async throws -> [Product] {
        try await runner.query("SELECT \(Self.columns) FROM products p WHERE \(Self.named(keys)) AND p.archived_at IS NULL").map(Self.product)
    }

    /// The condition that a product is one of these. Where both ids and SKUs name them it is a union, each half with its own index: an
    /// `OR` would have the whole table read in the order of ids.
    static func named(_ keys: [ProductKey]) -> SQL {
        let ids = keys.compactMap { if case .id(let id) = $0 { id } else { nil } }
        let skus = keys.compactMap { if case .sku(let sku) = $0 { sku } else { nil } }
        return switch (ids.isEmpty, skus.isEmpty) {
        case (_, true): isOne("p.id", of: ids)
        case (true, false): isOne("p.sku", of: skus)
        case (false, false):
            """
            p.id IN (SELECT q.id FROM products q WHERE \(isOne("q.id", of: ids)) \
            UNION ALL SELECT q.id FROM products q WHERE \(isOne("q.sku", of: skus)) AND q.archived_at IS NULL)
            """
        }
    }

    /// In the order of SKUs.
    /// - Parameter after: the SKU that the page before ended with.
    func products(_ filter: ProductFilter, after: String?, limit: Int) async throws -> Slice<Product> {
        var conditions: [SQL] = ["p.archived_at IS NULL"]
        if let after { conditions.append("p.sku > \(after)") }
        if let category = filter.category { conditions.append("p.category = \(category)") }
        if let search = filter.search { conditions.append(Self.text(contains: search)) }
        var from: SQL = "products p"
        if let inStock = filter.inStock {
            from = "products p JOIN stock s ON s.product_id = p.id"
            conditions.append(inStock ? "s.on_hand > s.reserved" : "s.on_hand = s.reserved")
        }
        let rows = try await runner.query(
            "SELECT \(Self.columns) FROM \(from) WHERE \(conditions.joined(separator: " AND ")) ORDER BY p.sku LIMIT \(limit + 1)")
        return Slice(try rows.map(Self.product), limit: limit)
    }

    /// In the order of SKUs: products of which no more than the reorder point is available.
    func lowStock(after: String?, limit: Int) async throws -> Slice<LowStock> {
        let beyond: SQL = after.map { "AND p.sku > \($0)" } ?? ""
        let rows = try await runner.query(
            """
            SELECT \(Self.columns), s.on_hand, s.reserved FROM products p JOIN stock s ON s.product_id = p.id
            WHERE p.archived_at IS NULL AND s.on_hand - s.reserved <= p.reorder_point \(beyond) ORDER BY p.sku LIMIT \(limit + 1)
            """)
        return Slice(
            try rows.map { row in
                let product = try Self.product(row)
                return LowStock(
                    product: product,
                    stock: Stock(
                        productID: product.id, sku: product.sku, onHand: try row.decode("on_hand"), reserved: try row.decode("reserved"),
                        reorderPoint: product.reorderPoint))
            }, limit: limit)
    }

    /// Writes new products with their stock, in the order of SKUs, so that two who write the same ones do not wait for each other. Those
    /// whose SKU is taken are left out; another transaction that is about to take one is waited for.
    /// - Parameter stock: what is on hand of each; the caller appends the receipts.
    /// - Returns: the ids of those that were written.
    func insert(_ products: [Product], stock: [Int64]) async throws -> Set<Identifier> {
        precondition(products.count == stock.count)
        var written: Set<Identifier> = []
        for chunk in zip(products, stock).sorted(by: { $0.0.sku < $1.0.sku }).chunks(of: Self.rowsPerStatement) {
            let rows = chunk.map { product, _ -> SQL in
                """
                (\(product.id), \(product.sku), \(product.name), \(product.description), \(product.category), \(Self.text(product.attributes)), \
                \(product.reorderPoint), \(product.version), \(product.createdAt), \(product.updatedAt))
                """
            }
            let ids = try await runner.query(
                """
                INSERT INTO products (id, sku, name, description, category, attributes, reorder_point, version, created_at, updated_at)
                VALUES \(rows.joined(separator: ", ")) ON CONFLICT DO NOTHING RETURNING id
                """
            ).map { try $0.decode("id", as: Identifier.self) }
            guard !ids.isEmpty else { continue }
            written.formUnion(ids)
            let stocks = chunk.filter { written.contains($0.0.id) }.map { product, onHand -> SQL in "(\(product.id), \(onHand), 0)" }
            try await runner.execute("INSERT INTO stock (product_id, on_hand, reserved) VALUES \(stocks.joined(separator: ", "))")
            try await addToIndex(ids)
        }
        return written
    }

    /// Writes a locked product's new content and version. An archived one is back with that.
    func update(_ product: Product) async throws {
        try await removeFromIndex(product.id)
        let count = try await runner.execute(
            """
            UPDATE products SET name = \(product.name), description = \(product.description), category = \(product.category),
                attributes = \(Self.text(product.attributes)), reorder_point = \(product.reorderPoint), version = \(product.version),
                updated_at = \(product.updatedAt), archived_at = NULL
            WHERE id = \(product.id)
            """)
        guard count == 1 else { throw StoredValueError(what: "product") }
        try await addToIndex([product.id])
    }

    /// A product whose SKU is known already.
    struct KnownProduct: Hashable, Sendable {
        var product: Product
        var isArchived: Bool
    }

    /// The products of these SKUs, archived ones too.
    /// - Parameter toChange: they are locked, in the order of their ids.
    func known(_ skus: [String], toChange: Bool) async throws -> [KnownProduct] {
        let lock = toChange ? Self.forUpdate(of: "p") : SQL()
        return try await runner.query(
            "SELECT \(Self.columns), p.archived_at FROM products p WHERE \(Self.isOne("p.sku", of: skus)) ORDER BY p.id\(lock)"
        ).map { row in
            KnownProduct(product: try Self.product(row), isArchived: try row.decode("archived_at", as: Timestamp?.self) != nil)
        }
    }

    func archive(_ id: Identifier, at now: Timestamp) async throws {
        try await runner.execute("UPDATE products SET archived_at = \(now), updated_at = \(now) WHERE id = \(id)")
    }

    // MARK: -

    private static func text(_ attributes: [String: String]) -> String { String(buffer: JSONWriter.bytes(attributes)) }

    private static func product(_ row: Row) throws -> Product {
        Product(
            id: try row.decode("id"), sku: try row.decode("sku"), name: try row.decode("name"), description: try row.decode("description"),
            category: try row.decode("category"), attributes: try attributes(row.decode("attributes")), reorderPoint: try row.decode("reorder_point"),
            version: try row.decode("version"), createdAt: try row.decode("created_at"), updatedAt: try row.decode("updated_at"))
    }

    private static func attributes(_ text: String) throws -> [String: String] {
        if text == "{}" { return [:] }
        guard let members = (try? JSON.parse(Array(text.utf8)))?.members else { throw StoredValueError(what: "set of attributes") }
        var attributes: [String: String] = [:]
        for member in members {
            guard let value = member.value.string else { throw StoredValueError(what: "set of attributes") }
            attributes[member.name] = value
        }
        return attributes
    }
}
