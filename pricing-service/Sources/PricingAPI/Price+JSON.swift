import Basics
public import HTTPPath

extension Price: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            productID: fields.identifier("productId"), sku: fields.string("sku"), category: fields.optionalString("category"),
            base: fields.money("base"), adjustment: fields.optionalObject("adjustment", PriceAdjustment.init), price: fields.money("price"),
            exchange: fields.optionalObject("exchange", Exchange.init),
            validFrom: fields.timestamp("validFrom"), validUntil: fields.optionalTimestamp("validUntil"),
            version: fields.integer("version", 1 ... .max)
        )
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("productId", productID)
            $0.field("sku", sku)
            $0.field("category", category)
            $0.field("price", price)
            $0.field("base", base)
            $0.field("adjustment", adjustment)
            $0.field("exchange", exchange)
            $0.field("validFrom", validFrom)
            $0.field("validUntil", validUntil)
            $0.field("version", version)
        }
    }
}

extension Price.Exchange: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            from: fields.currency("from"), to: fields.currency("to"), tableVersion: fields.integer("tableVersion", 1 ... .max),
            validFrom: fields.timestamp("validFrom"), fromRate: fields.object("fromRate") { Rate($0, least: 1) } ?? .one,
            toRate: fields.object("toRate") { Rate($0, least: 1) } ?? .one)
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("from", from)
            $0.field("to", to)
            $0.field("tableVersion", tableVersion)
            $0.field("validFrom", validFrom)
            $0.field("fromRate", fromRate)
            $0.field("toRate", toRate)
        }
    }
}

extension PriceEntry: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            productID: fields.identifier("productId"), sku: fields.string("sku"), version: fields.integer("version", 1 ... .max),
            base: fields.money("base"), validFrom: fields.timestamp("validFrom"), validUntil: fields.optionalTimestamp("validUntil"),
            createdAt: fields.timestamp("createdAt"), createdBy: fields.optionalString("createdBy", 1...500),
            reason: fields.optionalString("reason", 1...Self.longestReason)
        )
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("productId", productID)
            $0.field("sku", sku)
            $0.field("version", version)
            $0.field("base", base)
            $0.field("validFrom", validFrom)
            $0.field("validUntil", validUntil)
            $0.field("createdAt", createdAt)
            $0.field("createdBy", createdBy)
            $0.field("reason", reason)
        }
    }
}

/// What `POST /prices/batch-get` answers.
public struct PriceBatch: Hashable, Sendable {
    /// At most this many products at once.
    public static let most = 200

    /// In the order asked for.
    public var items: [Price]
    /// The references that have no price, as they were asked for.
    public var missing: [String]

    public init(items: [Price], missing: [String]) {
        self.items = items
        self.missing = missing
    }
}

extension PriceBatch: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(items: fields.list("items", 0...Self.most, Price.init), missing: fields.strings("missing", 0...Self.most))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("items", items)
            $0.field("missing", missing)
        }
    }
}
