import Basics
public import HTTPPath

extension Totals: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            subtotal: fields.money("subtotal"), discount: fields.money("discount"), net: fields.money("net"), tax: fields.money("tax"),
            total: fields.money("total")
        )
    }

    public func write(to json: inout JSONWriter) { json.object { writeFields(to: &$0) } }

    func writeFields(to json: inout JSONWriter) {
        json.field("subtotal", subtotal)
        json.field("discount", discount)
        json.field("net", net)
        json.field("tax", tax)
        json.field("total", total)
    }
}

extension AppliedDiscount: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(code: fields.string("code"), kind: fields.choice("kind"), amount: fields.money("amount"))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("code", code)
            $0.field("kind", kind.rawValue)
            $0.field("amount", amount)
        }
    }
}

extension BreakdownLine: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            productID: fields.identifier("productId"), sku: fields.string("sku"),
            quantity: fields.integer("quantity", 1...QuoteRequest.largestQuantity),
            unitPrice: fields.money("unitPrice"), discounts: fields.list("discounts", 0...QuoteRequest.mostCodes, AppliedDiscount.init),
            amounts: Totals(fields)
        )
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("productId", productID)
            $0.field("sku", sku)
            $0.field("quantity", quantity)
            $0.field("unitPrice", unitPrice)
            $0.field("discounts", discounts)
            amounts.writeFields(to: &$0)
        }
    }
}

extension Breakdown: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            currency: fields.currency("currency"), taxRegion: fields.taxRegion("taxRegion"),
            taxRule: fields.object("taxRule", TaxRule.init) ?? TaxRule(region: "NONE", rate: .zero, mode: .exclusive),
            discountCodes: fields.strings("discountCodes", 0...QuoteRequest.mostCodes),
            lines: fields.list("lines", 1...QuoteRequest.mostLines, BreakdownLine.init), totals: fields.object("totals", Totals.init) ?? .zero(.usd)
        )
    }

    public func write(to json: inout JSONWriter) { json.object { writeFields(to: &$0) } }

    func writeFields(to json: inout JSONWriter) {
        json.field("currency", currency)
        json.field("taxRegion", taxRegion)
        json.field("taxRule", taxRule)
        json.field("discountCodes", discountCodes)
        json.field("lines", lines)
        json.field("totals", totals)
    }
}

extension Quote: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            id: fields.identifier("id"), createdAt: fields.timestamp("createdAt"), validUntil: fields.timestamp("validUntil"),
            breakdown: Breakdown(fields), signature: fields.string("signature")
        )
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("id", id)
            $0.field("createdAt", createdAt)
            $0.field("validUntil", validUntil)
            breakdown.writeFields(to: &$0)
            $0.field("signature", signature)
        }
    }
}
