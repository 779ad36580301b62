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
