import Basics
import Caching
import Database
import HTTPPath
import PricingAPI
import Redis
import ServiceKit

/// List prices as they are read: from memory, from the Redis server that replicas share, or from the database. In a product's own currency;
/// a converted price is worked out from the tables of the moment.
///
/// What shapes a price is in its product's row, whose version grows with every change; so the version decides which of two prices is newer.
/// A price is kept no longer than it is in force. "There is no such product" is remembered for a moment; that a known product has no price
/// now is not, because one may begin at any time.
struct PriceCache: Sendable {
    private let cache: Cache<EncodedPrice>
    private let database: any Database
    private let sources: Sources
    private let isShared: Bool

    static let name = "prices"

    init(_ boot: Boot, _ database: any Database, _ redis: RedisClient?) throws {
        let settings = boot.settings
        var policy = CachePolicy()
        policy.lifetime = try settings(CacheSettings.lifetime)
        // Where replicas share a database and nothing else, what another one has changed is seen as soon as with Redis away.
        if redis == nil, database.dialect == .postgres { policy.lifetime = min(policy.lifetime, policy.deafLifetime) }
        // Without the database this answers 503, and the gateway the price it knows, with its age: an old price never looks like one of now.
        policy.staleFor = .zero
        policy.negativeLifetime = .seconds(1)
        policy.hardTimeout = .seconds(5)
        policy.leaseLifetime = .seconds(5)
        policy.remoteTimeout = try settings(CacheSettings.remoteTimeout)
        cache = Cache(
            name: Self.name, policy: policy, capacity: try settings(CacheSettings.memory), codec: EncodedPrice.codec,
            // What is written in another form than this is another cache.
            remote: redis.map { RemoteCache($0, name: "pricing.\(Self.name).1") }, loads: 10_000, sources: boot.sources)
        self.database = database
        sources = boot.sources
        isShared = redis != nil
    }

    /// Hears what other replicas change, where there is a way to.
    func start() { cache.listen() }

    func shutdown() async { await cache.shutdown() }

    // MARK: Reading

    /// - Throws: `price_not_found`.
    func price(of product: ProductReference) async throws -> EncodedPrice {
        do {
            let price = try await cache.value(for: product.description) { [database, sources] in
                guard let stored = try await Store(database).prices(of: [product], at: sources.now()).first else { return Loaded(nil, version: 0) }
                guard let loaded = try Self.loaded(stored) else { throw Prices.notFound }
                return loaded
            }
            guard let price else { throw Prices.notFound }
            return price
        } catch let error as CacheError {
            throw Problem(503, "overloaded", "\(error).", retryAfterSeconds: 1)
        }
    }

    /// In order; nil for those without a price.
    func prices(of products: [ProductReference]) async throws -> [EncodedPrice?] {
        let references = Dictionary(products.map { ($0.description, $0) }) { first, _ in first }
        let found = try await cache.values(for: products.map(\.description)) { [database, sources] missing in
            let missing = missing.compactMap { references[$0] }
            let stored = PriceIndex(try await Store(database).prices(of: missing, at: sources.now()))
            return try missing.reduce(into: [:]) { loaded, product in
                loaded[product.description] = try stored[product].flatMap { try Self.loaded($0) }
            }
        }
        return products.map { found[$0.description] }
    }

    /// Nil: it has no price now.
    private static func loaded(_ stored: StoredPrice) throws -> Loaded<EncodedPrice>? {
        guard let current = stored.current else { return nil }
        let price = EncodedPrice(try Prices.price(stored, current, in: nil, nil))
        return Loaded(price, version: stored.version, validUntil: price.price.validUntil)
    }

    // MARK: Changes

    /// After the commit of a change.
    @discardableResult
    func changed(_ product: Identifier, _ sku: String, version: Int64, evenIfCurrent: Bool = false) async -> Bool {
        var isTold = true
        for key in [ProductReference.id(product), .sku(sku)] {
            if await cache.invalidate(key.description, version: version, evenIfCurrent: evenIfCurrent) == false { isTold = false }
        }
        return isTold
    }

    /// Forgets what is known of these products, whatever their versions; those that are not known at all count too.
    /// - Returns: whether the other replicas were told.
    func forget(_ products: [ProductReference]) async throws -> Bool {
        let stored = PriceIndex(try await Store(database).prices(of: products, at: sources.now()))
        var isTold = true
        for product in products {
            let isOneTold =
                if let known = stored[product] {
                    await changed(known.productID, known.sku, version: known.version, evenIfCurrent: true)
                } else {
                    await cache.invalidate(product.description, version: 0, evenIfCurrent: true)
                }
            isTold = isTold && isOneTold
        }
        return isTold
    }

    func forgetAll() async -> Bool { await cache.invalidateAll() }

    var statistics: CacheStatistics { cache.statistics }

    /// Nil: there is nobody else whose changes could be missed.
    var stalenessBound: Duration? { isShared ? cache.stalenessBound : nil }

    var policy: CachePolicy { cache.policy }
}

/// What can be configured of the cache.
enum CacheSettings {
    static let memory = Setting<Int>.integer(
        "cache.memory.bytes", default: 16 << 20, in: (64 << 10)...(1 << 30), unit: "bytes",
        help: "Prices kept in this process' memory. One takes about a kilobyte, so this is the catalogue of a shop.")
    static let lifetime = Setting<Duration>.seconds(
        "cache.lifetime.seconds", default: 30, in: 0.1...3600,
        help:
            "A price is read again after so long, changed or not. Changes are heard at once; this bounds what could not be told. On PostgreSQL without Redis nothing is heard, and it is one second at most."
    )
    static let remoteTimeout = Setting<Duration>.seconds(
        "cache.remote.timeout.seconds", default: 0.05, in: 0.001...5,
        help: "How long Redis may take for a price; then the database is asked. More than a hundred times what it takes when it is well.")

    static let all = [SettingInfo(memory), SettingInfo(lifetime), SettingInfo(remoteTimeout)]
}
