/// Guards that can be taken away one by one, to prove that the simulator's checks would notice. Empty everywhere but in those tests.
package struct Mutations: OptionSet, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The breaker takes outcomes of any generation.
    package static let breakerGeneration = Mutations(rawValue: 1 << 0)
    /// A probe that never returned keeps its place for ever.
    package static let probeLease = Mutations(rawValue: 1 << 1)
    /// The retry budget is never spent.
    package static let retryBudget = Mutations(rawValue: 1 << 2)
    /// A retry is begun whatever is left of the deadline.
    package static let retryDeadline = Mutations(rawValue: 1 << 3)
    /// What was refused here is tried again.
    package static let rejectionIsFinal = Mutations(rawValue: 1 << 4)
    /// The concurrency limit takes a call that its caller gave up for one that went well.
    package static let abandonedIsNoSuccess = Mutations(rawValue: 1 << 5)
    /// The concurrency limit shrinks for each of the calls that were sent under the same limit.
    package static let oneDecreaseEach = Mutations(rawValue: 1 << 6)
    /// The concurrency limit never lets the queue drain to see how fast the callee is without one.
    package static let breath = Mutations(rawValue: 1 << 7)
    /// A time-out counts however little time the caller gave.
    package static let shortDeadlineIsNoFailure = Mutations(rawValue: 1 << 8)
    /// A hedge that cannot be paid for fails the call.
    package static let hedgeIsOptional = Mutations(rawValue: 1 << 9)
    /// A call is sent although it will stand in a queue for longer than it has time.
    package static let waitIsForeseen = Mutations(rawValue: 1 << 10)
}
