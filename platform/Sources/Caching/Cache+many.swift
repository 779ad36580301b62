internal import Basics
internal import Resilience
internal import Synchronization

extension Cache {
    /// The values of many keys: from memory, then from the remote tier in one question, and the rest by one `load`, which gets the keys that
    /// are missing.
    ///
    /// Nobody else waits for this load, and it waits for nobody else's: one statement for all is cheaper than many turns. For what is kept the
    /// same guards hold as for single values. The load runs in the caller's task, under its deadline.
    ///
    /// - Parameter load: gives what it found; for a key that it leaves out there is no value, and that is not remembered.
    /// - Returns: those that there are.
    /// - Throws: what `load` throws.
    public func values(
        for keys: [String], load: @Sendable ([String]) async throws -> [String: Loaded<Value>]
    ) async throws -> [String: Value] {
        let now = sources.now()
        var found: [String: Value] = [:]
        var missing: [String] = []
        local.withLock { local in
            for key in Set(keys) {
                if let held = local.value(for: key), hearing.believes(held.epoch) || now < held.believedUntil, held.entry.isFresh(now) {
                    instruments.answered(.memory)
                    found[key] = held.entry.value
                } else {
                    missing.append(key)
                }
            }
        }
        guard !missing.isEmpty else { return found }
        missing.sort()
        let begun = (epoch: hearing.now, time: now)
        let tickets = Dictionary(uniqueKeysWithValues: zip(missing, flights.watch(missing)))
        defer { flights.unwatch(Array(tickets.values)) }
        var tierEpoch: String?
        if let remote {
            do {
                let (asked, codec, token) = (missing, codec, "\(sources.makeID())")
                let known = try await Self.limited(policy.remoteTimeout) { try await remote.get(asked, token: token, codec) }
                tierEpoch = known.epoch
                for key in asked {
                    guard let entry = acceptable(known.entries[key], key), entry.isFresh(sources.now()), let ticket = tickets[key] else { continue }
                    keep(entry, key, ticket, begun)
                    instruments.answered(.remote)
                    found[key] = entry.value
                    missing.removeAll { $0 == key }
                }
            } catch {
                instruments.remoteFailed(error)
            }
        }
        guard !missing.isEmpty else { return found }
        let entries = try await loadedAll(missing, load)
        let refused = await share(entries, tierEpoch)
        for _ in missing { instruments.answered(.source) }
        for (key, entry) in entries {
            found[key] = entry.value
            if refused.contains(key) { instruments.outdated.add() } else if let ticket = tickets[key] { keep(entry, key, ticket, begun) }
        }
        return found
    }

    private func loadedAll(
        _ keys: [String], _ load: @Sendable ([String]) async throws -> [String: Loaded<Value>]
    ) async throws -> [String: CacheEntry<Value>] {
        let (start, now) = (ContinuousClock.now, sources.now())
        do {
            let loaded = try await load(keys)
            let time = ContinuousClock.now - start
            instruments.loaded(in: time, nil)
            return loaded.mapValues { CacheEntry($0, policy: policy, now: now, loadTime: time, chance: chance()) }
        } catch {
            instruments.loaded(in: ContinuousClock.now - start, error)
            for _ in keys { instruments.answered(.failed) }
            throw error
        }
    }

    /// - Returns: the keys of which the remote tier knows something newer.
    private func share(_ entries: [String: CacheEntry<Value>], _ epoch: String?) async -> Set<String> {
        guard let remote, let epoch, !entries.isEmpty else { return [] }
        do {
            let (sources, codec) = (sources, codec)
            return try await Self.limited(policy.remoteTimeout) { try await remote.put(entries, epoch: epoch, now: sources.now(), codec) }
        } catch {
            instruments.remoteFailed(error)
            return []
        }
    }
}
