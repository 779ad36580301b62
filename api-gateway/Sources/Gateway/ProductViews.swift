import Basics
import HTTPPath
import HTTPTypes
import InventoryAPI
import NIOCore
import PricingAPI
import ServiceKit

/// Products from inventory beside prices from pricing, fetched at the same time.
///
/// Inventory is needed: without it there is no product. Pricing is not: without it the last known price is shown with its age, or none, and
/// the answer says that it is degraded.
struct ProductViews: Sendable {
    let inventory: any Upstream
    let pricing: any Upstream
    let lastPrices: LastPrices

    init(inventory: any Upstream, pricing: any Upstream, lastPrices: LastPrices = LastPrices(now: { .now })) {
        self.inventory = inventory
        self.pricing = pricing
        self.lastPrices = lastPrices
    }

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
        let request = UpstreamRequest(.get, InventoryPaths.product(reference), template: InventoryPaths.Template.product)
        let pricePath = PricingPaths.prices + "/" + reference.percentEncoded + (currency.map { "?currency=\($0)" } ?? "")
        // To turn a request away must cost less than to serve it: where there will be no product, nobody is asked for its price.
        if inventory.isRefusing {
            let (product, read) = try await inventory.send(request).json(from: inventory)
            let (price, isDegraded) = try await price(pricePath, currency)
            return view(product, read, price, currency, isDegraded: isDegraded)
        }
        async let productAnswer = inventory.send(request)
        async let priceAnswer = price(pricePath, currency)
        let (product, read) = try await productAnswer.json(from: inventory)
        let (price, isDegraded) = try await priceAnswer
        return view(product, read, price, currency, isDegraded: isDegraded)
    }

    private func view(_ product: ByteBuffer, _ read: JSON, _ price: ByteBuffer?, _ currency: Currency?, isDegraded: Bool) -> ByteBuffer {
        let last = isDegraded ? read["id"]?.string.flatMap { lastPrices.find($0, currency: currency) } : nil
        return JSONWriter.object {
            $0.field("product", spliced: product)
            if let price = price ?? last?.bytes { $0.field("price", spliced: price) }
            $0.field("priceAgeSeconds", last?.age.wholeSeconds)
            if isDegraded { $0.field("degraded", ["pricing"]) }
        }
    }

    /// A page of the catalogue with the prices of its products.
    func products(_ filter: Filter) async throws -> ByteBuffer {
        let (_, page) = try await inventory.send(UpstreamRequest(.get, InventoryPaths.products + filter.query, template: InventoryPaths.products))
            .json(from: inventory)
        let products = page["items"]?.array ?? []
        let (prices, isDegraded) = try await prices(products.compactMap { $0["id"]?.string }, currency: filter.currency)
        return JSONWriter.object { json in
            json.field(
                "items",
                array: { json in
                    for product in products {
                        let id = product["id"]?.string
                        let last = isDegraded ? id.flatMap { lastPrices.find($0, currency: filter.currency) } : nil
                        json.object {
                            $0.field("product", product)
                            if let last { $0.field("price", spliced: last.bytes) } else { $0.field("price", id.flatMap { prices[$0] }) }
                            $0.field("priceAgeSeconds", last?.age.wholeSeconds)
                        }
                    }
                })
            json.field("nextCursor", page["nextCursor"]?.string)
            if isDegraded { json.field("degraded", ["pricing"]) }
        }
    }

    // MARK: -

    /// The price's bytes; nil where there is no price, or, degraded, where pricing gave no answer.
    private func price(_ path: String, _ currency: Currency?) async throws -> (ByteBuffer?, isDegraded: Bool) {
        let answer: UpstreamResponse
        do {
            answer = try await pricing.send(UpstreamRequest(.get, path, template: PricingPaths.Template.price))
        } catch {
            if error.code == .cancelled { throw error }
            return (nil, true)
        }
        switch answer.status {
        case 200:
            // An answer that cannot be read is as good as none.
            guard let read = try? JSON.parse(answer.body.readableBytesView) else { return (nil, true) }
            lastPrices.note(answer.body, read, currency: currency)
            return (answer.body, false)
        case 404: return (nil, false)
        // What the caller asked for is wrong, such as a currency that is not offered.
        case 400, 422: throw Problem(answer)
        default: return (nil, true)
        }
    }

    /// The prices by product id; degraded, where pricing gave no answer.
    func prices(_ ids: [String], currency: Currency?) async throws -> ([String: JSON], isDegraded: Bool) {
        guard !ids.isEmpty else { return ([:], false) }
        let body = JSONWriter.object {
            $0.field("ids", ids)
            $0.field("currency", currency)
        }
        let answer: UpstreamResponse
        do {
            var request = UpstreamRequest(.post, PricingPaths.batchGet, template: PricingPaths.batchGet, body: body)
            request.isRead = true
            answer = try await pricing.send(request)
        } catch {
            if error.code == .cancelled { throw error }
            return ([:], true)
        }
        switch answer.status {
        case 200:
            guard let items = (try? JSON.parse(answer.body.readableBytesView))?["items"]?.array else { return ([:], true) }
            for price in items { lastPrices.note(JSONWriter.bytes(price), price, currency: currency) }
            return (Dictionary(items.compactMap { price in price["productId"]?.string.map { ($0, price) } }) { first, _ in first }, false)
        case 400, 422: throw Problem(answer)
        default: return ([:], true)
        }
    }
}

extension Duration {
    /// Rounded down; never negative, whatever the clock did.
    var wholeSeconds: Int64 { max(0, components.seconds) }
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
    /// The body of a successful answer, as it is and read: it is spliced into another, so it must be JSON; else what the service answered instead.
    func json(from upstream: any Upstream) throws -> (ByteBuffer, JSON) {
        switch status {
        case 200..<300:
            guard let read = try? JSON.parse(body.readableBytesView) else {
                throw UpstreamError(.badAnswer, upstream: upstream.name, detail: "it is not JSON")
            }
            return (body, read)
        // Its own token was refused: that is no business of the caller's.
        case 401, 403: throw UpstreamError(.badAnswer, upstream: upstream.name, detail: "it refused this service's token")
        default: throw Problem(self)
        }
    }
}
