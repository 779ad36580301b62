import Basics

/// A callee in virtual time: places to work in, a queue before them, and a behaviour that a scenario changes as it likes.
public final class SimulatedServer {
    /// How it does its work now.
    public struct Behaviour: Sendable {
        /// The mean time of a piece of work, without the wait for a place.
        public var service = Duration.milliseconds(20)
        /// Whether each takes exactly that, or a random time about it.
        public var isSteady = false
        /// This share of the work fails, at once.
        public var failing = 0.0
        /// This share of the answers never arrives.
        public var lost = 0.0
        /// This share takes a hundred times as long.
        public var stuck = 0.0

        public init() {}
    }

    public enum Reply: Sendable {
        case done, failed
        /// The queue is full.
        case refused
    }

    public var behaviour = Behaviour()
    /// Pieces of work done at once.
    public var capacity: Int
    /// Pieces of work that wait; more are refused.
    public var queueLimit: Int
    /// What it has done well so far, whether the caller still waited or not.
    public private(set) var done = 0
    public private(set) var received = 0
    private let simulator: Simulator
    private var working = 0
    private var queue: [(Reply) -> Void] = []

    public init(_ simulator: Simulator, capacity: Int = 1_000_000, queueLimit: Int = 1_000_000) {
        self.simulator = simulator
        self.capacity = capacity
        self.queueLimit = queueLimit
    }

    /// A request arrives; the answer may never come.
    public func receive(_ answer: @escaping (Reply) -> Void) {
        received += 1
        if working < capacity {
            work(answer)
        } else if queue.count < queueLimit {
            queue.append(answer)
        } else {
            simulator.after(.milliseconds(1), "refused") { answer(.refused) }
        }
    }

    private func work(_ answer: @escaping (Reply) -> Void) {
        working += 1
        let behaviour = behaviour
        let fails = simulator.random.chance(behaviour.failing)
        var time = fails ? .milliseconds(1) : behaviour.isSteady ? behaviour.service : simulator.random.around(behaviour.service)
        if simulator.random.chance(behaviour.stuck) { time = time * 100 }
        let isLost = simulator.random.chance(behaviour.lost)
        simulator.after(time, "worked") { [self] in
            working -= 1
            if !fails { done += 1 }
            if !queue.isEmpty, working < capacity { work(queue.removeFirst()) }
            if !isLost { answer(fails ? .failed : .done) }
        }
    }
}
