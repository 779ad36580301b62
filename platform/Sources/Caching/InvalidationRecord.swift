internal import Basics
internal import Synchronization

/// What this process invalidated itself: versions below which it takes nothing from the shared tier, which may not know of them yet; and
/// those that could not be sent there, until they are.
final class InvalidationRecord: Sendable {
    private struct Floor {
        var version: Int64
        var until: Timestamp
    }

    private struct State {
        var floors: [String: Floor] = [:]
        var owed: [String: Int64] = [:]
        var payer: Task<Void, Never>?
        var isClosed = false
    }

    /// Keys of each kind; each takes about a hundred bytes.
    static var limit: Int { 10_000 }

    private let state = Mutex(State())

    // MARK: Floors

    func raise(_ key: String, to version: Int64, until: Timestamp, now: Timestamp) {
        state.withLock { state in
            if state.floors.count >= Self.limit {
                state.floors = state.floors.filter { $0.value.until > now }
                // Still too many: what is not remembered here, the tombstones in the shared tier remember.
                if state.floors.count >= Self.limit { state.floors = [:] }
            }
            state.floors[key] = Floor(version: max(version, state.floors[key]?.version ?? 0), until: until)
        }
    }

    /// Whether a value of this version may be taken from the shared tier.
    func allows(_ version: Int64, of key: String, now: Timestamp) -> Bool {
        guard let floor = state.withLock({ $0.floors[key] }) else { return true }
        return version >= floor.version || floor.until <= now
    }

    // MARK: Debts

    var owed: Int { state.withLock { $0.owed.count } }

    /// Remembers an invalidation that was not sent. `pay` sends one and throws if it cannot; it is called until nothing is owed.
    ///
    /// - Returns: false: too much is owed already. Others will believe the old value as long as its lifetime lasts.
    func owe(_ key: String, version: Int64, pay: @escaping @Sendable (String, Int64) async throws -> Void) -> Bool {
        state.withLock { state in
            guard !state.isClosed, state.owed[key] != nil || state.owed.count < Self.limit else { return false }
            state.owed[key] = max(version, state.owed[key] ?? 0)
            if state.payer == nil { state.payer = Task.detached { await self.settle(pay) } }
            return true
        }
    }

    private func settle(_ pay: @Sendable (String, Int64) async throws -> Void) async {
        let (first, most) = (Duration.milliseconds(50), Duration.milliseconds(500))
        var pause = first
        while let (key, version) = next() {
            do {
                try await pay(key, version)
                state.withLock { state in if state.owed[key] == version { state.owed[key] = nil } }
                pause = first
            } catch {
                guard (try? await Task.sleep(for: pause)) != nil else { break }
                pause = min(pause * 2, most)
            }
        }
    }

    private func next() -> (String, Int64)? {
        state.withLock { state in
            guard let one = state.owed.first, !state.isClosed else {
                state.payer = nil
                return nil
            }
            return (one.key, one.value)
        }
    }

    func close() {
        let payer = state.withLock { state in
            state.isClosed = true
            return state.payer
        }
        payer?.cancel()
    }
}
