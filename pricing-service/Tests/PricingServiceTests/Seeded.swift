import Basics
import PricingAPI

@testable import PricingService

/// SplitMix64: the same seed, the same cases.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A number of `1 … most` whose length in bits is evenly spread: small ones and huge ones are both common.
    mutating func spread(to most: Int64) -> Int64 {
        let bits = Int64.random(in: 0..<Int64(64 - most.leadingZeroBitCount), using: &self)
        return min(most, Int64(1) << bits | Int64.random(in: 0..<(Int64(1) << bits), using: &self))
    }

    mutating func share() -> Rate {
        let scale = Int.random(in: 0...Rate.largestShareScale, using: &self)
        return Rate(value: Int64.random(in: 0...Int64(Decimal.powersOfTen[scale]), using: &self), scale: scale)!
    }
}

extension Identifier {
    /// A small number as an id.
    static func test(_ number: Int) -> Identifier { Identifier(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_0000 + UInt64(number)) }
}

extension ExchangeTable {
    static let test = ExchangeTable(
        version: 1, validFrom: Timestamp(microseconds: 0),
        rates: [
            .eur: Rate(value: 92, scale: 2)!, .gbp: Rate(value: 79, scale: 2)!, .jpy: Rate(value: 1497, scale: 1)!, .kwd: Rate(value: 307, scale: 3)!,
        ]
    )
}

extension TaxRule {
    static let untaxed = TaxRule(region: "NONE", rate: .zero, mode: .exclusive)
}

extension Order {
    /// Lines by unit price (minor units) and quantity.
    static func of(
        _ lines: [(price: Int64, quantity: Int64)], in currency: Currency = .usd, tax: TaxRule = .untaxed, codes: [DiscountRule] = []
    ) -> Order {
        Order(
            currency: currency, taxRegion: tax.region, tax: tax, exchange: .test,
            lines: lines.enumerated().map {
                Line(
                    productID: .test($0.offset + 1), sku: "SKU-\($0.offset + 1)", unitPrice: Money(amountMinor: $0.element.price, currency: currency),
                    quantity: $0.element.quantity
                )
            },
            codes: codes.enumerated().map { Code(rule: $0.element, pointer: "/discountCodes/\($0.offset)") }
        )
    }
}
