public import Basics
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
/// **How stale a value can be** that was changed, and for which ``invalidate(_:version:)`` was called after the commit: not at all in the
/// process that changed it; in the others, while they are connected to the remote tier, the time its message takes; while the connection
/// is silently cut, until that is noticed (one and a half of `RedisOptions.silence`) and ``CachePolicy/deafLifetime`` more; and where the
/// invalidation itself could not be sent, ``CachePolicy/lifetime``.
public final class Cache<Value: Sendable>: Sendable {
    public let name: String
    public let policy: CachePolicy
    private let codec: CacheCodec<Value>
    private let remote: RemoteCache?
    private let sources: Sources
    private let observer: any CacheObserver
    private let flights: Flights<CacheEntry<Value>>
    private let local: Mutex<BoundedStore<Held>>
    private let ear = Mutex<Ear>(Ear())
    private let listener = Mutex<RedisListener?>(nil)
    private let floors = Mutex<[String: Floor]>([:])

    /// An entry in memory; not believed after the moment at which the process may have missed an invalidation for too long.
    private struct Held: Sendable {
        var entry: CacheEntry<Value>
        var heardUntil: Timestamp?
    }

    /// What this process invalidated itself: the remote tier may not know of it, and must not bring an older value back.
    private struct Floor {
        var version: Int64
        var until: Timestamp
    }

    private struct Ear {
        /// Whether invalidations of other processes are heard.
        var hears = false
    }

    /// - Parameters:
    ///   - name: for metrics; of a bounded set.
    ///   - capacity: bytes of this process' memory.
    ///   - remote: nil: this process alone, whose own invalidations are all there are.
    ///   - loads: loads at the same time; a caller beyond is refused.
    public init(
        name: String, policy: CachePolicy = CachePolicy(), capacity: Int, codec: CacheCodec<Value>, remote: RemoteCache? = nil, loads: Int = 1000,
        sources: Sources = .system, observer: any CacheObserver = SilentCacheObserver()
    ) {
        policy.check()
        self.name = name
        self.policy = policy
        self.codec = codec
        self.remote = remote
        self.sources = sources
        self.observer = observer
        flights = Flights(limit: loads)
        local = Mutex(BoundedStore(capacity: capacity))
    }

    /// Listens to what other processes invalidate, until ``shutdown()``. Without it, or before it has connected, the process is deaf: see
    /// ``CachePolicy/deafLifetime``.
    public func listen() {
        guard let remote else { return }
        let prefix = remote.tombstones
        let started = remote.client.invalidations(prefixes: [prefix]) { [weak self] event in
            guard let self else { return }
            switch event {
            // What was changed while nobody listened is not known.
            case .connected: hear(true)
            case .lost: hear(false)
            case .invalidated(let keys):
                for key in keys {
                    let key = String(buffer: key)
                    if key.hasPrefix(prefix) { forget(String(key.dropFirst(prefix.count))) }
                }
            case .invalidatedAll: forgetAll()
            case .message: break
            }
        }
        listener.withLock { $0 = started }
    }

    public func shutdown() async {
        let started = listener.withLock { listener in
            defer { listener = nil }
            return listener
        }
        await started?.shutdown()
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
        if let held, held.heardUntil.map({ now < $0 }) ?? true {
            let entry = held.entry
            if entry.isFresh(now) {
                observer.count(entry.value == nil ? .negativeHit : .hit, of: name)
                if entry.wantsRefresh(now, eagerness: policy.eagerness, chance: Double.random(in: Double.ulpOfOne...1)) {
                    observer.count(.refresh, of: name)
                    flights.refresh(key) { [self] in try await fetch(key, $0, load) }
                }
                return entry.value
            }
            if entry.isUsable(now) { return try await fresher(than: entry, key, load) }
        }
        let entry = try await flights.value(for: key, until: Deadline.current) { [self] in try await fetch(key, $0, load) }
        return entry.value
    }

    /// A fresh value if one is to be had soon, else the stale one.
    private func fresher(than stale: CacheEntry<Value>, _ key: String, _ load: @escaping @Sendable () async throws -> Loaded<Value>) async throws -> Value? {
        let patience = Deadline.after(policy.softTimeout)
        // For nobody: whoever loses patience must not end it for the next one.
        flights.refresh(key) { [self] in try await fetch(key, $0, load) }
        do {
            let entry = try await flights.value(for: key, until: Deadline.current.map { min($0, patience) } ?? patience) { [self] in
                try await fetch(key, $0, load)
            }
            return entry.value
        } catch is CancellationError where Task.isCancelled {
            throw CancellationError()
        } catch {
            observer.count(.stale, of: name)
            observer.staleness(sources.now() - stale.freshUntil, of: name)
            return stale.value
        }
    }

    // MARK: Loading

    private func fetch(
        _ key: String, _ ticket: Flights<CacheEntry<Value>>.Ticket, _ load: @escaping @Sendable () async throws -> Loaded<Value>
    ) async throws -> CacheEntry<Value> {
        guard let remote else {
            let entry = try await loaded(load)
            keep(entry, key, ticket)
            return entry
        }
        let token = "\(sources.makeID())"
        // A tier that fails is one without the value; the lease is then everybody's.
        var holdsLease = false
        do {
            if let entry = try await shared(key, token, remote, &holdsLease) {
                observer.count(.remoteHit, of: name)
                keep(entry, key, ticket)
                return entry
            }
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            observer.count(.remoteFailure, of: name)
        }
        let entry: CacheEntry<Value>
        do {
            entry = try await loaded(load)
        } catch {
            if holdsLease { try? await remote.release(key, token: token) }
            throw error
        }
        do {
            let isNewest = try await limited { [sources, codec] in try await remote.put(entry, for: key, token: token, now: sources.now(), codec) }
            guard isNewest else {
                // It was read before a change that others know of already: for those who waited it is an answer, for later ones it is none.
                observer.count(.outdated, of: name)
                return entry
            }
        } catch {
            observer.count(.remoteFailure, of: name)
        }
        keep(entry, key, ticket)
        return entry
    }

