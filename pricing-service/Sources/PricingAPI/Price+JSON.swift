import Basics
public import HTTPPath

extension Price: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            productID: fields.identifier("productId"), sku: fields.string("sku"), base: fields.money("base"), price: fields.money("price"),
            exchange: fields.optionalObject("exchange") {
                Exchange(from: $0.currency("from"), to: $0.currency("to"), tableVersion: $0.integer("tableVersion", 1 ... .max))
            },
            validFrom: fields.timestamp("validFrom"), validUntil: fields.optionalTimestamp("validUntil"),
            version: fields.integer("version", 1 ... .max)
        )
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("productId", productID)
            $0.field("sku", sku)
            $0.field("price", price)
            $0.field("base", base)
            if let exchange {
                $0.field(
                    "exchange",
                    object: {
                        $0.field("from", exchange.from)
                        $0.field("to", exchange.to)
                        $0.field("tableVersion", exchange.tableVersion)
                    })
            }
            $0.field("validFrom", validFrom)
            $0.field("validUntil", validUntil)
            $0.field("version", version)
        }
    }
}

extension PriceEntry: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            productID: fields.identifier("productId"), sku: fields.string("sku"), version: fields.integer("version", 1 ... .max),
            base: fields.money("base"), validFrom: fields.timestamp("validFrom"), validUntil: fields.optionalTimestamp("validUntil"),
            createdAt: fields.timestamp("createdAt")
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
