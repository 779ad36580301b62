import Basics
public import HTTPPath

/// What a customer wants a price for.
public struct QuoteRequest: Hashable, Sendable {
    public struct Line: Hashable, Sendable {
        public var product: ProductReference
        /// 1 … 1,000,000.
        public var quantity: Int64

        public init(product: ProductReference, quantity: Int64) {
            self.product = product
            self.quantity = quantity
        }
    }

    /// 1 … 100; each product in at most one of them.
    public var lines: [Line]
    /// At most 10, in any order; normalised to capitals.
    public var discountCodes: [String]
    public var currency: Currency
    public var taxRegion: String

    public static let mostLines = 100
    public static let mostCodes = 10
    public static let largestQuantity: Int64 = 1_000_000

    public init(lines: [Line], discountCodes: [String] = [], currency: Currency, taxRegion: String) {
        self.lines = lines
        self.discountCodes = discountCodes
        self.currency = currency
        self.taxRegion = taxRegion
    }
}

extension QuoteRequest: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            lines: fields.list("lines", 1...Self.mostLines, Line.init), discountCodes: fields.discountCodes(), currency: fields.currency("currency"),
            taxRegion: fields.taxRegion("taxRegion")
        )
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("lines", lines)
            if !discountCodes.isEmpty { $0.field("discountCodes", discountCodes) }
            $0.field("currency", currency)
            $0.field("taxRegion", taxRegion)
        }
    }
}

extension QuoteRequest.Line: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(product: fields.product("productId"), quantity: fields.integer("quantity", 1...QuoteRequest.largestQuantity))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("productId", product.description)
            $0.field("quantity", quantity)
        }
    }
}

extension Fields {
    /// The optional `discountCodes`, each normalised.
    public func discountCodes() -> [String] {
        optionalParsedList("discountCodes", 0...QuoteRequest.mostCodes, expected: DiscountRule.codeExpected, DiscountRule.normalised) ?? []
    }
}
