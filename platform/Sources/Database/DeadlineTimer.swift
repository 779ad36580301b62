import Resilience

/// One timer for everybody who waits under a lock, set for the earliest deadline among them. Deadlines mostly come in order, so it is
/// seldom set anew. The lock is the owner's, as is finding out who is late.
struct DeadlineTimer {
    private var current: (deadline: Deadline, task: Task<Void, Never>)?

    /// `fire` runs at `deadline`, unless an earlier one is set already.
    mutating func arm(_ deadline: Deadline, _ fire: @escaping @Sendable () -> Void) {
        if let current {
            if current.deadline <= deadline { return }
            current.task.cancel()
        }
        let task = Task.detached {
            guard (try? await ContinuousClock().sleep(until: deadline.instant)) != nil else { return }
            fire()
        }
        current = (deadline, task)
    }

    /// To be called first when it has fired: the next one is set anew.
    mutating func hasFired() { current = nil }

    func cancel() { current?.task.cancel() }
}
