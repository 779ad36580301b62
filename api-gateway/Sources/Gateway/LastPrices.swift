import Basics
import HTTPPath
import NIOCore
import PricingAPI
import Synchronization

/// The prices that were seen last, for the time in which pricing gives no answer. They are never shown beyond their own end, nor for long.
///
/// Two generations bound the memory: a price that is seen again moves to the younger one, and when that is full the older one goes.
final class LastPrices: Sendable {
    /// A price as pricing wrote it, and how old it is.
    struct Found {
        let bytes: ByteBuffer
        let age: Duration
    }

    private struct Key: Hashable {
        let product: String
        let currency: Currency?
    }

    private struct Entry {
        let bytes: ByteBuffer
        let seenAt: Timestamp
        let validUntil: Timestamp?
    }

    private let generations = Mutex<(young: [Key: Entry], old: [Key: Entry])>(([:], [:]))
    private let most: Int
    private let longest: Duration
    private let now: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - most: prices remembered; each takes some hundred bytes.
    ///   - longest: older ones are not shown. A quarter of an hour is as long as a quote is good for.
    init(most: Int = 20_000, longest: Duration = .seconds(900), now: @escaping @Sendable () -> Timestamp) {
        self.most = most
        self.longest = longest
        self.now = now
    }

    /// - Parameter price: the same price, read.
    func note(_ bytes: ByteBuffer, _ price: JSON, currency: Currency?) {
        guard let product = price["productId"]?.string else { return }
        let entry = Entry(bytes: bytes, seenAt: now(), validUntil: price["validUntil"]?.string.flatMap { Timestamp($0) })
        generations.withLock { generations in
            if generations.young.count >= most / 2 { generations = ([:], generations.young) }
            generations.young[Key(product: product, currency: currency)] = entry
        }
    }

    /// The last price of a product, by its id; nil where there is none that may still be shown.
    func find(_ product: String, currency: Currency?) -> Found? {
        let key = Key(product: product, currency: currency)
        guard let entry = generations.withLock({ $0.young[key] ?? $0.old[key] }) else { return nil }
        let now = now()
        let age = now - entry.seenAt
        guard age <= longest, entry.validUntil.map({ now < $0 }) ?? true else { return nil }
        return Found(bytes: entry.bytes, age: age)
    }
}
