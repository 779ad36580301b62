import Basics
public import HTTPPath

// The forms on the wire of the small types: what they look like as JSON, and how a body's fields become them.

extension Currency: JSONWritable {
    public func write(to json: inout JSONWriter) { json.value(code) }
}

extension Money: JSONReadable, JSONWritable {
    public init(_ fields: Fields) { self.init(fields, within: -Money.largestAmountMinor...Money.largestAmountMinor) }

    init(_ fields: Fields, within range: ClosedRange<Int64>) {
        self.init(amountMinor: fields.integer("amountMinor", range), currency: fields.currency("currency"))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("amountMinor", amountMinor)
            $0.field("currency", currency)
        }
    }
}

extension Rate: JSONReadable, JSONWritable {
    public init(_ fields: Fields) { self.init(fields, least: 0) }

    init(_ fields: Fields, least: Int64) {
        let value = fields.integer("value", least...Rate.largestValue)
        let scale = fields.integer("scale", 0...Int64(Rate.largestScale))
        self = Rate(value: value, scale: Int(scale)) ?? .zero
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("value", value)
            $0.field("scale", scale)
        }
    }
}

extension TaxRule: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(region: fields.taxRegion("region"), rate: fields.share("rate"), mode: fields.choice("mode"))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("region", region)
            $0.field("rate", rate)
            $0.field("mode", mode.rawValue)
        }
    }
}

extension Redemption: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            quoteID: fields.identifier("quoteId"), orderID: fields.identifier("orderId"), state: fields.choice("state"),
            codes: fields.strings("codes", 0...QuoteRequest.mostCodes), redeemedAt: fields.optionalTimestamp("redeemedAt"),
            undoneAt: fields.optionalTimestamp("undoneAt")
        )
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("quoteId", quoteID)
            $0.field("orderId", orderID)
            $0.field("state", state.rawValue)
            $0.field("codes", codes)
            $0.field("redeemedAt", redeemedAt)
            $0.field("undoneAt", undoneAt)
        }
    }
}

extension Fields {
    /// An amount in minor units within `range`.
    public func money(_ name: String, _ range: ClosedRange<Int64> = 0...Money.largestAmountMinor) -> Money {
        object(name) { Money($0, within: range) } ?? .zero(.usd)
    }

    public func optionalMoney(_ name: String, _ range: ClosedRange<Int64> = 0...Money.largestAmountMinor) -> Money? {
        optionalObject(name) { Money($0, within: range) }
    }

    public func currency(_ name: String) -> Currency { parsed(name, expected: Self.currencyExpected, Currency.init) ?? .usd }

    public func optionalCurrency(_ name: String) -> Currency? { optionalParsed(name, expected: Self.currencyExpected, Currency.init) }

    private static let currencyExpected = "a currency of ISO 4217 in capitals, such as USD"

    public func taxRegion(_ name: String) -> String { parsed(name, expected: Self.regionExpected, Self.region) ?? "NONE" }

    public func optionalTaxRegion(_ name: String) -> String? { optionalParsed(name, expected: Self.regionExpected, Self.region) }

    private static let regionExpected = "a country such as DE, a region such as US-CA, or NONE"

    private static func region(_ text: String) -> String? { TaxRule.isRegion(text) ? text : nil }

    /// A product by id or SKU.
    public func product(_ name: String) -> ProductReference {
        parsed(name, expected: Self.productExpected, ProductReference.init) ?? .sku("")
    }

    public func products(_ name: String, _ count: ClosedRange<Int>) -> [ProductReference] {
        parsedList(name, count, expected: Self.productExpected, ProductReference.init)
    }

    func optionalProducts(_ name: String, _ count: ClosedRange<Int>) -> [ProductReference]? {
        optionalParsedList(name, count, expected: Self.productExpected, ProductReference.init)
    }

    private static let productExpected = "a product id (UUID) or SKU"

    /// A rate between 0 and 1.
    public func share(_ name: String, aboveZero: Bool = false) -> Rate {
        object(name) { fields in
            let value = fields.integer("value", (aboveZero ? 1 : 0)...Rate.largestShareValue)
            let scale = fields.integer("scale", 0...Int64(Rate.largestShareScale))
            guard let rate = Rate(value: value, scale: Int(scale)), rate.isShare else {
                fields.report(nil, "must be at most 1: value must not exceed 10 to the power of scale")
                return .zero
            }
            return rate
        } ?? .zero
    }
}
