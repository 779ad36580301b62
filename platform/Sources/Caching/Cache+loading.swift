internal import Basics
internal import Resilience
internal import Synchronization

extension Cache {
    typealias Ticket = Flights<Fetched>.Ticket

    /// What a flight does: looks into the shared tier, loads if it must, and keeps what it found.
    func fetch(_ key: String, _ ticket: Ticket, _ load: @escaping @Sendable () async throws -> Loaded<Value>) async throws -> Fetched {
        let begun = (epoch: hearing.now, time: sources.now())
        guard let remote else {
            let entry = try await loaded(load)
            keep(entry, key, ticket, begun)
            return Fetched(entry: entry, outcome: .source)
        }
        let token = "\(sources.makeID())"
        var claim = SharedClaim()
        do {
            if let entry = try await shared(key, token, remote, &claim) {
                keep(entry, key, ticket, begun)
                return Fetched(entry: entry, outcome: .remote)
            }
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            // A tier that fails is one without the value. To write into it would cost its time limit once more.
            claim.epoch = nil
            instruments.remoteFailed(error)
        }
        let entry: CacheEntry<Value>
        do {
            entry = try await loaded(load)
        } catch {
            if claim.isGranted {
                try? await Self.limited(policy.remoteTimeout) { try await remote.release(key, token: token) }
            }
            throw error
        }
        if let epoch = claim.epoch {
            do {
                let isNewest = try await Self.limited(policy.remoteTimeout) { [sources, codec] in
                    try await remote.put(entry, for: key, token: token, epoch: epoch, now: sources.now(), codec)
                }
                guard isNewest else {
                    // It was read before a change that others know of already: for those who waited it is an answer, for later ones none.
                    instruments.outdated.add()
                    return Fetched(entry: entry, outcome: .source)
                }
            } catch {
                instruments.remoteFailed(error)
            }
        }
        keep(entry, key, ticket, begun)
        return Fetched(entry: entry, outcome: .source)
    }

    /// What the shared tier said to whoever is going to load.
    struct SharedClaim {
        var isGranted = false
        /// Nil: it said nothing.
        var epoch: String?
    }

    /// What the remote tier has, or gets from another process while this one waits; nil: this process is to load it.
    private func shared(_ key: String, _ token: String, _ remote: RemoteCache, _ claim: inout SharedClaim) async throws -> CacheEntry<Value>? {
        let (codec, policy) = (codec, policy)
        var pause = Duration.milliseconds(2)
        let end = ContinuousClock.now + policy.leaseLifetime
        while true {
            let found = acceptable(try await Self.limited(policy.remoteTimeout) { try await remote.get(key, codec) }, key)
            if let found, found.isFresh(sources.now()) { return found }
            let answer = try await Self.limited(policy.remoteTimeout) {
                try await remote.claim(key, token: token, for: policy.leaseLifetime, codec)
            }
            claim.epoch = answer.epoch
            // Between the look and the lease another may have finished.
            if let late = acceptable(answer.held, key), late.isFresh(sources.now()) {
                if answer.isGranted { try await Self.limited(policy.remoteTimeout) { try await remote.release(key, token: token) } }
                return late
            }
            if answer.isGranted {
                claim.isGranted = true
                return nil
            }
            // Another process loads it. What is stale but usable serves meanwhile.
            if let found, found.isUsable(sources.now()) { return found }
            guard ContinuousClock.now < end else { return nil }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(50))
        }
    }

    func acceptable(_ entry: CacheEntry<Value>?, _ key: String) -> CacheEntry<Value>? {
        guard let entry, hearing.trusts(loadedAt: entry.loadedAt), record.allows(entry.version, of: key, now: sources.now()) else { return nil }
        return entry
    }

    func loaded(_ load: @escaping @Sendable () async throws -> Loaded<Value>) async throws -> CacheEntry<Value> {
        let begun = ContinuousClock.now
        // Read before: what is loaded may be as old as that.
        let now = sources.now()
        do {
            let loaded = try await Deadline.none { [policy] in try await withTimeout(policy.hardTimeout) { try await load() } }
            let time = ContinuousClock.now - begun
            instruments.loaded(in: time, nil)
            return CacheEntry(loaded, policy: policy, now: now, loadTime: time, chance: chance())
        } catch {
            instruments.loaded(in: ContinuousClock.now - begun, error)
            throw error
        }
    }

    func keep(_ entry: CacheEntry<Value>, _ key: String, _ ticket: Ticket, _ begun: (epoch: UInt64, time: Timestamp)) {
        let held = Held(
            entry: entry, epoch: begun.epoch, believedUntil: begun.epoch.isMultiple(of: 2) ? begun.time + policy.deafLifetime : begun.time)
        let cost = key.utf8.count + (entry.value.map(codec.cost) ?? 0)
        var (evicted, count, bytes) = (0, 0, 0)
        let isKept = flights.keep(ticket) {
            local.withLock { local in
                // Never an older one over a newer one.
                if let held = local.peek(key), held.entry.version > entry.version { return }
                evicted = local.insert(held, for: key, cost: cost)
                (count, bytes) = (local.count, local.bytes)
            }
        }
        guard isKept else { return instruments.outdated.add() }
        if count > 0 { instruments.holds(count, bytes: bytes) }
        if evicted > 0 { instruments.evictions.add(evicted) }
    }
}
