/// The stable codes that the inventory service refuses with, beside those of every service.
public struct InventoryErrorCode: Hashable, Sendable, CustomStringConvertible {
    /// On the wire, such as `insufficient_stock`.
    public let description: String
    /// HTTP status.
    public let status: Int

    private init(_ description: String, _ status: Int) {
        self.description = description
        self.status = status
    }

    /// No product has that id or SKU, or it was archived.
    public static let productNotFound = InventoryErrorCode("product_not_found", 404)
    /// No reservation of that id.
    public static let reservationNotFound = InventoryErrorCode("reservation_not_found", 404)

    /// Another product has the SKU.
    public static let skuTaken = InventoryErrorCode("sku_taken", 409)
    /// A reservation holds pieces of the product.
    public static let productInUse = InventoryErrorCode("product_in_use", 409)
    /// The adjustment would leave less on hand than is reserved.
    public static let stockBelowReserved = InventoryErrorCode("stock_below_reserved", 409)
    /// The adjustment would leave more on hand than the service counts.
    public static let stockAboveLimit = InventoryErrorCode("stock_above_limit", 409)
    /// Less is available than the reservation asks for; the member `lines` names each short line.
    public static let insufficientStock = InventoryErrorCode("insufficient_stock", 409)
    /// The id belongs to a reservation of other content.
    public static let reservationConflict = InventoryErrorCode("reservation_conflict", 409)
    /// The reservation, or its confirmation, was undone, perhaps before it came.
    public static let alreadyUndone = InventoryErrorCode("already_undone", 409)
    /// The reservation's time is over.
    public static let reservationExpired = InventoryErrorCode("reservation_expired", 409)
    /// A sold reservation is restocked and not released.
    public static let reservationSold = InventoryErrorCode("reservation_sold", 409)

    /// The header of a CSV file lacks a column, or has one that means nothing here.
    public static let invalidColumns = InventoryErrorCode("invalid_columns", 422)

    /// Every code, for the documents and the tests that hold them to it.
    public static let all: [InventoryErrorCode] = [
        productNotFound, reservationNotFound, skuTaken, productInUse, stockBelowReserved, stockAboveLimit, insufficientStock, reservationConflict,
        alreadyUndone, reservationExpired, reservationSold, invalidColumns,
    ]
}
