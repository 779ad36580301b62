public import Basics
public import HTTPPath

/// A product of the catalogue. Its stock is told apart from it, because stock changes with every order and the product does not:
/// ``version``, and so the `ETag`, counts changes of what is here.
public struct Product: Hashable, Sendable {
    public var id: Identifier
    /// Unique, fixed once given, and the product's for ever: other services know the product by it.
    public var sku: String
    public var name: String
    public var description: String
    /// A slug, such as `computers`.
    public var category: String
    public var attributes: [String: String]
    /// The product counts as low on stock when no more than this is available.
    public var reorderPoint: Int64
    /// From 1, one more with every change.
    public var version: Int64
    public var createdAt: Timestamp
    public var updatedAt: Timestamp

    public init(
        id: Identifier, sku: String, name: String, description: String = "", category: String, attributes: [String: String] = [:],
        reorderPoint: Int64 = 0, version: Int64 = 1, createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.id = id
        self.sku = sku
        self.name = name
        self.description = description
        self.category = category
        self.attributes = attributes
        self.reorderPoint = reorderPoint
        self.version = version
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

extension Product: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        let draft = ProductDraft(fields)
        self.init(
            id: fields.identifier("id"), sku: draft.sku, name: draft.name, description: draft.description, category: draft.category,
            attributes: draft.attributes, reorderPoint: draft.reorderPoint, version: fields.integer("version", 1...Int64.max),
            createdAt: fields.timestamp("createdAt"), updatedAt: fields.timestamp("updatedAt"))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("id", id)
            $0.field("sku", sku)
            $0.field("name", name)
            $0.field("description", description)
            $0.field("category", category)
            $0.field("attributes", attributes)
            $0.field("reorderPoint", reorderPoint)
            $0.field("version", version)
            $0.field("createdAt", createdAt)
            $0.field("updatedAt", updatedAt)
        }
    }
}

/// What a caller says about a product: the body of a create and of a replace.
public struct ProductDraft: Hashable, Sendable {
    public var sku: String
    public var name: String
    public var description: String
    public var category: String
    public var attributes: [String: String]
    public var reorderPoint: Int64

    public init(
        sku: String, name: String, description: String = "", category: String, attributes: [String: String] = [:], reorderPoint: Int64 = 0
    ) {
        self.sku = sku
        self.name = name
        self.description = description
        self.category = category
        self.attributes = attributes
        self.reorderPoint = reorderPoint
    }
}

extension ProductDraft: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            sku: fields.sku("sku"), name: fields.string("name", ProductRules.nameLength),
            description: fields.optionalString("description", ProductRules.descriptionLength) ?? "", category: fields.category("category"),
            attributes: fields.optionalDictionary(
                "attributes", ProductRules.attributeCount, key: ProductRules.attributeNameLength, value: ProductRules.attributeValueLength) ?? [:],
            reorderPoint: fields.optionalInteger("reorderPoint", ProductRules.reorderPoint) ?? 0)
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("sku", sku)
            $0.field("name", name)
            $0.field("description", description)
            $0.field("category", category)
            $0.field("attributes", attributes)
            $0.field("reorderPoint", reorderPoint)
        }
    }
}

/// A change of some fields, by the rules of RFC 7396: what is not named stays, and `null` takes an attribute away.
public struct ProductPatch: Hashable, Sendable {
    /// May be named, but not changed.
    public var sku: String?
    public var name: String?
    public var description: String?
    public var category: String?
    /// A nil value takes the attribute away.
    public var attributes: [String: String?]
    public var reorderPoint: Int64?

    public init(
        sku: String? = nil, name: String? = nil, description: String? = nil, category: String? = nil, attributes: [String: String?] = [:],
        reorderPoint: Int64? = nil
    ) {
        self.sku = sku
        self.name = name
        self.description = description
        self.category = category
        self.attributes = attributes
        self.reorderPoint = reorderPoint
    }
}

extension ProductPatch: JSONReadable {
    public init(_ fields: Fields) {
        self.init(
            sku: fields.optionalSKU("sku"), name: fields.optionalString("name", ProductRules.nameLength),
            description: fields.optionalString("description", ProductRules.descriptionLength), category: fields.optionalCategory("category"),
            reorderPoint: fields.optionalInteger("reorderPoint", ProductRules.reorderPoint))
        let names = fields.any("attributes")?.members?.map(\.name) ?? []
        if names.count > ProductRules.attributeCount.upperBound {
            fields.report("attributes", "must have at most \(ProductRules.attributeCount.upperBound) members")
        }
        attributes =
            fields.optionalObject("attributes") { nested in
                var changes: [String: String?] = [:]
                for name in names.prefix(ProductRules.attributeCount.upperBound + 1) {
                    if !ProductRules.attributeNameLength.contains(name.unicodeScalars.count) {
                        nested.report(nil, "a name in it must have 1 to \(ProductRules.attributeNameLength.upperBound) characters")
                    }
                    changes[name] = .some(nested.optionalString(name, ProductRules.attributeValueLength))
                }
                return changes
            } ?? [:]
    }
}

/// Products asked for by name, in the order asked for.
public struct ProductBatch: Hashable, Sendable {
    /// The most that one call asks for: they are read in one statement.
    public static let most = 200

    public var items: [Product]
    /// What was asked for and is not there, as it was written.
    public var missing: [String]

    public init(items: [Product], missing: [String]) {
        self.items = items
        self.missing = missing
    }
}

extension ProductBatch: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(items: fields.list("items", 0...Self.most, Product.init), missing: fields.strings("missing", 0...Self.most))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("items", items)
            $0.field("missing", missing)
        }
    }
}

/// A page of products.
public struct ProductPage: Hashable, Sendable, JSONReadable {
    public var items: [Product]
    /// Where the next page begins; nil on the last one.
    public var nextCursor: String?

    public init(_ fields: Fields) {
        items = fields.list("items", 0...200, Product.init)
        nextCursor = fields.optionalString("nextCursor", 1...1024)
    }
}
