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
        self.init(
            code: fields.string("code"), kind: fields.choice("kind"), amount: fields.money("amount"),
            reason: fields.optionalString("reason", 0...500) ?? "")
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("code", code)
            $0.field("kind", kind.rawValue)
            $0.field("amount", amount)
            if !reason.isEmpty { $0.field("reason", reason) }
        }
    }
}

extension UnusedCode: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(code: fields.string("code"), reason: fields.string("reason"), detail: fields.string("detail", 1...500))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("code", code)
            $0.field("reason", reason)
            $0.field("detail", detail)
        }
    }
}

extension ExchangeUsed: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        let rows = fields.list("rates", 0...ExchangeTable.mostRates, ExchangeRate.init)
        self.init(
            tableVersion: fields.integer("tableVersion", 1 ... .max), validFrom: fields.timestamp("validFrom"),
            rates: Dictionary(rows.map { ($0.currency, $0.rate) }, uniquingKeysWith: { $1 }))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("tableVersion", tableVersion)
            $0.field("validFrom", validFrom)
            $0.field("rates", ExchangeRate.rows(rates))
        }
    }
}

extension BreakdownLine: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            productID: fields.identifier("productId"), sku: fields.string("sku"),
            quantity: fields.integer("quantity", 1...QuoteRequest.largestQuantity),
            base: fields.optionalMoney("base"), adjustment: fields.optionalObject("adjustment", PriceAdjustment.init),
            unitPrice: fields.money("unitPrice"), discounts: fields.list("discounts", 0...QuoteRequest.mostCodes, AppliedDiscount.init),
            amounts: Totals(fields)
        )
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("productId", productID)
            $0.field("sku", sku)
            $0.field("quantity", quantity)
            $0.field("base", base)
            $0.field("adjustment", adjustment)
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
            discounts: fields.optionalList("discounts", 0...QuoteRequest.mostCodes, AppliedDiscount.init) ?? [],
            notUsed: fields.optionalList("notUsed", 0...QuoteRequest.mostCodes, UnusedCode.init) ?? [],
            exchange: fields.optionalObject("exchange", ExchangeUsed.init),
            lines: fields.list("lines", 1...QuoteRequest.mostLines, BreakdownLine.init), totals: fields.object("totals", Totals.init) ?? .zero(.usd)
        )
    }

    public func write(to json: inout JSONWriter) { json.object { writeFields(to: &$0) } }

    func writeFields(to json: inout JSONWriter) {
        json.field("currency", currency)
        json.field("taxRegion", taxRegion)
        json.field("taxRule", taxRule)
        json.field("discountCodes", discountCodes)
        json.field("discounts", discounts)
        if !notUsed.isEmpty { json.field("notUsed", notUsed) }
        json.field("exchange", exchange)
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
