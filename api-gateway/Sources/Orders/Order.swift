public import Basics
public import HTTPPath
public import Payments
public import PricingAPI

/// What a customer asks for.
public struct OrderRequest: Hashable, Sendable {
    public var lines: [QuoteRequest.Line]
    public var discountCodes: [String]
    /// What becomes of codes that may not stand together.
    public var combine: QuoteRequest.Combination
    public var currency: Currency
    public var taxRegion: String
    public var paymentMethod: PaymentMethod
    /// What the customer was shown; if the quote's total differs, the order is rejected with `price_changed`.
    public var expectedTotal: Money?
}

extension OrderRequest: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        let quote = QuoteRequest(fields)
        lines = quote.lines
        discountCodes = quote.discountCodes
        combine = quote.combine
        currency = quote.currency
        taxRegion = quote.taxRegion
        paymentMethod = fields.choice("paymentMethod")
        expectedTotal = fields.optionalMoney("expectedTotal")
        if let expectedTotal, expectedTotal.currency != currency {
            fields.report("expectedTotal", "must be in the order's currency")
        }
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("lines", lines)
            if !discountCodes.isEmpty { $0.field("discountCodes", discountCodes) }
            if combine != .all { $0.field("combine", combine.rawValue) }
            $0.field("currency", currency)
            $0.field("taxRegion", taxRegion)
            $0.field("paymentMethod", paymentMethod.rawValue)
            $0.field("expectedTotal", expectedTotal)
        }
    }

    var quoteRequest: QuoteRequest {
        QuoteRequest(lines: lines, discountCodes: discountCodes, combine: combine, currency: currency, taxRegion: taxRegion)
    }
}

/// An order as its owner sees it.
public struct Order: Sendable {
    public enum Status: String, Sendable, CaseIterable {
        case pending, confirmed, rejected, cancelling, cancelled
        case needsAttention = "needs_attention"
    }

    public let id: Identifier
    public let subject: String
    public let status: Status
    public let request: OrderRequest
    /// What its saga has found out so far.
    public let outcome: OrderOutcome?
    /// Why it was rejected.
    public let rejection: Problem?
    public let version: Int64
    public let createdAt: Timestamp
    public let updatedAt: Timestamp
}

extension Order: JSONWritable {
    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("id", id)
            $0.field("status", status.rawValue)
            if let rejection {
                $0.field(
                    "rejection",
                    object: {
                        $0.field("code", rejection.code)
                        $0.field("detail", rejection.detail)
                        if !rejection.errors.isEmpty { $0.field("errors", rejection.errors) }
                        for member in rejection.extra { $0.field(member.name, member.value) }
                    })
            }
            $0.field("lines", request.lines)
            if !request.discountCodes.isEmpty { $0.field("discountCodes", request.discountCodes) }
            if request.combine != .all { $0.field("combine", request.combine.rawValue) }
            $0.field("currency", request.currency)
            $0.field("taxRegion", request.taxRegion)
            $0.field("paymentMethod", request.paymentMethod.rawValue)
            $0.field("total", outcome?.total)
            $0.field("quoteId", outcome?.quoteID)
            $0.field("reservationId", outcome?.reservationID)
            $0.field("paymentId", outcome?.paymentID)
            $0.field("createdAt", createdAt)
            $0.field("updatedAt", updatedAt)
        }
    }
}

/// The remote resources of an order: their ids are chosen and stored before any call is made.
public struct OrderOutcome: Hashable, Sendable, JSONReadable, JSONWritable {
    public var quoteID: Identifier?
    public var total: Money?
    public var reservationID: Identifier
    public var paymentID: Identifier
    /// Who orders, for codes that are limited per shopper; nil in orders of before that was kept.
    public var shopper: String?

    init(reservationID: Identifier, paymentID: Identifier, shopper: String? = nil) {
        self.shopper = shopper
        self.reservationID = reservationID
        self.paymentID = paymentID
    }

    public init(_ fields: Fields) {
        quoteID = fields.optionalIdentifier("quoteId")
        total = fields.optionalObject("total", Money.init)
        reservationID = fields.identifier("reservationId")
        paymentID = fields.identifier("paymentId")
        shopper = fields.optionalString("shopper")
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("quoteId", quoteID)
            $0.field("total", total)
            $0.field("reservationId", reservationID)
            $0.field("paymentId", paymentID)
            $0.field("shopper", shopper)
        }
    }
}
