import Basics
import HTTPPath
import HTTPTypes
import NIOCore
import PricingAPI
import Synchronization
import TestKit

/// A pricing service in memory: quotes under idempotency keys, and redemptions with their barrier.
final class PriceList: Sendable {
    private struct State {
        /// Minor units of any currency, for one piece of anything.
        var unitPrice: Int64 = 1000
        var quotes: [String: Quote] = [:]
        var redemptions: [Identifier: Redemption] = [:]
        /// Who was said to order, by order.
        var shoppers: [Identifier: String] = [:]
        var asked: [QuoteRequest] = []
    }

    private let state = Mutex(State())
    private let stage: Stage
    private let clock: ManualClock

    init(_ stage: Stage, _ clock: ManualClock) {
        self.stage = stage
        self.clock = clock
    }

    var client: PricingClient { PricingClient(FakeUpstream("pricing") { [self] in handle($0) }) }

    func setUnitPrice(_ minor: Int64) { state.withLock { $0.unitPrice = minor } }
    var quotes: [Quote] { state.withLock { Array($0.quotes.values) } }
    /// By order.
    func redemption(_ order: Identifier) -> Redemption? { state.withLock { $0.redemptions[order] } }

    func shopper(_ order: Identifier) -> String? { state.withLock { $0.shoppers[order] } }
    /// The quotes that were asked for, in turn.
    var asked: [QuoteRequest] { state.withLock { $0.asked } }

    private func handle(_ request: UpstreamRequest) -> FakeUpstream.Step {
        let parts = request.path.split(separator: "/").map(String.init)
        if request.method == .post, request.path == PricingPaths.quotes {
            let key = request.headers[.idempotencyKey] ?? ""
            return stage.answer("quote", key, clock: clock) { quote(request, key) }
        }
        guard parts.count == 6, parts[4] == "redemptions", let quote = Identifier(parts[3]), let order = Identifier(parts[5]) else {
            return .problem(.notFound("route"))
        }
        let name = request.method == .put ? "redeem" : "undo redeem"
        if let shopper = request.headers[.onBehalfOf] { state.withLock { $0.shoppers[order] = shopper } }
        return stage.answer(name, "\(quote) \(order)", clock: clock) { redeem(name, quote, order) }
    }

    private func quote(_ request: UpstreamRequest, _ key: String) -> Result<ByteBuffer, Problem> {
        let asked: QuoteRequest
        do throws(Problem) { asked = try Problem.reading(request.body ?? ByteBuffer(), QuoteRequest.init) } catch { return .failure(error) }
        return state.withLock { state in
            if let known = state.quotes[key] { return .success(JSONWriter.bytes(known)) }
            state.asked.append(asked)
            let id = clock.sources.makeID()
            let lines = asked.lines.map { line in
                let price = Money(amountMinor: state.unitPrice, currency: asked.currency)
                let sum = Money(amountMinor: state.unitPrice * line.quantity, currency: asked.currency)
                return BreakdownLine(
                    productID: id, sku: line.product.description, quantity: line.quantity, unitPrice: price, discounts: [],
                    amounts: Totals(subtotal: sum, discount: .zero(asked.currency), net: sum, tax: .zero(asked.currency), total: sum))
            }
            let total = Money(amountMinor: lines.reduce(0) { $0 + $1.amounts.total.amountMinor }, currency: asked.currency)
            let quote = Quote(
                id: id, createdAt: clock.now, validUntil: clock.now + .seconds(900),
                breakdown: Breakdown(
                    currency: asked.currency, taxRegion: asked.taxRegion, taxRule: TaxRule(region: asked.taxRegion, rate: .zero, mode: .exclusive),
                    discountCodes: asked.discountCodes, lines: lines,
                    totals: Totals(subtotal: total, discount: .zero(asked.currency), net: total, tax: .zero(asked.currency), total: total)),
                signature: "signed")
            state.quotes[key] = quote
            return .success(JSONWriter.bytes(quote))
        }
    }

    private func redeem(_ name: String, _ quote: Identifier, _ order: Identifier) -> Result<ByteBuffer, Problem> {
        state.withLock { state in
            var redemption =
                state.redemptions[order]
                ?? Redemption(quoteID: quote, orderID: order, state: .redeemed, codes: [], redeemedAt: nil, undoneAt: nil)
            if name == "undo redeem" {
                redemption.state = .undone
                redemption.undoneAt = clock.now
            } else if redemption.state == .undone {
                return .failure(Problem(409, "already_undone", "Undone."))
            } else {
                redemption.redeemedAt = redemption.redeemedAt ?? clock.now
            }
            state.redemptions[order] = redemption
            return .success(JSONWriter.bytes(redemption))
        }
    }
}
