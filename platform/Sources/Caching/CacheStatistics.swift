/// What a cache has done since it was made, and what it holds.
public struct CacheStatistics: Hashable, Sendable {
    // Where answers came from: each call counts once.

    /// This process' memory, "there is none" included.
    public var memory = 0
    /// The shared tier.
    public var remote = 0
    /// The source; callers that shared one load each count.
    public var source = 0
    /// An old value, because the source failed or was slow.
    public var stale = 0
    /// Nowhere: the call threw.
    public var failed = 0

    /// How often the source was read, and how often that failed.
    public var loads = 0
    public var loadFailures = 0
    /// Loads that were begun before the value ended.
    public var refreshes = 0
    /// Loaded values that were not kept, because something newer was known by then.
    public var outdated = 0
    /// Entries that had to go for others.
    public var evictions = 0
    /// Invalidations by this process, and those it heard of.
    public var invalidations = 0
    public var invalidationsHeard = 0
    /// Invalidations that others do not know of yet.
    public var invalidationsOwed = 0
    /// Calls of the shared tier that failed, or were kept from it by the breaker; the cache went on without.
    public var remoteFailures = 0

    public var entries = 0
    public var bytes = 0
    public var capacityBytes = 0
    /// Whether invalidations by other processes are heard now; true where there is no shared tier.
    public var hears = true
}
