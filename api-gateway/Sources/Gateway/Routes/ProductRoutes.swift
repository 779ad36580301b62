import HTTPPath
import Hummingbird
import PricingAPI
import ServiceKit

extension Routes {
    /// What anyone may see.
    func addProducts(_ views: ProductViews) {
        on("GET /api/v1/products") { request, _ in
            let filter = try request.query { query in
                ProductViews.Filter(
                    category: query.string("category", 1...100), search: query.string("search", 1...100), inStock: query.bool("inStock"),
                    limit: query.integer("limit", 1...200), cursor: query.string("cursor", 1...1024), currency: query.currency())
            }
            return .json(bytes: try await views.products(filter))
        }
        on("GET /api/v1/products/{id}") { request, context in
            let currency = try request.query { $0.currency() }
            let reference = try context.path("id")
            guard ProductReference(reference) != nil else { throw Problem.invalidParameter("id", "must be a product's id or SKU") }
            return .json(bytes: try await views.product(reference, currency: currency))
        }
    }
}

extension Query {
    func currency() -> Currency? { parsed("currency", expected: "a currency code such as USD", Currency.init) }
}
