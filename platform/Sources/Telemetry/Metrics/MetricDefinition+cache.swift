extension MetricDefinition {
    /// Of a service that has a cache.
    public static let cache: [MetricDefinition] = [
        cacheRequests, cacheLoadDuration, cacheStaleness, cacheStalenessBound, cacheEvictions, cacheOutdated, cacheInvalidations,
        cacheInvalidationsOwed, cacheRemoteFailures, cacheDeaf, cacheEntries, cacheSize,
    ]

    private static let cacheName = MetricAttribute.from("cache.name", "the caches of the service", most: 10)

    public static let cacheRequests = MetricDefinition(
        name: "cache.requests", unit: .count("request"), kind: .counter,
        description: "Values asked for, by where they came from: memory, the tier that replicas share, the source, an old value, or nowhere.",
        attributes: [cacheName, .oneOf("cache.outcome", "memory", "remote", "source", "stale", "failed")])
    public static let cacheLoadDuration = MetricDefinition(
        name: "cache.load.duration", unit: .seconds, kind: .histogram, description: "Time to read a value from its source.",
        attributes: [cacheName, .errorType("why the source gave none", most: 20)], buckets: databaseBuckets)
    public static let cacheStaleness = MetricDefinition(
        name: "cache.staleness", unit: .seconds, kind: .histogram,
        description: "Of values that were given out though they were no longer fresh: how long ago they ceased to be.",
        attributes: [cacheName], buckets: [0.1, 1, 5, 15, 30, 60, 120, 300, 600])
    public static let cacheStalenessBound = MetricDefinition(
        name: "cache.staleness.bound", unit: .seconds, kind: .gauge,
        description: "The longest for which a value that another replica has changed is given out, whatever becomes of the connections.",
        attributes: [cacheName])
    public static let cacheEvictions = MetricDefinition(
        name: "cache.evictions", unit: .count("entry"), kind: .counter, description: "Entries that had to go from memory for others.",
        attributes: [cacheName])
    public static let cacheOutdated = MetricDefinition(
        name: "cache.outdated", unit: .count("value"), kind: .counter,
        description: "Values that were read from the source and not kept, because something newer was known by then.", attributes: [cacheName])
    public static let cacheInvalidations = MetricDefinition(
        name: "cache.invalidations", unit: .count("invalidation"), kind: .counter,
        description: "Invalidations by this replica, and those it heard of.", attributes: [cacheName, .oneOf("cache.origin", "own", "other")])
    public static let cacheInvalidationsOwed = MetricDefinition(
        name: "cache.invalidations.owed", unit: .count("key"), kind: .gauge,
        description: "Keys that this replica has invalidated without being able to tell the others yet.", attributes: [cacheName])
    public static let cacheRemoteFailures = MetricDefinition(
        name: "cache.remote.failures", unit: .count("call"), kind: .counter,
        description: "Calls of the tier that replicas share that failed, or that the breaker refused; the cache went on without it.",
        attributes: [cacheName, .errorType("the code of a RedisError, or circuitOpen", most: 20)])
    public static let cacheDeaf = MetricDefinition(
        name: "cache.deaf", unit: .one, kind: .gauge,
        description: "1 while invalidations by other replicas are not heard, so that memory is believed for a moment only; else 0.",
        attributes: [cacheName])
    public static let cacheEntries = MetricDefinition(
        name: "cache.entries", unit: .count("entry"), kind: .gauge, description: "Entries in memory.", attributes: [cacheName])
    public static let cacheSize = MetricDefinition(
        name: "cache.size", unit: .bytes, kind: .gauge, description: "What the entries in memory take.", attributes: [cacheName])
}
