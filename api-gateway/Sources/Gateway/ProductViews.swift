import HTTPPath
import HTTPTypes
import InventoryAPI
import NIOCore
import PricingAPI

/// What a customer sees of the catalogue: products from inventory beside prices from pricing, fetched at the same time.
///
/// Inventory is needed: without it there is no product. Pricing is not: without it the answer says that it is degraded.
struct ProductViews: Sendable {
    let inventory: any Upstream
    let pricing: any Upstream

    /// The parameters of the catalogue's list, as inventory takes them.
    struct Filter: Sendable {
        var category: String?
        var search: String?
        var inStock: Bool?
        var limit: Int?
        var cursor: String?
        var currency: Currency?
    }

    /// `{"product": …, "price": …}`: the bytes of both answers, spliced.
    func product(_ reference: String, currency: Currency?) async throws -> ByteBuffer {
        let currencyQuery = currency.map { "?currency=\($0)" } ?? ""
        async let productAnswer = inventory.send(
            UpstreamRequest(.get, InventoryPaths.product(reference), template: InventoryPaths.Template.product))
        async let priceAnswer = price(PricingPaths.prices + "/" + reference.percentEncoded + currencyQuery)
        let product = try await productAnswer.json(from: inventory)
        let (price, isDegraded) = try await priceAnswer
        return JSONWriter.object {
            $0.field("product", spliced: product)
            if let price { $0.field("price", spliced: price) }
            if isDegraded { $0.field("degraded", ["pricing"]) }
        }
    }

    /// A page of the catalogue with the prices of its products.
    func products(_ filter: Filter) async throws -> ByteBuffer {
        let page = try JSON.parse(
            try await inventory.send(UpstreamRequest(.get, InventoryPaths.products + filter.query, template: InventoryPaths.products))
                .json(from: inventory).readableBytesView)
        let products = page["items"]?.array ?? []
        let (prices, isDegraded) = try await prices(products.compactMap { $0["id"]?.string }, currency: filter.currency)
        return JSONWriter.object { json in
            json.field(
                "items",
                array: { json in
                    for product in products {
                        json.object {
                            $0.field("product", product)
                            $0.field("price", product["id"]?.string.flatMap { prices[$0] })
                        }
                    }
                })
            json.field("nextCursor", page["nextCursor"]?.string)
            if isDegraded { json.field("degraded", ["pricing"]) }
        }
    }

    // MARK: -

    /// The price's bytes; nil where there is no price, or, degraded, where pricing gave no answer.
    private func price(_ path: String) async throws -> (ByteBuffer?, isDegraded: Bool) {
        let answer: UpstreamResponse
        do {
            answer = try await pricing.send(UpstreamRequest(.get, path, template: PricingPaths.Template.price))
        } catch {
            if error.code == .cancelled { throw error }
            return (nil, true)
        }
        switch answer.status {
        // An answer that cannot be read is as good as none.
        case 200: return (try? JSON.parse(answer.body.readableBytesView)) == nil ? (nil, true) : (answer.body, false)
        case 404: return (nil, false)
        // What the caller asked for is wrong, such as a currency that is not offered.
        case 400, 422: throw Problem(answer)
        default: return (nil, true)
        }
    }

    private func prices(_ ids: [String], currency: Currency?) async throws -> ([String: JSON], isDegraded: Bool) {
        guard !ids.isEmpty else { return ([:], false) }
        let body = JSONWriter.object {
            $0.field("ids", ids)
            $0.field("currency", currency)
        }
        let answer: UpstreamResponse
        do {
            answer = try await pricing.send(UpstreamRequest(.post, PricingPaths.batchGet, template: PricingPaths.batchGet, body: body))
        } catch {
            if error.code == .cancelled { throw error }
            return ([:], true)
        }
        switch answer.status {
        case 200:
            guard let items = (try? JSON.parse(answer.body.readableBytesView))?["items"]?.array else { return ([:], true) }
            return (Dictionary(items.compactMap { price in price["productId"]?.string.map { ($0, price) } }) { first, _ in first }, false)
        case 400, 422: throw Problem(answer)
        default: return ([:], true)
        }
    }
}

extension ProductViews.Filter {
    var query: String {
        let parameters: [(String, String?)] = [
            ("category", category), ("search", search), ("inStock", inStock.map { $0 ? "true" : "false" }), ("limit", limit.map(String.init)),
            ("cursor", cursor),
        ]
        let given = parameters.compactMap { name, value in value.map { "\(name)=\($0.percentEncoded)" } }
        return given.isEmpty ? "" : "?" + given.joined(separator: "&")
    }
}

extension UpstreamResponse {
    /// The body of a successful answer, checked to be JSON, since it is spliced into another; else what the service answered instead.
    func json(from upstream: any Upstream) throws -> ByteBuffer {
        switch status {
        case 200..<300:
            guard (try? JSON.parse(body.readableBytesView)) != nil else {
                throw UpstreamError(.badAnswer, upstream: upstream.name, detail: "it is not JSON")
            }
            return body
        // Its own token was refused: that is no business of the caller's.
        case 401, 403: throw UpstreamError(.badAnswer, upstream: upstream.name, detail: "it refused this service's token")
        default: throw Problem(self)
        }
    }
}
