import Basics
import Database
import HTTPPath
import InventoryAPI
import ServiceKit

/// Products: reading, creating, changing, archiving.
struct Catalogue: Sendable {
    let database: any Database
    let sources: Sources
    /// nil: each read is a statement of its own.
    var reads: ProductReads?

    func product(_ key: ProductKey) async throws -> Product {
        let product = if let reads { try await reads.product(key) } else { try await Store(database).product(key) }
        guard let product else { throw Refusal.productNotFound }
        return product
    }

    func list(_ filter: Store.ProductFilter, after: String?, limit: Int) async throws -> Slice<Product> {
        try await Store(database).products(filter, after: after, limit: limit)
    }

    func lowStock(after: String?, limit: Int) async throws -> Slice<LowStock> {
        try await Store(database).lowStock(after: after, limit: limit)
    }

    /// In the order asked for; one asked for twice is there twice.
    func batch(_ references: [NamedProduct]) async throws -> ProductBatch {
        let products = try await Store(database).products(references.map(\.key))
        let (items, missing) = references.inOrder(of: products, id: \.id, sku: \.sku)
        return ProductBatch(items: items, missing: missing)
    }

    /// In the caller's transaction, which also stores its idempotency key.
    func create(_ draft: ProductDraft, in transaction: any SQLRunner) async throws -> Product {
        let now = sources.now()
        let product = Product(
            id: sources.makeID(), sku: draft.sku, name: draft.name, description: draft.description, category: draft.category,
            attributes: draft.attributes, reorderPoint: draft.reorderPoint, createdAt: now, updatedAt: now)
        let store = Store(transaction)
        if try await !store.insert([product], stock: [0]).isEmpty { return product }
        // Somebody has the SKU. Only an archived product gives way, by coming back.
        guard let known = try await store.known([draft.sku], toChange: true).first, known.isArchived else { throw Refusal.skuTaken }
        var revived = known.product
        try revived.replace(with: draft)
        revived.version += 1
        revived.updatedAt = now
        try await store.update(revived)
        return revived
    }

    /// - Parameters:
    ///   - versions: what `If-Match` names; nil for any.
    ///   - change: gives the new content. What does not differ changes no version.
    func change(
        _ key: ProductKey, versions: [Int64]?, _ change: @escaping @Sendable (inout Product) throws -> Void
    ) async throws -> Product {
        let now = sources.now()
        return try await database.withTransaction { transaction in
            let store = Store(transaction)
            let known = try await Self.current(store, key, versions)
            var product = known
            try change(&product)
            guard product != known else { return known }
            product.version += 1
            product.updatedAt = now
            try await store.update(product)
            return product
        }
    }

    /// Takes a product out of the catalogue. Its row and its ledger stay; created again under its SKU, it is back.
    func archive(_ key: ProductKey, versions: [Int64]?) async throws {
        let now = sources.now()
        try await database.withTransaction { transaction in
            let store = Store(transaction)
            let product = try await Self.current(store, key, versions)
            guard let stock = try await store.stock(.id(product.id), toChange: true) else { throw StoredValueError(what: "stock") }
            guard stock.reserved == 0 else { throw Refusal.productInUse }
            try await store.archive(product.id, at: now)
        }
    }

    private static func current(_ store: Store, _ key: ProductKey, _ versions: [Int64]?) async throws -> Product {
        guard let product = try await store.product(key, toChange: true) else { throw Refusal.productNotFound }
        if let versions, !versions.contains(product.version) { throw Problem.preconditionFailed }
        return product
    }
}

extension [NamedProduct] {
    /// What was found for each, in their order, and those for which nothing was.
    func inOrder<Found>(of found: [Found], id: (Found) -> Identifier, sku: (Found) -> String) -> (items: [Found], missing: [String]) {
        let byID = Dictionary(found.map { (id($0), $0) }, uniquingKeysWith: { first, _ in first })
        let bySKU = Dictionary(found.map { (sku($0), $0) }, uniquingKeysWith: { first, _ in first })
        var (items, missing): ([Found], [String]) = ([], [])
        for (text, key) in self {
            let item =
                switch key {
                case .id(let id): byID[id]
                case .sku(let sku): bySKU[sku]
                }
            if let item { items.append(item) } else { missing.append(text) }
        }
        return (items, missing)
    }
}

extension Product {
    /// Takes what a draft says.
    /// - Throws: `InvalidInput` where it names another SKU.
    mutating func replace(with draft: ProductDraft) throws {
        try check(sku: draft.sku)
        name = draft.name
        description = draft.description
        category = draft.category
        attributes = draft.attributes
        reorderPoint = draft.reorderPoint
    }

    /// Takes what a patch names.
    /// - Throws: `InvalidInput` where it names another SKU, or where there would be too many attributes.
    mutating func apply(_ patch: ProductPatch) throws {
        if let sku = patch.sku { try check(sku: sku) }
        name = patch.name ?? name
        description = patch.description ?? description
        category = patch.category ?? category
        reorderPoint = patch.reorderPoint ?? reorderPoint
        for (name, value) in patch.attributes { attributes[name] = value }
        guard ProductRules.attributeCount.contains(attributes.count) else {
            throw InvalidInput(errors: [
                FieldError(pointer: "/attributes", detail: "must not become more than \(ProductRules.attributeCount.upperBound) members")
            ])
        }
    }

    private func check(sku: String) throws(InvalidInput) {
        guard sku == self.sku else {
            throw InvalidInput(errors: [FieldError(pointer: "/sku", detail: "cannot be changed: other services know the product by it")])
        }
    }
}
