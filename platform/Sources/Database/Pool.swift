import Resilience
import Synchronization

/// A fixed set of resources, such as connections, lent out one at a time, first come first served.
final class Pool<Resource: Sendable>: Sendable {
    private struct Waiter {
        let id: UInt64
        let deadline: Deadline?
        let continuation: CheckedContinuation<Result<Resource, DatabaseError>, Never>
    }

    private struct Timer {
        let deadline: Deadline
        let task: Task<Void, Never>
    }

    private struct State {
        var idle: [Resource]
        var waiters: [Waiter] = []
        var nextID: UInt64 = 0
        /// Wakes up for the earliest deadline among the waiters.
        var timer: Timer?
        var isClosed = false
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>
    private let capacity: Int
    private let waiterLimit: Int
    private let what: String

    /// - Parameters:
    ///   - waiterLimit: callers that may wait at the same time; one more is refused with `poolExhausted`.
    ///   - what: what callers wait for, for errors.
    init(_ resources: [Resource], waiterLimit: Int, what: String) {
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
    func checkout() async throws(DatabaseError) -> Resource {
        let deadline = Deadline.current
        if Task.isCancelled { throw .cancelled }
        if let deadline, deadline.hasPassed { throw timeout }
        if let resource = try state.withLock({ state throws(DatabaseError) in try take(&state) }) { return resource }

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
        return try result.get()
    }

    /// Gives a resource back: to the caller who waits longest, if any.
    func checkin(_ resource: Resource) {
        if handOver(resource) { return }
        let finished = state.withLock { state -> [CheckedContinuation<Void, Never>]? in
            // A waiter may have come in between.
            guard state.waiters.isEmpty else { return nil }
            state.idle.append(resource)
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
        state.withLock { $0.timer?.task.cancel() }
    }

    private var timeout: DatabaseError {
        DatabaseError(.timeout, "the deadline passed while waiting for \(what); nothing was written")
    }

    /// A resource if one is idle; nil if the caller has to wait and may.
    private func take(_ state: inout State) throws(DatabaseError) -> Resource? {
        if state.isClosed { throw .closed }
        if let resource = state.idle.popLast() { return resource }
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

    // One timer serves all waiters; deadlines mostly come in order, so it is seldom set anew.
    private func arm(_ state: inout State, _ deadline: Deadline) {
        if let timer = state.timer {
            if timer.deadline <= deadline { return }
            timer.task.cancel()
        }
        let task = Task.detached { [weak self] in
            guard (try? await ContinuousClock().sleep(until: deadline.instant)) != nil else { return }
            self?.expire()
        }
        state.timer = Timer(deadline: deadline, task: task)
    }

    private func expire() {
        let expired = state.withLock { state -> [Waiter] in
            state.timer = nil
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
