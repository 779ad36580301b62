/// What became of a call, or of a value.
public enum CacheEvent: String, Hashable, Sendable, CaseIterable {
    /// Answered from memory.
    case hit
    /// Answered from memory: there is none.
    case negativeHit = "negative_hit"
    /// A load was answered by the remote tier.
    case remoteHit = "remote_hit"
    /// The source was read.
    case load
    case loadFailure = "load_failure"
    /// A stale value was given out, because the source failed or was slow.
    case stale
    /// A load was begun before the value ended.
    case refresh
    /// What was loaded was not kept: something newer was known by then.
    case outdated
    case invalidation
    /// The remote tier did not do what it was asked; the cache went on without it.
    case remoteFailure = "remote_failure"
}

/// Told what caches do, for metrics. Called on the path of each call: it must be quick and must not block.
public protocol CacheObserver: Sendable {
    func count(_ event: CacheEvent, of cache: String)
    /// How long ago the value that is given out ceased to be fresh.
    func staleness(_ age: Duration, of cache: String)
    func evicted(_ entries: Int, of cache: String)
}

/// Does nothing.
public struct SilentCacheObserver: CacheObserver {
    public init() {}
    public func count(_ event: CacheEvent, of cache: String) {}
    public func staleness(_ age: Duration, of cache: String) {}
    public func evicted(_ entries: Int, of cache: String) {}
}
