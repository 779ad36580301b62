import Basics
import Caching
import HTTPPath
import NIOCore
import PricingAPI

/// A price in its own currency, as it is kept: already as the answer that it will be.
struct EncodedPrice: Sendable {
    let price: Price
    let body: ByteBuffer

    init(_ price: Price) {
        self.price = price
        body = JSONWriter.bytes(price)
    }

    /// Nil for bytes that are no price of this release.
    private init?(_ body: ByteBuffer) {
        guard let price = try? Problem.reading(body, Price.init) else { return nil }
        self.price = price
        self.body = body
    }

    static let codec = CacheCodec<EncodedPrice>(
        encode: { $1.writeImmutableBuffer($0.body) }, decode: { EncodedPrice($0) },
        // The price itself takes about as much as its text.
        cost: { $0.body.readableBytes * 2 + 200 })
}
