public import Basics
public import HTTPPath
import HTTPTypes

/// The pricing service, as its callers see it.
///
/// Every call throws the `Problem` that the service answered with, or the `UpstreamError` of a call that got no answer; what the
/// answer means for a saga (refused or unknown) is the caller's to say.
public struct PricingClient: Sendable {
    public let upstream: any Upstream

    public init(_ upstream: any Upstream) { self.upstream = upstream }

    /// The list price now. `price_not_found` if there is none, `currency_not_offered` without an exchange rate.
    public func price(of product: ProductReference, in currency: Currency? = nil) async throws -> Price {
        let query = currency.map { "?currency=\($0)" } ?? ""
        return try await upstream.send(UpstreamRequest(.get, PricingPaths.price(product) + query, template: PricingPaths.Template.price)).value(
            Price.init)
    }

    /// The list prices of at most 200 products, in one call.
    public func prices(of products: [ProductReference], in currency: Currency? = nil) async throws -> PriceBatch {
        let body = JSONWriter.object {
            $0.field("ids", products.map(\.description))
            $0.field("currency", currency)
        }
        return try await upstream.send(UpstreamRequest(.post, PricingPaths.batchGet, template: PricingPaths.batchGet, body: body)).value(
            PriceBatch.init)
    }

    /// A quote, stored and signed.
    /// - Parameter idempotencyKey: makes the call safe to repeat.
    public func quote(_ request: QuoteRequest, idempotencyKey: String? = nil) async throws -> Quote {
        var headers: HTTPFields = [:]
        headers[.idempotencyKey] = idempotencyKey
        let request = UpstreamRequest(
            .post, PricingPaths.quotes, template: PricingPaths.quotes, headers: headers, body: JSONWriter.bytes(request))
        return try await upstream.send(request).value(Quote.init)
    }

    /// `quote_not_found` if there is none.
    public func quote(_ id: Identifier) async throws -> Quote {
        try await upstream.send(UpstreamRequest(.get, PricingPaths.quote(id), template: PricingPaths.Template.quote)).value(Quote.init)
    }

    /// Counts the quote's codes for the order, once. Safe to repeat.
    ///
    /// Refused with `quote_expired`, `discount_exhausted`, `discount_used_by_shopper`, `shopper_unknown`, `already_undone`,
    /// `order_already_redeemed`, `quote_not_found` or `quote_signature_invalid`.
    /// - Parameter shopper: the subject of the one who orders, for codes that are limited per shopper.
    public func redeem(_ quote: Identifier, for order: Identifier, shopper: String? = nil) async throws -> Redemption {
        var call = request(.put, quote, order)
        call.headers[.onBehalfOf] = shopper
        return try await upstream.send(call).value(Redemption.init)
    }

    /// Takes a redemption back, or rules it out if it has not come yet. Safe to repeat; never refused.
    public func undoRedemption(of quote: Identifier, for order: Identifier) async throws -> Redemption {
        try await upstream.send(request(.delete, quote, order)).value(Redemption.init)
    }

    private func request(_ method: HTTPRequest.Method, _ quote: Identifier, _ order: Identifier) -> UpstreamRequest {
        UpstreamRequest(method, PricingPaths.redemption(of: quote, by: order), template: PricingPaths.Template.redemption)
    }
}
