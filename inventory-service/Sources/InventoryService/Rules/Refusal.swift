import HTTPPath
import InventoryAPI

/// Why the service does not do what it was asked: a code of the contract, and what the caller needs to know besides.
struct Refusal: ProblemConvertible, Hashable {
    let code: InventoryErrorCode
    let detail: String
    var errors: [FieldError] = []
    var extra: [JSON.Member] = []

    /// The one place where a refusal becomes what a caller sees.
    var problem: Problem { Problem(code.status, code.description, detail, errors: errors, extra: extra) }

    static let productNotFound = Refusal(code: .productNotFound, detail: "There is no such product.")
    static let reservationNotFound = Refusal(code: .reservationNotFound, detail: "There is no such reservation.")
    static let skuTaken = Refusal(
        code: .skuTaken, detail: "Another product has that SKU.", errors: [FieldError(pointer: "/sku", detail: "is taken")])
    static let productInUse = Refusal(
        code: .productInUse, detail: "Reservations hold pieces of the product: wait until they are sold, released or expired.")
    static let stockAboveLimit = Refusal(
        code: .stockAboveLimit, detail: "More than \(ProductRules.onHand.upperBound) pieces of a product are not counted.")
    static let reservationConflict = Refusal(
        code: .reservationConflict, detail: "That id belongs to a reservation with another order, other lines or another time.")
    static let alreadyUndone = Refusal(code: .alreadyUndone, detail: "The reservation was undone, and stays undone.")
    static let reservationExpired = Refusal(code: .reservationExpired, detail: "The reservation's time is over: reserve again with a new id.")
    static let reservationSold = Refusal(code: .reservationSold, detail: "The reservation is sold: restock it instead.")

    static func stockBelowReserved(_ stock: Stock) -> Refusal {
        Refusal(
            code: .stockBelowReserved, detail: "Reservations hold more than would be left.",
            extra: [.init("onHand", .integer(stock.onHand)), .init("reserved", .integer(stock.reserved))])
    }

    static func insufficientStock(_ lines: [Shortage]) -> Refusal {
        Refusal(
            code: .insufficientStock, detail: lines.count == 1 ? "One product is short." : "\(lines.count) products are short.",
            extra: [.init("lines", .array(lines.map(\.json)))])
    }

    static func invalidColumns(missing: [String], unknown: [String], repeated: [String]) -> Refusal {
        let errors =
            missing.map { FieldError(pointer: $0, detail: "is a required column") }
            + unknown.map { FieldError(pointer: $0, detail: "is not a known column") }
            + repeated.map { FieldError(pointer: $0, detail: "must be there once") }
        return Refusal(
            code: .invalidColumns, detail: "The first line must name the columns: \(ImportReader.columnList).", errors: Array(errors.prefix(50)))
    }

    static let unreadableHeader = Refusal(
        code: .invalidColumns, detail: "The first line must name the columns: \(ImportReader.columnList).",
        errors: [FieldError(pointer: "", detail: "the first line cannot be read as CSV")])
}
