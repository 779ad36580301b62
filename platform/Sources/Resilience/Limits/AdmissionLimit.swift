import Synchronization

/// So many calls are under way or waiting to be tried again already.
public struct AdmissionLimitReached: Error, Hashable, Sendable, CustomStringConvertible {
    public let limit: Int
    public init(limit: Int) { self.limit = limit }
    public var description: String { "\(limit) calls are waiting for it already" }
}

/// A fixed bound on the calls in a pipeline, those between two attempts included: bounds memory where the concurrency limit bounds load.
public final class AdmissionLimit: Sendable {
    private let count = Atomic<Int>(0)
    private let most: Atomic<Int>

    /// - Parameter most: calls, at least 1.
    public init(_ most: Int) {
        precondition(most >= 1, "a limit lets something through")
        self.most = Atomic(most)
    }

    public var limit: Int { most.load(ordering: .relaxed) }
    public var inside: Int { count.load(ordering: .relaxed) }

    public func reconfigure(_ most: Int) {
        precondition(most >= 1, "a limit lets something through")
        self.most.store(most, ordering: .relaxed)
    }

    func enter() throws(AdmissionLimitReached) {
        let limit = limit
        guard count.add(1, ordering: .relaxed).newValue <= limit else {
            count.subtract(1, ordering: .relaxed)
            throw AdmissionLimitReached(limit: limit)
        }
    }

    func leave() { count.subtract(1, ordering: .relaxed) }
}
