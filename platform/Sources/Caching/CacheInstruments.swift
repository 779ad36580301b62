internal import Basics
internal import CoreMetrics
internal import Metrics
internal import Redis
internal import Resilience
internal import Synchronization
internal import Telemetry

/// Counts what a cache does, for ``Cache/statistics`` and for metrics alike.
final class CacheInstruments: Sendable {
    enum Outcome: String, CaseIterable { case memory, remote, source, stale, failed }

    /// Counted here and, where it is a metric, there.
    final class Count: Sendable {
        private let number = Atomic<Int>(0)
        private let metric: Counter?

        init(_ metric: Counter?) { self.metric = metric }

        var value: Int { number.load(ordering: .relaxed) }

        /// Counts here only, where the metric has more to say.
        func note() { number.add(1, ordering: .relaxed) }

        func add(_ amount: Int = 1) {
            number.add(amount, ordering: .relaxed)
            metric?.increment(by: amount)
        }
    }

    private let name: String
    private let factory: any MetricsFactory
    private let memory, remote, source, stale, failed: Count
    let outdated, evictions, invalidations, invalidationsHeard: Count
    let refreshes = Count(nil)
    private let loads = Count(nil)
    private let loadFailures = Count(nil)
    private let remoteFailures: Count
    private let staleness: Metrics.Timer
    private let entries, bytes, owed, deaf, bound: Meter

    init(_ name: String, factory: any MetricsFactory) {
        self.name = name
        self.factory = factory
        func counter(_ definition: MetricDefinition, _ more: (String, String)...) -> Count {
            Count(Counter(label: definition.name, dimensions: [("cache.name", name)] + more, factory: factory))
        }
        func meter(_ definition: MetricDefinition) -> Meter { Meter(label: definition.name, dimensions: [("cache.name", name)], factory: factory) }
        memory = counter(.cacheRequests, ("cache.outcome", Outcome.memory.rawValue))
        remote = counter(.cacheRequests, ("cache.outcome", Outcome.remote.rawValue))
        source = counter(.cacheRequests, ("cache.outcome", Outcome.source.rawValue))
        stale = counter(.cacheRequests, ("cache.outcome", Outcome.stale.rawValue))
        failed = counter(.cacheRequests, ("cache.outcome", Outcome.failed.rawValue))
        outdated = counter(.cacheOutdated)
        evictions = counter(.cacheEvictions)
        invalidations = counter(.cacheInvalidations, ("cache.origin", "own"))
        invalidationsHeard = counter(.cacheInvalidations, ("cache.origin", "other"))
        staleness = Metrics.Timer(label: MetricDefinition.cacheStaleness.name, dimensions: [("cache.name", name)], factory: factory)
        entries = meter(.cacheEntries)
        bytes = meter(.cacheSize)
        owed = meter(.cacheInvalidationsOwed)
        deaf = meter(.cacheDeaf)
        bound = meter(.cacheStalenessBound)
        remoteFailures = counter(.cacheRemoteFailures)
        // Shown from the start: what has not happened yet is zero, and not unknown.
        for meter in [entries, bytes, owed] { meter.set(0) }
    }

    func answered(_ outcome: Outcome) {
        switch outcome {
        case .memory: memory.add()
        case .remote: remote.add()
        case .source: source.add()
        case .stale: stale.add()
        case .failed: failed.add()
        }
    }

    /// - Parameter age: since the value ceased to be fresh.
    func gaveStale(_ age: Duration) {
        stale.add()
        staleness.recordNanoseconds(max(0, age.microseconds) * 1000)
    }

    func loaded(in time: Duration, _ error: (any Error)?) {
        (error == nil ? loads : loadFailures).add()
        let failure = error.map { ($0 as? any SpanErrorDescribing)?.spanErrorType ?? "\(type(of: $0))" }
        Metrics.Timer(
            label: MetricDefinition.cacheLoadDuration.name, dimensions: [("cache.name", name)] + (failure.map { [("error.type", $0)] } ?? []),
            factory: factory
        ).recordNanoseconds(time.microseconds * 1000)
    }

    func remoteFailed(_ error: any Error) {
        remoteFailures.note()
        let type =
            switch error {
            case let error as RedisError: error.code.rawValue
            case is CircuitOpen: "circuitOpen"
            default: "\(type(of: error))"
            }
        Counter(label: MetricDefinition.cacheRemoteFailures.name, dimensions: [("cache.name", name), ("error.type", type)], factory: factory)
            .increment()
    }

    func holds(_ count: Int, bytes size: Int) {
        entries.set(count)
        bytes.set(size)
    }

    func bounds(staleness: Duration) { bound.set(staleness.inSeconds) }

    func owes(_ count: Int) { owed.set(count) }

    func hears(_ hears: Bool) { deaf.set(hears ? 0 : 1) }

    /// What is counted here.
    var statistics: CacheStatistics {
        var statistics = CacheStatistics()
        statistics.memory = memory.value
        statistics.remote = remote.value
        statistics.source = source.value
        statistics.stale = stale.value
        statistics.failed = failed.value
        statistics.loads = loads.value
        statistics.loadFailures = loadFailures.value
        statistics.refreshes = refreshes.value
        statistics.outdated = outdated.value
        statistics.evictions = evictions.value
        statistics.invalidations = invalidations.value
        statistics.invalidationsHeard = invalidationsHeard.value
        statistics.remoteFailures = remoteFailures.value
        return statistics
    }
}
