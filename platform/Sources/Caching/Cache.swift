public import Basics
public import CoreMetrics
internal import NIOCore
internal import Redis
internal import Resilience
internal import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

func naturalLogarithm(_ value: Double) -> Double { log(value) }

/// Values by key in two tiers: this process' memory, and a server that processes share; the second may be missing.
///
/// - One load of a key at a time in a process, shared by all who ask meanwhile; across processes one for each lease.
/// - A value is loaded anew a little before it ends, by one of those who ask for it; the others do not wait.
/// - Where the source fails or is slow, a stale value is given out; where the remote tier does, the cache goes on without it.
/// - Versions keep an old value from taking a new one's place: see ``Loaded/version`` and ``invalidate(_:version:)``.
///
/// **How stale a value can be** that was changed, and for which ``invalidate(_:version:)`` was called after the commit, while its source
/// answers:
///
/// - in the process that changed it: not at all;
/// - in the others, while they hear the remote tier: the time that its message takes;
/// - with their connection to it lost, the tier lost or started anew, or everything silently cut: ``stalenessBound``;
/// - where only the process that changed it is cut off from the tier: until it is back, and ``CachePolicy/lifetime`` at most.
public final class Cache<Value: Sendable>: Sendable {
    public let name: String
    public let policy: CachePolicy
    let codec: CacheCodec<Value>
    let remote: RemoteCache?
    let sources: Sources
    let chance: @Sendable () -> Double
    let flights: Flights<Fetched>
    let local: Mutex<BoundedStore<Held>>
    let hearing: Hearing
    let record = InvalidationRecord()
    let instruments: CacheInstruments
    let mutations: CacheMutations
    private let listener = Mutex<RedisListener?>(nil)

    /// An entry in memory.
    struct Held: Sendable {
        var entry: CacheEntry<Value>
        /// In which its load began: see ``Hearing``.
        var epoch: UInt64
        /// Until then it is believed whatever was heard.
        var believedUntil: Timestamp
    }

    struct Fetched: Sendable {
        var entry: CacheEntry<Value>
        var outcome: CacheInstruments.Outcome
    }

    /// - Parameters:
    ///   - name: for metrics; of a bounded set.
    ///   - capacity: bytes of this process' memory.
    ///   - remote: nil: this process alone, whose own invalidations are all there are.
    ///   - loads: loads at the same time; a caller beyond is refused.
    ///   - chance: a random number from 0 to 1.
    ///   - metrics: where metrics go; nil: the process' own.
    public convenience init(
        name: String, policy: CachePolicy = CachePolicy(), capacity: Int, codec: CacheCodec<Value>, remote: RemoteCache? = nil, loads: Int = 1000,
        sources: Sources = .system, chance: @escaping @Sendable () -> Double = { Double.random(in: 0...1) },
        metrics: (any MetricsFactory)? = nil
    ) {
        self.init(
            name: name, policy: policy, capacity: capacity, codec: codec, remote: remote, loads: loads, sources: sources, chance: chance,
            metrics: metrics, mutations: [])
    }

    package init(
        name: String, policy: CachePolicy, capacity: Int, codec: CacheCodec<Value>, remote: RemoteCache?, loads: Int = 1000,
        sources: Sources = .system, chance: @escaping @Sendable () -> Double = { Double.random(in: 0...1) },
        metrics: (any MetricsFactory)? = nil, mutations: CacheMutations
    ) {
        policy.check()
        self.name = name
        self.policy = policy
        self.codec = codec
        self.remote = remote
        self.sources = sources
        self.chance = chance
        self.mutations = mutations
        flights = Flights(limit: loads, mutations: mutations)
        local = Mutex(BoundedStore(capacity: capacity))
        hearing = Hearing(isAlone: remote == nil, mutations: mutations)
        instruments = CacheInstruments(name, factory: metrics ?? MetricsSystem.factory)
        instruments.hears(hearing.hears)
        instruments.bounds(staleness: stalenessBound)
    }

    /// The longest for which a value that was changed is given out, whatever becomes of the connections to the remote tier; see above for
    /// what it does not cover. It is made of the time in which a silent connection is noticed, and of ``CachePolicy/deafLifetime``, with a
    /// half of the former to spare.
    public var stalenessBound: Duration {
        guard let remote else { return .zero }
        return remote.client.options.silence * 2 + policy.deafLifetime + policy.remoteTimeout
    }

    /// Listens to what other processes invalidate, until ``shutdown()``. Without it, or before it has connected, the process is deaf: see
    /// ``CachePolicy/deafLifetime``. To be called once.
    public func listen() {
        guard let remote else { return }
        let prefix = remote.tombstones
        let started = remote.client.invalidations(prefixes: [prefix]) { [weak self] event in
            guard let self else { return }
            switch event {
            case .connected: if hearing.begin(at: sources.now()) { turned() }
            case .lost: if hearing.lose(at: sources.now()) { turned() }
            case .invalidated(let keys):
                for key in keys {
                    let key = String(buffer: key)
                    guard key.hasPrefix(prefix) else { continue }
                    instruments.invalidationsHeard.add()
                    if key == remote.everything {
                        forgetAll()
                        continue
                    }
                    forget(String(key.dropFirst(prefix.count)))
                }
            case .invalidatedAll: forgetAll()
            case .message: break
            }
        }
        listener.withLock { $0 = started }
    }

    /// What was changed while nobody listened is not known: nobody joins a load that is under way.
    private func turned() {
        instruments.hears(hearing.hears)
        flights.invalidate(nil)
    }

    /// Ends listening, and gives up what could not be sent.
    public func shutdown() async {
        record.close()
        let started = listener.withLock { listener in
            defer { listener = nil }
            return listener
        }
        await started?.shutdown()
    }

