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

    /// What becomes of codes that may not stand together.
    public enum Combination: String, Sendable, CaseIterable {
        /// All of them are to be used; if they cannot be, the request is refused.
        case all
        /// The service uses those that leave the customer the least to pay, and says of the others why not.
        case best
    }

    /// 1 … 100; each product in at most one of them.
    public var lines: [Line]
    /// At most 10, or 6 to choose from; in any order; normalised to capitals.
    public var discountCodes: [String]
    public var combine: Combination
    public var currency: Currency
    public var taxRegion: String

    public static let mostLines = 100
    public static let mostCodes = 10
    /// Of so many codes there are 64 selections, and each is calculated.
    public static let mostCodesToChooseFrom = 6
    public static let largestQuantity: Int64 = 1_000_000

    public init(lines: [Line], discountCodes: [String] = [], combine: Combination = .all, currency: Currency, taxRegion: String) {
        self.lines = lines
        self.discountCodes = discountCodes
        self.combine = combine
        self.currency = currency
        self.taxRegion = taxRegion
    }
}

extension QuoteRequest: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            lines: fields.list("lines", 1...Self.mostLines, Line.init), discountCodes: fields.discountCodes(), combine: fields.combination(),
            currency: fields.currency("currency"), taxRegion: fields.taxRegion("taxRegion")
        )
        fields.checkChoice(of: discountCodes, combine)
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("lines", lines)
            if !discountCodes.isEmpty { $0.field("discountCodes", discountCodes) }
            if combine != .all { $0.field("combine", combine.rawValue) }
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

    /// The optional `combine`.
    public func combination() -> QuoteRequest.Combination { optionalChoice("combine") ?? .all }

    /// Reports more codes than can be chosen from.
    public func checkChoice(of codes: [String], _ combine: QuoteRequest.Combination) {
        guard combine == .best, codes.count > QuoteRequest.mostCodesToChooseFrom else { return }
        report("discountCodes", "must be at most \(QuoteRequest.mostCodesToChooseFrom), where the best of them are to be chosen")
    }
}
