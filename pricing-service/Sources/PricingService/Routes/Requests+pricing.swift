import Basics
import Database
import HTTPPath
import HTTPTypes
import Hummingbird
import NIOCore
import PricingAPI
import ServiceKit

extension Query {
    /// A moment.
    func time(_ name: String) -> Timestamp? { parsed(name, expected: "a time by RFC 3339, such as 2026-12-24T18:00:00Z") { Timestamp($0) } }

    /// Where a list of versions goes on: below this one.
    func versions() -> (limit: Int, below: Int64) {
        let limit = integer("limit", 1...200) ?? 50
        let below = parsed("cursor", expected: "a cursor that this list gave out") { text in
            Cursor(text).flatMap { $0.parts.count == 1 ? Int64($0.parts[0]) : nil }
        }
        return (limit, below ?? .max)
    }
}

extension ServiceContext {
    /// A product by id or SKU, as it stands in a path.
    func product(_ name: String) throws(Problem) -> ProductReference {
        guard let product = ProductReference(try path(name)) else { throw .invalidParameter(name, "must be a product id (UUID) or a SKU") }
        return product
    }

    func discountCode(_ name: String) throws(Problem) -> String {
        guard let code = DiscountRule.normalised(try path(name)) else { throw .invalidParameter(name, "must be a discount code") }
        return code
    }
}

extension Response {
    /// A JSON answer with its validator, or 304 where the reader has it.
    static func json(
        _ value: some JSONWritable, etag: String, unless preconditions: Preconditions = .none, status: HTTPResponse.Status = .ok
    ) -> Response {
        if preconditions.isCurrent(etag) { return Response(status: .notModified, headers: [.eTag: etag]) }
        return .json(value, status: status, headers: [.eTag: etag])
    }
}

extension Preconditions {
    init(_ request: Request) throws(Problem) {
        try self.init(ifMatch: request.headers[.ifMatch], ifNoneMatch: request.headers[.ifNoneMatch])
    }
}
