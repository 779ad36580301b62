import Basics
import Database
import HTTPPath
import HTTPTypes
import Hummingbird
import NIOCore
import PricingAPI
import ServiceKit

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
