import Resilience
import Synchronization

/// Says when a running statement should stop: asked from the thread that runs it, told by any other.
final class Interrupt: Sendable {
    let deadline: Deadline?
    private let cancelled = Atomic<Bool>(false)

    init(deadline: Deadline? = Deadline.current) {
        self.deadline = deadline
    }

    func cancel() { cancelled.store(true, ordering: .relaxed) }

    /// Why to stop, if at all.
    var reason: DatabaseError? {
        if cancelled.load(ordering: .relaxed) { return .cancelled }
        return hasExpired ? .timeout : nil
    }

    var hasExpired: Bool { deadline?.hasPassed ?? false }

    /// Throws if there is no use in beginning.
    func check() throws(DatabaseError) {
        if let reason { throw reason }
    }
}
