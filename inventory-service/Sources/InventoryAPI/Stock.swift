public import Basics
public import HTTPPath

/// How much of a product there is. At every instant `0 <= reserved <= onHand`.
public struct Stock: Hashable, Sendable {
    public var productID: Identifier
    public var sku: String
    /// Pieces in the house, the reserved ones among them.
    public var onHand: Int64
    /// Pieces that reservations hold.
    public var reserved: Int64
    public var reorderPoint: Int64

    /// Pieces that can still be reserved.
    public var available: Int64 { onHand - reserved }

    public init(productID: Identifier, sku: String, onHand: Int64, reserved: Int64, reorderPoint: Int64) {
        self.productID = productID
        self.sku = sku
        self.onHand = onHand
        self.reserved = reserved
        self.reorderPoint = reorderPoint
    }
}

extension Stock: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            productID: fields.identifier("productId"), sku: fields.sku("sku"), onHand: fields.integer("onHand", ProductRules.onHand),
            reserved: fields.integer("reserved", ProductRules.onHand), reorderPoint: fields.integer("reorderPoint", ProductRules.reorderPoint))
        // Part of every answer, though it follows from the others.
        _ = fields.integer("available", ProductRules.onHand)
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("productId", productID)
            $0.field("sku", sku)
            $0.field("onHand", onHand)
            $0.field("reserved", reserved)
            $0.field("available", available)
            $0.field("reorderPoint", reorderPoint)
        }
    }
}

/// The stock of several products, read in one call.
public struct StockBatch: Hashable, Sendable {
    /// In the order asked for.
    public var items: [Stock]
    /// What was asked for and is not there, as it was written.
    public var missing: [String]

    public init(items: [Stock], missing: [String]) {
        self.items = items
        self.missing = missing
    }
}

extension StockBatch: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            items: fields.list("items", 0...ProductBatch.most, Stock.init), missing: fields.strings("missing", 0...ProductBatch.most))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("items", items)
            $0.field("missing", missing)
        }
    }
}

/// A change of stock by hand: the body of an adjustment.
public struct StockAdjustment: Hashable, Sendable {
    /// Why. `receipt` is goods that came in and is booked as a receipt; everything else is booked as an adjustment.
    public enum Reason: String, CaseIterable, Sendable {
        case receipt, correction, damage, loss, found, supplierReturn
    }

    /// Pieces, never 0; above 0 for a receipt.
    public var delta: Int64
    public var reason: Reason
    public var note: String?

    public init(delta: Int64, reason: Reason, note: String? = nil) {
        self.delta = delta
        self.reason = reason
        self.note = note
    }
}

extension StockAdjustment: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            delta: fields.integer("delta", -ProductRules.mostMoved...ProductRules.mostMoved), reason: fields.choice("reason"),
            note: fields.optionalString("note", 1...500))
        if fields.any("delta") == .integer(0) { fields.report("delta", "must not be 0") }
        if reason == .receipt, delta < 0, fields.any("reason") != nil { fields.report("delta", "must be above 0 for a receipt") }
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("delta", delta)
            $0.field("reason", reason.rawValue)
            $0.field("note", note)
        }
    }
}

/// One entry of the ledger. Entries are only ever added.
///
/// `onHand = receipt + adjustment − sell + return` and `reserved = reserve − release − expire − sell`, over a product's entries.
public struct StockMovement: Hashable, Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        case receipt, adjustment, reserve, release, expire, sell, `return`
    }

    /// Grows with every entry of the whole ledger.
    public var sequence: Int64
    public var productID: Identifier
    public var sku: String
    public var kind: Kind
    /// Pieces: above 0, but for an adjustment, whose sign tells its direction.
    public var quantity: Int64
    /// For what a reservation did.
    public var reservationID: Identifier?
    /// For what was done by hand.
    public var reason: String?
    public var note: String?
    /// On whose behalf.
    public var actor: String
    public var at: Timestamp

    public init(
        sequence: Int64, productID: Identifier, sku: String, kind: Kind, quantity: Int64, reservationID: Identifier? = nil, reason: String? = nil,
        note: String? = nil, actor: String, at: Timestamp
    ) {
        self.sequence = sequence
        self.productID = productID
        self.sku = sku
        self.kind = kind
        self.quantity = quantity
        self.reservationID = reservationID
        self.reason = reason
        self.note = note
        self.actor = actor
        self.at = at
    }
}

extension StockMovement: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            sequence: fields.integer("sequence", 1...Int64.max), productID: fields.identifier("productId"), sku: fields.sku("sku"),
            kind: fields.choice("kind"), quantity: fields.integer("quantity", -ProductRules.onHand.upperBound...ProductRules.onHand.upperBound),
            reservationID: fields.optionalIdentifier("reservationId"), reason: fields.optionalString("reason"),
            note: fields.optionalString("note", 1...500), actor: fields.string("actor"), at: fields.timestamp("at"))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("sequence", sequence)
            $0.field("productId", productID)
            $0.field("sku", sku)
            $0.field("kind", kind.rawValue)
            $0.field("quantity", quantity)
            $0.field("reservationId", reservationID)
            $0.field("reason", reason)
            $0.field("note", note)
            $0.field("actor", actor)
            $0.field("at", at)
        }
    }
}

/// A page of the ledger, newest first.
public struct StockMovementPage: Hashable, Sendable, JSONReadable {
    public var items: [StockMovement]
    public var nextCursor: String?

    public init(_ fields: Fields) {
        items = fields.list("items", 0...200, StockMovement.init)
        nextCursor = fields.optionalString("nextCursor", 1...1024)
    }
}

/// A product of which no more than its reorder point is available.
public struct LowStock: Hashable, Sendable, JSONReadable, JSONWritable {
    public var product: Product
    public var stock: Stock

    public init(product: Product, stock: Stock) {
        self.product = product
        self.stock = stock
    }

    public init(_ fields: Fields) {
        let zero = Identifier(high: 0, low: 0)
        let epoch = Timestamp(microseconds: 0)
        product = fields.object("product", Product.init) ?? Product(id: zero, sku: "", name: "", category: "", createdAt: epoch, updatedAt: epoch)
        stock = fields.object("stock", Stock.init) ?? Stock(productID: zero, sku: "", onHand: 0, reserved: 0, reorderPoint: 0)
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("product", product)
            $0.field("stock", stock)
        }
    }
}
