import Basics
import HTTPPath
public import InventoryAPI
public import Payments
public import PricingAPI
import ShopTelemetry
import Telemetry

/// What an order's saga works with: the request, and the remote resources by the ids that were chosen for them.
struct OrderData: SagaData {
    var request: OrderRequest
    var outcome: OrderOutcome

    init(request: OrderRequest, outcome: OrderOutcome) {
        self.request = request
        self.outcome = outcome
    }

    init(_ fields: Fields) {
        request = fields.object("request", OrderRequest.init) ?? OrderRequest(fields)
        outcome = fields.object("outcome", OrderOutcome.init) ?? OrderOutcome(fields)
    }

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("request", request)
            $0.field("outcome", outcome)
        }
    }
}

/// The parties to an order.
public struct OrderParties: Sendable {
    let inventory: InventoryClient
    let pricing: PricingClient
    let payments: any PaymentProvider

    public init(inventory: InventoryClient, pricing: PricingClient, payments: any PaymentProvider) {
        self.inventory = inventory
        self.pricing = pricing
        self.payments = payments
    }
}

typealias OrderStep = SagaStep<OrderData>

extension SagaDefinition where Data == OrderData {
    /// Quote → redeem codes → reserve all lines → authorise → confirm the reservation → capture.
    ///
    /// The capture comes last on purpose: what can still be refused is done before it, and what was done before it can be undone.
    static func order(_ parties: OrderParties, timeAllowed: Duration) -> SagaDefinition {
        let (inventory, pricing, payments) = (parties.inventory, parties.pricing, parties.payments)
        return SagaDefinition(
            kind: "order", version: 1, subject: .orderID, timeAllowed: timeAllowed,
            steps: [
                .compensatable(
                    "quote",
                    run: { data, call in
                        try await refusing(data) { data in
                            let quote = try await pricing.quote(data.request.quoteRequest, idempotencyKey: call.key)
                            data.outcome.quoteID = quote.id
                            data.outcome.total = quote.breakdown.totals.total
                            if let expected = data.request.expectedTotal, expected != quote.breakdown.totals.total {
                                throw Problem(
                                    409, "price_changed", "The total is \(quote.breakdown.totals.total) now, not \(expected).",
                                    extra: [.init("expectedTotal", money(expected)), .init("actualTotal", money(quote.breakdown.totals.total))])
                            }
                        }
                    }, undo: nil),
                .compensatable(
                    "redeem",
                    run: { data, call in
                        try await refusing(data) { data in _ = try await pricing.redeem(quoteID(data), for: call.saga, shopper: data.outcome.shopper)
                        }
                    },
                    undo: { data, call in
                        _ = try await pricing.undoRedemption(of: quoteID(data), for: call.saga)
                    }),
                .compensatable(
                    "reserve",
                    run: { data, call in
                        try await refusing(data) { data in
                            let lines = data.request.lines.map { ReservationLine(product: $0.product.description, quantity: $0.quantity) }
                            _ = try await inventory.reserve(id: data.outcome.reservationID, key: call.key, orderID: call.saga, lines: lines)
                        }
                    },
                    undo: { data, call in
                        _ = try await inventory.release(data.outcome.reservationID, key: call.key)
                    }),
                .compensatable(
                    "authorize",
                    run: { data, call in
                        guard let total = data.outcome.total else { throw Problem(500, "order_without_total", "The order has no total.") }
                        switch try await payments.authorize(data.outcome.paymentID, amount: total, method: data.request.paymentMethod) {
                        case .authorized: return .done(data)
                        case .declined(let why):
                            return .refused(
                                Problem(402, "payment_declined", "The payment was declined.", extra: [.init("reason", .string(why.rawValue))]))
                        case .alreadyUndone: return .refused(Problem(409, "already_undone", "The payment was called off."))
                        }
                    },
                    undo: { data, call in
                        // A void, or a refund where the money was taken after all.
                        guard case .refused(.captured) = try await payments.void(data.outcome.paymentID) else { return }
                        guard case .done = try await payments.refund(data.outcome.paymentID) else {
                            throw Problem(500, "refund_refused", "The refund was refused.")
                        }
                    }),
                .compensatable(
                    "confirm",
                    run: { data, call in
                        try await refusing(data) { data in _ = try await inventory.confirm(data.outcome.reservationID, key: call.key) }
                    },
                    undo: { data, call in
                        _ = try await inventory.restock(data.outcome.reservationID, key: call.key)
                    }),
                .pivot(
                    "capture",
                    run: { data, call in
                        switch try await payments.capture(data.outcome.paymentID) {
                        case .done: return .done(data)
                        case .refused(let state):
                            return .refused(Problem(409, "capture_refused", "The payment was \(state.rawValue) before it was captured."))
                        }
                    }),
            ])
    }

    /// Refund, then restock. Nothing in it can be refused: it only goes forward.
    static func cancellation(_ parties: OrderParties) -> SagaDefinition {
        let (inventory, payments) = (parties.inventory, parties.payments)
        return SagaDefinition(
            kind: "cancellation", version: 1, subject: .orderID, timeAllowed: .seconds(3600),
            steps: [
                .retryable(
                    "refund",
                    run: { data, call in
                        switch try await payments.refund(data.outcome.paymentID) {
                        case .done: return .done(data)
                        case .refused(let state):
                            return .refused(Problem(409, "refund_refused", "The payment was \(state.rawValue), and cannot be refunded."))
                        }
                    }),
                .retryable(
                    "restock",
                    run: { data, call in
                        _ = try await inventory.restock(data.outcome.reservationID, key: call.key)
                        return .done(data)
                    }),
            ])
    }
}

private func quoteID(_ data: OrderData) throws -> Identifier {
    guard let id = data.outcome.quoteID else { throw Problem(500, "order_without_quote", "The order has no quote.") }
    return id
}

private func money(_ money: Money) -> JSON {
    .object([.init("amountMinor", .integer(money.amountMinor)), .init("currency", .string(money.currency.code))])
}

/// Runs one call: an answer with a 4xx status is a refusal, everything else that is thrown leaves it unknown.
/// 408, 425, 429, and whatever says when to come back, refuse nothing for good; 401 and 403 are about this service's own token, which is no
/// fault of the order.
private func refusing(_ data: OrderData, _ body: (inout OrderData) async throws -> Void) async throws -> OrderStep.Outcome {
    var data = data
    do {
        try await body(&data)
        return .done(data)
    } catch let problem as Problem
        where (400..<500).contains(problem.status) && ![401, 403, 408, 425, 429].contains(problem.status) && problem.retryAfterSeconds == nil
    {
        return .refused(problem)
    }
}
