public import Basics
public import HTTPPath

/// Pieces of several products set aside for one order: all of them, or none.
///
/// `held → sold → returned`, `held → released | expired`. The caller chooses the id, so that it can undo a reservation whose
/// answer it never saw.
public struct Reservation: Hashable, Sendable {
    public enum State: String, CaseIterable, Sendable {
        /// Set aside until ``expiresAt``.
        case held
        /// Confirmed: the pieces have left the house.
        case sold
        /// Sold, and brought back.
        case returned
        /// Undone before it was sold; also the state of an id whose undo came before it.
        case released
        /// Nobody confirmed it in time.
        case expired
    }

    public var id: Identifier
    public var state: State
    /// nil where only the undo of the id is known, because it came first.
    public var orderID: Identifier?
    /// As asked for; none where only the undo of the id is known.
    public var lines: [Line]
    /// nil where only the undo of the id is known.
    public var expiresAt: Timestamp?
    public var createdAt: Timestamp
    public var updatedAt: Timestamp

    public struct Line: Hashable, Sendable {
        public var productID: Identifier
        public var sku: String
        public var quantity: Int64

        public init(productID: Identifier, sku: String, quantity: Int64) {
            self.productID = productID
            self.sku = sku
            self.quantity = quantity
        }
    }

    public init(
        id: Identifier, state: State, orderID: Identifier?, lines: [Line], expiresAt: Timestamp?, createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.id = id
        self.state = state
        self.orderID = orderID
        self.lines = lines
        self.expiresAt = expiresAt
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

extension Reservation: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            id: fields.identifier("id"), state: fields.choice("state"), orderID: fields.optionalIdentifier("orderId"),
            lines: fields.list("lines", 0...ReservationRequest.lineCount.upperBound) { line in
                Line(
                    productID: line.identifier("productId"), sku: line.sku("sku"),
                    quantity: line.integer("quantity", ReservationLine.quantityRange))
            },
            expiresAt: fields.optionalTimestamp("expiresAt"), createdAt: fields.timestamp("createdAt"), updatedAt: fields.timestamp("updatedAt"))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("id", id)
            $0.field("state", state.rawValue)
            $0.field("orderId", orderID)
            $0.field("lines", lines)
            $0.field("expiresAt", expiresAt)
            $0.field("createdAt", createdAt)
            $0.field("updatedAt", updatedAt)
        }
    }
}

extension Reservation.Line: JSONWritable {
    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("productId", productID)
            $0.field("sku", sku)
            $0.field("quantity", quantity)
        }
    }
}

/// What to set aside of one product.
public struct ReservationLine: Hashable, Sendable {
    public static let quantityRange: ClosedRange<Int64> = 1...ProductRules.mostMoved

    /// A product's id or SKU.
    public var product: String
    /// Pieces.
    public var quantity: Int64

    public init(product: String, quantity: Int64) {
        self.product = product
        self.quantity = quantity
    }
}

extension ReservationLine: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(product: fields.productReference("productId"), quantity: fields.integer("quantity", Self.quantityRange))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("productId", product)
            $0.field("quantity", quantity)
        }
    }
}

/// The body of a reservation.
public struct ReservationRequest: Hashable, Sendable {
    /// One transaction locks them all.
    public static let lineCount = 1...100
    /// Seconds; a hold that lasts longer than a day is forgotten stock.
    public static let expiresInRange: ClosedRange<Int64> = 1...86_400
    /// Seconds.
    public static let defaultExpiresIn: Int64 = 900

    public var orderID: Identifier
    /// No product twice.
    public var lines: [ReservationLine]
    /// Seconds.
    public var expiresIn: Int64

    public init(orderID: Identifier, lines: [ReservationLine], expiresIn: Int64 = ReservationRequest.defaultExpiresIn) {
        self.orderID = orderID
        self.lines = lines
        self.expiresIn = expiresIn
    }
}

extension ReservationRequest: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            orderID: fields.identifier("orderId"), lines: fields.list("lines", Self.lineCount, ReservationLine.init),
            expiresIn: fields.optionalInteger("expiresIn", Self.expiresInRange) ?? Self.defaultExpiresIn)
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("orderId", orderID)
            $0.field("lines", lines)
            $0.field("expiresIn", expiresIn)
        }
    }
}

/// A line that could not be set aside: a member of the problem `insufficient_stock`, under `lines`.
public struct Shortage: Hashable, Sendable {
    /// As the request named it.
    public var product: String
    public var sku: String
    public var requested: Int64
    public var available: Int64

    public init(product: String, sku: String, requested: Int64, available: Int64) {
        self.product = product
        self.sku = sku
        self.requested = requested
        self.available = available
    }

    /// The short lines that a problem names; empty if it names none.
    public static func list(in problem: Problem) -> [Shortage] {
        guard let lines = problem.extra.first(where: { $0.name == "lines" })?.value.array else { return [] }
        return lines.compactMap { line in
            guard let product = line["productId"]?.string, let sku = line["sku"]?.string, let requested = line["requested"]?.integer,
                let available = line["available"]?.integer
            else { return nil }
            return Shortage(product: product, sku: sku, requested: requested, available: available)
        }
    }

    /// As a member of a problem.
    public var json: JSON {
        .object([
            .init("productId", .string(product)), .init("sku", .string(sku)), .init("requested", .integer(requested)),
            .init("available", .integer(available)),
        ])
    }
}