    public var statistics: CacheStatistics {
        var statistics = instruments.statistics
        (statistics.entries, statistics.bytes, statistics.capacityBytes) = local.withLock { ($0.count, $0.bytes, $0.capacity) }
        statistics.invalidationsOwed = record.owed
        statistics.hears = hearing.hears
        return statistics
    }

    // MARK: Reading

    /// The value of `key`: from memory, from the remote tier, or by `load`.
    ///
    /// `load` runs in a task of its own, under ``CachePolicy/hardTimeout`` and no other deadline. What it read must be at least as new as the
    /// moment it began.
    ///
    /// - Returns: nil: there is none.
    /// - Throws: what `load` throws, if there is nothing stale to give out; `DeadlineExceeded`, `CancellationError`, ``CacheError``.
    public func value(for key: String, load: @escaping @Sendable () async throws -> Loaded<Value>) async throws -> Value? {
        let now = sources.now()
        let held = local.withLock { $0.value(for: key) }
        if let held, hearing.believes(held.epoch) || now < held.believedUntil {
            let entry = held.entry
            if entry.isFresh(now) {
                instruments.answered(.memory)
                if entry.wantsRefresh(now, eagerness: policy.eagerness, chance: chance) {
                    instruments.refreshes.add()
                    flights.refresh(key) { [self] in try await fetch(key, $0, load) }
                }
                return entry.value
            }
            if entry.isUsable(now) { return try await fresher(than: entry, key, load) }
        }
        do {
            let fetched = try await flights.value(for: key, until: Deadline.current) { [self] in try await fetch(key, $0, load) }
            instruments.answered(fetched.outcome)
            return fetched.entry.value
        } catch {
            // What nobody has vouched for lately is still better than nothing.
            if let old = held?.entry, old.value != nil, old.isUsable(sources.now()), !Task.isCancelled { return stale(old) }
            instruments.answered(.failed)
            throw error
        }
    }

    /// A fresh value if one is to be had soon, else the stale one.
    private func fresher(
        than old: CacheEntry<Value>, _ key: String, _ load: @escaping @Sendable () async throws -> Loaded<Value>
    ) async throws -> Value? {
        let patience = Deadline.after(policy.softTimeout)
        // For nobody: whoever loses patience must not end it for the next one.
        flights.refresh(key) { [self] in try await fetch(key, $0, load) }
        do {
            let fetched = try await flights.value(for: key, until: Deadline.current.map { min($0, patience) } ?? patience) { [self] in
                try await fetch(key, $0, load)
            }
            instruments.answered(fetched.outcome)
            return fetched.entry.value
        } catch {
            if Task.isCancelled {
                instruments.answered(.failed)
                throw CancellationError()
            }
            return stale(old)
        }
    }

    private func stale(_ entry: CacheEntry<Value>) -> Value? {
        instruments.gaveStale(sources.now() - entry.freshUntil)
        return entry.value
    }

    // MARK: Invalidation

    /// To be called after the commit of a change, with the row's new version (of a deletion: one more than the last).
    ///
    /// What cannot be sent now is sent again and again until it can.
    /// - Parameter evenIfCurrent: whether a value of that very version is to go too, as an operator wants it who does not trust it.
    /// - Returns: whether the other processes were told: without a remote tier always.
    @discardableResult
    public func invalidate(_ key: String, version: Int64, evenIfCurrent: Bool = false) async -> Bool {
        instruments.invalidations.add()
        guard let remote else {
            forget(key)
            return true
        }
        let now = sources.now()
        record.raise(key, to: version, until: now + policy.tombstoneLifetime, now: now)
        forget(key)
        let (time, limit) = (policy.tombstoneLifetime, policy.remoteTimeout)
        let send: @Sendable (String, Int64) async throws -> Void = { key, version in
            try await Self.limited(limit) { try await remote.invalidate(key, version: version, for: time, evenIfCurrent) }
        }
        do {
            try await send(key, version)
            return true
        } catch {
            instruments.remoteFailed(error)
            guard !mutations.contains(.debts) else { return false }
            _ = record.owe(key, version: version) { [instruments, record] key, version in
                try await send(key, version)
                instruments.owes(record.owed - 1)
            }
            instruments.owes(record.owed)
            return false
        }
    }

    /// Forgets all that this process' memory holds, and has the other processes do so too, as far as they hear it.
    ///
    /// - Returns: whether the remote tier could be emptied; its values end with their lifetimes if not.
    @discardableResult
    public func invalidateAll() async -> Bool {
        instruments.invalidations.add()
        forgetAll()
        guard let remote else { return true }
        do {
            try await remote.clear()
            return true
        } catch {
            instruments.remoteFailed(error)
            return false
        }
    }

    private func forgetAll() {
        hearing.forget(at: sources.now())
        flights.invalidate(nil)
        local.withLock { $0.removeAll() }
        instruments.holds(0, bytes: 0)
    }

    private func forget(_ key: String) {
        flights.invalidate(key)
        let (count, bytes) = local.withLock { local in
            local.remove(key)
            return (local.count, local.bytes)
        }
        instruments.holds(count, bytes: bytes)
    }

    // MARK: For tests

    /// Closes the connection that hears, as a network could.
    package func goDeaf() async {
        let started = listener.withLock { listener in
            defer { listener = nil }
            return listener
        }
        await started?.shutdown()
        if hearing.lose(at: sources.now()) { turned() }
    }

    /// Has memory forget a value as an eviction would.
    package func evict(_ key: String) { _ = local.withLock { $0.remove(key) } }

    static func limited<T: Sendable>(_ time: Duration, _ body: @escaping @Sendable () async throws -> T) async throws -> T {
        try await Deadline.none { try await Deadline.with(.after(time)) { try await body() } }
    }
}
