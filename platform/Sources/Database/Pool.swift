import Metrics
import Resilience
import Synchronization
import Telemetry

/// A fixed set of resources, such as connections, lent out one at a time, first come first served.
final class Pool<Resource: Sendable>: Sendable {
    private struct Waiter {
        let id: UInt64
        let deadline: Deadline?
        let continuation: CheckedContinuation<Result<Resource, DatabaseError>, Never>
    }

    private struct State {
        var idle: [Resource]
        var waiters: [Waiter] = []
        var nextID: UInt64 = 0
        /// Wakes up for the earliest deadline among the waiters.
        var timer = DeadlineTimer()
        var isClosed = false
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>
    private let capacity: Int
    private let waiterLimit: Int
    private let what: String
    private let meters: Meters
    private let waits: DurationSeries<String>
    private let name: String

    /// How many there are, by what they are doing.
    private struct Meters: Sendable {
        let idle: Meter
        let used: Meter

        init(_ pool: String) {
            func meter(_ state: String) -> Meter {
                Meter(
                    label: MetricDefinition.dbClientConnectionCount.name,
                    dimensions: [("db.client.connection.pool.name", pool), ("db.client.connection.state", state)])
            }
            (idle, used) = (meter("idle"), meter("used"))
        }

        func lent() {
            idle.decrement()
            used.increment()
        }

        func returned() {
            used.decrement()
            idle.increment()
        }
    }

    /// - Parameters:
    ///   - name: of its metrics: `connections`, `readers` or `writer`.
    ///   - waiterLimit: callers that may wait at the same time; one more is refused with `poolExhausted`.
    ///   - what: what callers wait for, for errors.
    init(_ resources: [Resource], waiterLimit: Int, what: String, name: String) {
        self.name = name
        meters = Meters(name)
        meters.idle.increment(by: Double(resources.count))
        waits = DurationSeries(.dbClientConnectionWaitTime) { [("db.client.connection.pool.name", $0)] }
        state = Mutex(State(idle: resources))
        capacity = resources.count
        self.waiterLimit = waiterLimit
        self.what = what
    }

    /// Callers waiting now.
    var waiterCount: Int { state.withLock { $0.waiters.count } }

    /// Waits for a resource. The caller must end with ``checkin(_:)`` or ``handOver(_:)``.
    ///
    /// Throws `timeout` at `Deadline.current`, `cancelled` with the task, `poolExhausted` if too many wait, `closed` after ``close()``.
    /// - Parameter meter: told how long that took.
    func checkout(_ meter: inout DatabaseInstruments.Meter) async throws(DatabaseError) -> Resource {
        let begun = Ticks.now()
        let (resource, isQueued) = try await lend()
        meter.wait(from: begun, isQueued: isQueued)
        waits.record(nanoseconds: Ticks.now() - begun, name)
        return resource
    }

    private func lend() async throws(DatabaseError) -> (Resource, isQueued: Bool) {
        let deadline = Deadline.current
        if Task.isCancelled { throw .cancelled }
        if let deadline, deadline.hasPassed { throw timeout }
        if let resource = try state.withLock({ state throws(DatabaseError) in try take(&state) }) { return (resource, false) }

        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let result: Result<Resource, DatabaseError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                enqueue(Waiter(id: id, deadline: deadline, continuation: continuation))
                // The handler may have run before there was anything to remove.
                if Task.isCancelled { cancel(id) }
            }
        } onCancel: {
            cancel(id)
        }
        return (try result.get(), true)
    }

    /// Gives a resource back: to the caller who waits longest, if any.
    func checkin(_ resource: Resource) {
        if handOver(resource) { return }
        let finished = state.withLock { state -> [CheckedContinuation<Void, Never>]? in
            // A waiter may have come in between.
            guard state.waiters.isEmpty else { return nil }
            state.idle.append(resource)
            meters.returned()
            guard state.isClosed, state.idle.count == capacity else { return [] }
            return state.closers.clear()
        }
        guard let finished else { return checkin(resource) }
        for closer in finished { closer.resume() }
    }

    /// Passes a resource on to the caller who waits longest. False, and the resource is still the caller's, if nobody waits.
    func handOver(_ resource: Resource) -> Bool {
        while let waiter = state.withLock({ $0.waiters.isEmpty ? nil : $0.waiters.removeFirst() }) {
            if let deadline = waiter.deadline, deadline.hasPassed {
                waiter.continuation.resume(returning: .failure(timeout))
            } else {
                waiter.continuation.resume(returning: .success(resource))
                return true
            }
        }
        return false
    }

    /// Refuses new callers, serves those that wait already, and returns when every resource is back.
    func close() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isDone = state.withLock { state in
                state.isClosed = true
                if state.idle.count == capacity { return true }
                state.closers.append(continuation)
                return false
            }
            if isDone { continuation.resume() }
        }
        state.withLock { $0.timer.cancel() }
    }

    private var timeout: DatabaseError {
        DatabaseError(.timeout, "the deadline passed while waiting for \(what); nothing was written")
    }

    /// A resource if one is idle; nil if the caller has to wait and may.
    private func take(_ state: inout State) throws(DatabaseError) -> Resource? {
        if state.isClosed { throw .closed }
        if let resource = state.idle.popLast() {
            meters.lent()
            return resource
        }
        guard state.waiters.count < waiterLimit else {
            throw DatabaseError(.poolExhausted, "\(waiterLimit) callers wait for \(what) already")
        }
        return nil
    }

    private func enqueue(_ waiter: Waiter) {
        let answer = state.withLock { state -> Result<Resource, DatabaseError>? in
            do throws(DatabaseError) {
                if let resource = try take(&state) { return .success(resource) }
            } catch {
                return .failure(error)
            }
            state.waiters.append(waiter)
            if let deadline = waiter.deadline { arm(&state, deadline) }
            return nil
        }
        if let answer { waiter.continuation.resume(returning: answer) }
    }

    private func cancel(_ id: UInt64) {
        let waiter = state.withLock { state in
            state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
        }
        waiter?.continuation.resume(returning: .failure(.cancelled))
    }

    private func arm(_ state: inout State, _ deadline: Deadline) {
        state.timer.arm(deadline) { [weak self] in self?.expire() }
    }

    private func expire() {
        let expired = state.withLock { state -> [Waiter] in
            state.timer.hasFired()
            // One look at the clock decides for everybody: with two, a waiter could be removed and never answered.
            let now = Deadline(.now)
            let expired = state.waiters.filter { $0.deadline.map { $0 <= now } ?? false }
            if !expired.isEmpty { state.waiters.removeAll { $0.deadline.map { $0 <= now } ?? false } }
            if let earliest = state.waiters.compactMap(\.deadline).min() { arm(&state, earliest) }
            return expired
        }
        for waiter in expired { waiter.continuation.resume(returning: .failure(timeout)) }
    }
}

extension Array {
    /// Empties the array and gives what was in it.
    fileprivate mutating func clear() -> [Element] {
        defer { removeAll() }
        return self
    }
}
