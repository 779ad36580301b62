public import Basics
public import HTTPPath
import HTTPTypes

/// The inventory service, as its callers see it.
///
/// Every call throws the `Problem` that the service answered with, or the `UpstreamError` of a call that got no answer; what that
/// means for a saga (refused or unknown) is the caller's to say. A product is named by its id or its SKU.
public struct InventoryClient: Sendable {
    public let upstream: any Upstream

    public init(upstream: any Upstream) { self.upstream = upstream }

    // MARK: catalogue

    /// `product_not_found` if there is none.
    public func product(_ reference: String) async throws -> Product {
        try await get(InventoryPaths.product(reference), InventoryPaths.Template.product, Product.init)
    }

    /// A page of the catalogue in the order of SKUs.
    /// - Parameters:
    ///   - search: a part of SKU, name or description, whatever its case.
    ///   - inStock: only those of which something, or nothing, is available.
    ///   - limit: 1–200.
    ///   - cursor: the `nextCursor` of the page before.
    public func products(
        category: String? = nil, search: String? = nil, inStock: Bool? = nil, limit: Int? = nil, cursor: String? = nil
    ) async throws -> ProductPage {
        let query = Self.query([
            ("category", category), ("search", search), ("inStock", inStock.map { $0 ? "true" : "false" }), ("limit", limit.map(String.init)),
            ("cursor", cursor),
        ])
        return try await get(InventoryPaths.products + query, InventoryPaths.products, ProductPage.init)
    }

    /// At most 200 products in one call, in the order asked for; what is missing is named.
    public func batchGet(_ references: [String]) async throws -> ProductBatch {
        try await batch(InventoryPaths.batchGet, references, ProductBatch.init)
    }

    /// Creates a product. `sku_taken` if another has its SKU.
    public func create(_ product: ProductDraft, key: String? = nil) async throws -> Product {
        try await post(InventoryPaths.products, InventoryPaths.products, key: key, body: product, Product.init)
    }

    // MARK: stock

    public func stock(_ reference: String) async throws -> Stock {
        try await get(InventoryPaths.stock(reference), InventoryPaths.Template.stock, Stock.init)
    }

    /// The stock of at most 200 products in one call, in the order asked for; what is missing is named.
    public func stocks(_ references: [String]) async throws -> StockBatch {
        try await batch(InventoryPaths.stockBatchGet, references, StockBatch.init)
    }

    /// Changes what is on hand. `stock_below_reserved` where reservations hold more than would be left.
    public func adjust(_ reference: String, _ adjustment: StockAdjustment, key: String? = nil) async throws -> Stock {
        try await post(InventoryPaths.adjustments(reference), InventoryPaths.Template.adjustments, key: key, body: adjustment, Stock.init)
    }

    /// A page of the ledger, newest entry first.
    public func movements(product: String? = nil, limit: Int? = nil, cursor: String? = nil) async throws -> StockMovementPage {
        let query = Self.query([("product", product), ("limit", limit.map(String.init)), ("cursor", cursor)])
        return try await get(InventoryPaths.movements + query, InventoryPaths.movements, StockMovementPage.init)
    }

    // MARK: reservations

    /// Sets all lines aside, or none. Safe to repeat: while the reservation is held or sold, the answer is the reservation as it is now.
    ///
    /// Refused with `insufficient_stock` (see `Shortage.list(in:)`), `already_undone`, `reservation_expired`, `reservation_conflict`, or
    /// `invalid_body` where a product does not exist.
    /// - Parameters:
    ///   - id: chosen by the caller.
    ///   - key: `Idempotency-Key`.
    ///   - expiresIn: whole seconds from 1 to 86,400; 15 minutes unless told.
    public func reserve(
        id: Identifier, key: String, orderID: Identifier, lines: [ReservationLine], expiresIn: Duration? = nil
    ) async throws -> Reservation {
        let seconds = expiresIn.map { $0.components.seconds } ?? ReservationRequest.defaultExpiresIn
        let body = JSONWriter.bytes(ReservationRequest(orderID: orderID, lines: lines, expiresIn: seconds))
        return try await upstream.send(
            UpstreamRequest(
                .put, InventoryPaths.reservation(id), template: InventoryPaths.Template.reservation, headers: Self.headers(key), body: body)
        ).value(Reservation.init)
    }

    /// Sells what is held. Safe to repeat. Refused with `reservation_expired`, `already_undone` or `reservation_not_found`.
    public func confirm(_ id: Identifier, key: String) async throws -> Reservation { try await move(id, InventoryPaths.Template.confirm, key) }

    /// Undoes a reservation, or rules it out if it has not come yet. Safe to repeat. Refused with `reservation_sold` only.
    public func release(_ id: Identifier, key: String) async throws -> Reservation { try await move(id, InventoryPaths.Template.release, key) }

    /// Undoes a confirmation, or rules it out if it has not come yet. Safe to repeat; never refused.
    public func restock(_ id: Identifier, key: String) async throws -> Reservation { try await move(id, InventoryPaths.Template.restock, key) }

    /// `reservation_not_found` if there is none.
    public func reservation(_ id: Identifier) async throws -> Reservation {
        try await get(InventoryPaths.reservation(id), InventoryPaths.Template.reservation, Reservation.init)
    }

    // MARK: -

    private func get<T>(_ path: String, _ template: String, _ read: (Fields) -> T) async throws -> T {
        try await upstream.send(UpstreamRequest(.get, path, template: template)).value(read)
    }

    private func batch<T>(_ path: String, _ references: [String], _ read: (Fields) -> T) async throws -> T {
        var request = UpstreamRequest(.post, path, template: path, body: JSONWriter.object { $0.field("ids", references) })
        request.isRead = true
        return try await upstream.send(request).value(read)
    }

    private func post<T>(
        _ path: String, _ template: String, key: String?, body: some JSONWritable, _ read: (Fields) -> T
    ) async throws -> T {
        try await upstream.send(UpstreamRequest(.post, path, template: template, headers: Self.headers(key), body: JSONWriter.bytes(body)))
            .value(read)
    }

    private func move(_ id: Identifier, _ template: String, _ key: String) async throws -> Reservation {
        let path = template.replacing("{id}", with: id.description)
        return try await upstream.send(UpstreamRequest(.post, path, template: template, headers: Self.headers(key))).value(Reservation.init)
    }

    private static func headers(_ key: String?) -> HTTPFields {
        var headers: HTTPFields = [:]
        headers[.idempotencyKey] = key
        return headers
    }

    private static func query(_ parameters: [(name: String, value: String?)]) -> String {
        let given = parameters.compactMap { parameter in parameter.value.map { "\(parameter.name)=\($0.percentEncoded)" } }
        return given.isEmpty ? "" : "?" + given.joined(separator: "&")
    }
}