    /// What the remote tier has, or gets from another process while this one waits; nil: this process is to load it.
    private func shared(_ key: String, _ token: String, _ remote: RemoteCache, _ holdsLease: inout Bool) async throws -> CacheEntry<Value>? {
        let codec = codec
        var pause = Duration.milliseconds(2)
        let end = ContinuousClock.now + policy.leaseLifetime
        while true {
            let found = try await limited { try await remote.get(key, codec) }.flatMap { isAllowed($0, key) ? $0 : nil }
            if let found, found.isFresh(sources.now()) { return found }
            let leaseLifetime = policy.leaseLifetime
            if try await limited({ try await remote.lease(key, token: token, for: leaseLifetime) }) {
                holdsLease = true
                // Between the look and the lease another may have finished.
                if let found = try await limited({ try await remote.get(key, codec) }), found.isFresh(sources.now()), isAllowed(found, key) {
                    try await limited { try await remote.release(key, token: token) }
                    return found
                }
                return nil
            }
            // Another process loads it. What is stale but usable serves meanwhile.
            if let found, found.isUsable(sources.now()) { return found }
            guard ContinuousClock.now < end else { return nil }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(50))
        }
    }

    private func limited<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
        try await Deadline.none { try await Deadline.with(.after(policy.remoteTimeout)) { try await body() } }
    }

    private func loaded(_ load: @escaping @Sendable () async throws -> Loaded<Value>) async throws -> CacheEntry<Value> {
        let begun = ContinuousClock.now
        // Read before: what is loaded may be as old as that.
        let now = sources.now()
        do {
            let loaded = try await Deadline.none { [policy] in try await withTimeout(policy.hardTimeout) { try await load() } }
            observer.count(.load, of: name)
            return CacheEntry(loaded, policy: policy, now: now, loadTime: ContinuousClock.now - begun, chance: Double.random(in: 0...1))
        } catch {
            observer.count(.loadFailure, of: name)
            throw error
        }
    }

    private func keep(_ entry: CacheEntry<Value>, _ key: String, _ ticket: Flights<CacheEntry<Value>>.Ticket) {
        let now = sources.now()
        let hears = remote == nil || ear.withLock { $0.hears }
        var evicted = 0
        let isKept = flights.keep(ticket) {
            local.withLock { local in
                // Never an older one over a newer one.
                if let held = local.peek(key), held.entry.version > entry.version { return }
                let held = Held(entry: entry, heardUntil: hears ? nil : now + policy.deafLifetime)
                evicted = local.insert(held, for: key, cost: key.utf8.count + (entry.value.map(codec.cost) ?? 0))
            }
        }
        if !isKept { observer.count(.outdated, of: name) }
        if evicted > 0 { observer.evicted(evicted, of: name) }
    }

    // MARK: Invalidation

    /// To be called after the commit of a change, with the row's new version (of a deletion: one more than the last).
    ///
    /// - Returns: whether the other processes were told: without a remote tier always.
    @discardableResult
    public func invalidate(_ key: String, version: Int64) async -> Bool {
        observer.count(.invalidation, of: name)
        raise(key, to: version)
        forget(key)
        guard let remote else { return true }
        do {
            let time = policy.tombstoneLifetime
            try await limited { try await remote.invalidate(key, version: version, for: time) }
            return true
        } catch {
            observer.count(.remoteFailure, of: name)
            return false
        }
    }

    private func raise(_ key: String, to version: Int64) {
        guard remote != nil else { return }
        let now = sources.now()
        let until = now + policy.tombstoneLifetime
        floors.withLock { floors in
            if floors.count >= Self.floorLimit {
                floors = floors.filter { $0.value.until > now }
                // Still too many: what is not remembered here, the tombstones in the remote tier remember.
                if floors.count >= Self.floorLimit { floors = [:] }
            }
            floors[key] = Floor(version: max(version, floors[key]?.version ?? 0), until: until)
        }
    }

    private func isAllowed(_ entry: CacheEntry<Value>, _ key: String) -> Bool {
        guard let floor = floors.withLock({ $0[key] }) else { return true }
        return entry.version >= floor.version || floor.until <= sources.now()
    }

    /// Keys that this process invalidated lately and remembers; each takes about a hundred bytes.
    private static var floorLimit: Int { 10_000 }

    private func forget(_ key: String) {
        flights.invalidate(key)
        local.withLock { _ = $0.remove(key) }
    }

    private func forgetAll() {
        flights.invalidate(nil)
        local.withLock { $0.removeAll() }
    }

    private func hear(_ hears: Bool) {
        ear.withLock { $0.hears = hears }
        forgetAll()
    }

    /// Whether changes by other processes are heard now; without a remote tier there are none to hear.
    public var hearsInvalidations: Bool { remote == nil || ear.withLock { $0.hears } }

    /// Entries in memory, and their bytes.
    public var size: (count: Int, bytes: Int) { local.withLock { ($0.count, $0.bytes) } }
}
