public import Basics

/// How long a cache keeps what, and how long its callers wait.
public struct CachePolicy: Hashable, Sendable {
    /// How long a value is given out without a look at its source.
    public var lifetime = Duration.seconds(60)
    /// How long after that it is still given out where the source fails or is slow.
    public var staleFor = Duration.seconds(300)
    /// How long "there is none" is believed.
    public var negativeLifetime = Duration.seconds(5)
    /// Lifetimes are shortened by a random part of themselves, at most this, so that what was loaded together does not end together. 0 to 1.
    public var jitter = 0.1
    /// A caller who could have a stale value waits so long for a fresh one.
    public var softTimeout = Duration.milliseconds(50)
    /// A load takes no longer.
    public var hardTimeout = Duration.seconds(2)
    /// How eagerly a value is loaded anew before it ends: 0 never, 1 so that a load begins, on the average, one load time before.
    ///
    /// Source: A. Vattani, F. Chierichetti, K. Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", 2015 (XFetch).
    public var eagerness = 1.0
    /// How long one process may take for a load that the others wait for.
    public var leaseLifetime = Duration.seconds(3)
    /// How long an invalidation forbids older values: longer than the longest load.
    public var tombstoneLifetime = Duration.seconds(30)
    /// While invalidations of other processes are not heard, what this process loads itself is believed for so long at most.
    public var deafLifetime = Duration.seconds(1)
    /// Calls of the remote tier take no longer.
    public var remoteTimeout = Duration.milliseconds(50)

    public init() {}

    /// - Precondition: what the properties' comments ask for.
    func check() {
        precondition(lifetime > .zero && staleFor >= .zero && negativeLifetime >= .zero && hardTimeout > .zero, "a cache's lifetimes are positive")
        precondition((0...1).contains(jitter) && eagerness >= 0, "a cache's jitter is from 0 to 1, its eagerness not negative")
        precondition(tombstoneLifetime > hardTimeout, "an invalidation must outlive the longest load")
    }
}

/// What a load found.
public struct Loaded<Value: Sendable>: Sendable {
    /// Nil: there is none, which is remembered for ``CachePolicy/negativeLifetime``.
    public var value: Value?
    /// Of the row that it was read from: grows with each change, not negative. Older never replaces newer. 0 where there is none.
    public var version: Int64
    /// The value is not given out after this, fresh or stale.
    public var validUntil: Timestamp?

    public init(_ value: Value?, version: Int64, validUntil: Timestamp? = nil) {
        precondition(version >= 0, "a version is not negative")
        self.value = value
        self.version = version
        self.validUntil = validUntil
    }
}

/// A value as a cache keeps it.
struct CacheEntry<Value: Sendable>: Sendable {
    var value: Value?
    var version: Int64
    /// Until then it is given out as it is.
    var freshUntil: Timestamp
    /// Until then it is better than nothing.
    var usableUntil: Timestamp
    /// How long it took to load.
    var loadTime: Duration
    /// When its load began: it may be as old as that.
    var loadedAt: Timestamp

    /// - Parameters:
    ///   - now: when the load began.
    ///   - chance: from 0 to 1.
    init(_ loaded: Loaded<Value>, policy: CachePolicy, now: Timestamp, loadTime: Duration, chance: Double) {
        value = loaded.value
        version = loaded.version
        self.loadTime = loadTime
        loadedAt = now
        let lifetime = (loaded.value == nil ? policy.negativeLifetime : policy.lifetime) * (1 - policy.jitter * chance)
        freshUntil = now + lifetime
        // That there is none is never better than nothing: the source could say otherwise.
        usableUntil = loaded.value == nil ? freshUntil : freshUntil + policy.staleFor
        if let validUntil = loaded.validUntil {
            freshUntil = min(freshUntil, validUntil)
            usableUntil = min(usableUntil, validUntil)
        }
    }

    init(value: Value?, version: Int64, loadedAt: Timestamp, freshUntil: Timestamp, usableUntil: Timestamp, loadTime: Duration) {
        self.value = value
        self.version = version
        self.freshUntil = freshUntil
        self.usableUntil = usableUntil
        self.loadTime = loadTime
        self.loadedAt = loadedAt
    }

    func isFresh(_ now: Timestamp) -> Bool { now < freshUntil }
    func isUsable(_ now: Timestamp) -> Bool { now < usableUntil }

    /// Whether this caller should have it loaded anew though it is still fresh: the likelier the nearer its end, measured in load times.
    /// - Parameter chance: from 0 to 1.
    func wantsRefresh(_ now: Timestamp, eagerness: Double, chance: () -> Double) -> Bool {
        // No chance is as small as e to the power of -45, so of most values no chance need be drawn.
        guard eagerness > 0, now + loadTime * (eagerness * 45) >= freshUntil else { return false }
        return now + loadTime * (eagerness * -naturalLogarithm(max(chance(), .ulpOfOne / 4))) >= freshUntil
    }
}
