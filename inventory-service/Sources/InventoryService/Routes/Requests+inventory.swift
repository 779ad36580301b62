import Basics
import Database
import HTTPPath
import HTTPTypes
import Hummingbird
import InventoryAPI
import NIOCore
import ServiceKit

extension ServiceContext {
    /// The product that a path names, by id or SKU.
    func product() throws(Problem) -> ProductKey {
        guard let key = ProductKey(try path("id")) else { throw .invalidParameter("id", "must be \(ProductRules.referenceExpected)") }
        return key
    }
}

/// A product that a request names, and as it named it.
typealias NamedProduct = (text: String, key: ProductKey)

extension Request {
    /// The products of a batch, from its body.
    func references(_ context: ServiceContext) async throws -> [NamedProduct] {
        let texts = try await json(context) { $0.strings("ids", 1...ProductBatch.most, each: 1...100) }
        var references: [NamedProduct] = []
        var errors: [FieldError] = []
        for (index, text) in texts.enumerated() {
            if let key = ProductKey(text) {
                references.append((text, key))
            } else {
                errors.append(FieldError(pointer: "/ids/\(index)", detail: "must be \(ProductRules.referenceExpected)"))
            }
        }
        guard errors.isEmpty else { throw InvalidInput(errors: Array(errors.prefix(50))) }
        return references
    }
}

extension Response {
    static func product(_ product: Product) -> Response {
        .json(product, headers: [.eTag: ETag(version: product.version).description])
    }

    /// - Parameter cursor: where the page after this item begins.
    static func page<Item: JSONWritable & Sendable>(_ slice: Slice<Item>, cursor: (Item) -> Cursor) -> Response {
        let next = slice.hasMore ? slice.items.last.map { cursor($0).description } : nil
        return .json(Page(items: slice.items, nextCursor: next))
    }
}

extension Query {
    /// `limit` and `cursor` of a list in the order of SKUs.
    func pageBySKU() -> (limit: Int, after: String?) {
        (
            integer("limit", 1...200) ?? 50,
            parsed("cursor", expected: "a cursor that this list gave out") { text in
                Cursor(text).flatMap { $0.parts.count == 1 && ProductRules.isSKU($0.parts[0]) ? $0.parts[0] : nil }
            }
        )
    }

    /// `limit` and `cursor` of the ledger.
    func pageBySequence() -> (limit: Int, before: Int64?) {
        (
            integer("limit", 1...200) ?? 50,
            parsed("cursor", expected: "a cursor that this list gave out") { text in
                Cursor(text).flatMap { $0.parts.count == 1 ? Int64($0.parts[0]) : nil }
            }
        )
    }
}
