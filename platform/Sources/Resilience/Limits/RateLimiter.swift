import Basics
import Synchronization

/// How much each key may ask.
public struct RateLimit: Hashable, Sendable {
    /// Requests that may come at once after a pause.
    public var burst: Int
    /// Requests a second in the long run.
    public var perSecond: Double

    /// - Precondition: both are positive.
    public init(burst: Int, perSecond: Double) {
        precondition(burst > 0 && perSecond > 0, "a rate limit lets something through")
        self.burst = burst
        self.perSecond = perSecond
    }

    /// The time that one request takes up.
    public var interval: Duration { .seconds(1) / perSecond }
}

/// What became of one request.
public struct RateDecision: Hashable, Sendable {
    public let isAllowed: Bool
    public let limit: RateLimit
    /// Requests that could follow at once.
    public let remaining: Int
    /// When one more is allowed: exactly then, and not a moment before. Zero if one is allowed now.
    public let retryAfter: Duration
    /// When all of the burst is there again.
    public let reset: Duration

    public init(isAllowed: Bool, limit: RateLimit, remaining: Int, retryAfter: Duration, reset: Duration) {
        self.isAllowed = isAllowed
        self.limit = limit
        self.remaining = remaining
        self.retryAfter = retryAfter
        self.reset = reset
    }
}

/// A limit on how often each key may ask: in this process, or shared by all replicas.
public protocol RateLimiting: Sendable {
    /// Takes one request of the key's, or refuses it; a refusal costs the key nothing.
    func take(_ key: String) async throws -> RateDecision
}

/// The generic cell rate algorithm, one instant for each key: when its last request will have been paid for.
///
/// Keys are kept in two generations. A key that asks moves to the younger one; after the time in which any debt is paid the older one is
/// dropped, which forgets nothing that counts. So memory is bounded by the keys that ask within that time, and by `mostKeys`: where more than
/// that ask, the generations change sooner, and those forgotten are the ones that did not ask again.
///
/// Source: ITU-T I.371.
public struct RateLimiterMachine<Key: Hashable & Sendable>: Sendable {
    public let limit: RateLimit
    public let mostKeys: Int
    private let interval: Duration
    private let tolerance: Duration
    private var young: [Key: ContinuousClock.Instant] = [:]
    private var old: [Key: ContinuousClock.Instant] = [:]
    private var turn: ContinuousClock.Instant?

    /// - Parameter mostKeys: keys remembered at once, at least 2; each takes some hundred bytes.
    public init(_ limit: RateLimit, mostKeys: Int = 100_000) {
        precondition(mostKeys >= 2, "a rate limiter remembers keys")
        self.limit = limit
        self.mostKeys = mostKeys
        interval = limit.interval
        tolerance = limit.interval * (limit.burst - 1)
    }

    public var keyCount: Int { young.count + old.count }

    public mutating func take(_ key: Key, at now: ContinuousClock.Instant) -> RateDecision {
        age(now)
        let known = young[key] ?? old.removeValue(forKey: key)
        let paid = max(known ?? now, now)
        guard paid - now <= tolerance else {
            young[key] = paid
            return RateDecision(isAllowed: false, limit: limit, remaining: 0, retryAfter: paid - now - tolerance, reset: paid - now)
        }
        let next = paid + interval
        young[key] = next
        let left = tolerance - (next - now)
        let remaining = left < .zero ? 0 : Int(left / interval) + 1
        return RateDecision(
            isAllowed: true, limit: limit, remaining: remaining, retryAfter: remaining > 0 ? .zero : next - now - tolerance, reset: next - now)
    }

    private mutating func age(_ now: ContinuousClock.Instant) {
        let lifetime = tolerance + interval
        guard let turn else {
            self.turn = now + lifetime
            return
        }
        guard now >= turn || young.count >= mostKeys / 2 else { return }
        // After two lifetimes the young ones have paid too.
        old = now >= turn + lifetime ? [:] : young
        young = [:]
        self.turn = now + lifetime
    }
}

/// A rate limiter that tasks share; for one process.
public final class LocalRateLimiter: RateLimiting {
    private let machine: Mutex<RateLimiterMachine<String>>
    private let now: @Sendable () -> ContinuousClock.Instant

    public init(_ limit: RateLimit, mostKeys: Int = 100_000, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        machine = Mutex(RateLimiterMachine(limit, mostKeys: mostKeys))
        self.now = now
    }

    public func take(_ key: String) -> RateDecision {
        let now = now()
        return machine.withLock { $0.take(key, at: now) }
    }
}
