public import Basics
public import HTTPPath
import Synchronization

/// The faults of one process: set, listed, cleared, and asked by whatever they are to meet.
///
/// A process that does not allow faults has no board. One that does and has none set pays one atomic load a request.
public final class FaultBoard: Sendable {
    /// More at once is no experiment any more, and each costs every request a comparison.
    public static let most = 32

    private struct Entry {
        let id: Identifier
        let specification: Fault.Specification
        let setAt: Timestamp
        let setBy: String
        /// Monotonic: a clock that is set back must not make a fault last.
        let ends: Duration
        var random: SplitMix
        var injections = 0
    }

    /// What a fault does to one request.
    public struct Effect: Hashable, Sendable {
        public let fault: Identifier
        public let kind: Fault.Kind
        public let latency: Duration
        /// For an error, what to answer.
        public let problem: Problem?
    }

    private let sources: Sources
    private let clock: @Sendable () -> Duration
    private let count = Atomic<Int>(0)
    private let entries = Mutex<[Entry]>([])

    /// - Parameter clock: time since whenever, that only grows.
    public init(sources: Sources = .system, clock: (@Sendable () -> Duration)? = nil) {
        self.sources = sources
        let origin = ContinuousClock.now
        self.clock = clock ?? { ContinuousClock.now - origin }
    }

    /// - Throws: 409 `too_many_faults`.
    public func set(_ specification: Fault.Specification, by actor: String) throws(Problem) -> Fault {
        let now = clock()
        let entry = Entry(
            id: sources.makeID(), specification: specification, setAt: sources.now(), setBy: actor, ends: now + specification.duration,
            random: SplitMix(state: specification.seed))
        let isSet = entries.withLock { entries in
            entries.removeAll { $0.ends <= now }
            guard entries.count < Self.most else { return false }
            entries.append(entry)
            count.store(entries.count, ordering: .relaxed)
            return true
        }
        guard isSet else { throw Problem(409, "too_many_faults", "\(Self.most) faults are set; clear one, or wait until one ends.") }
        return fault(entry)
    }

    /// Those in force, oldest first.
    public func list() -> [Fault] { current().map(fault) }

    /// - Returns: whether it was in force.
    public func clear(_ id: Identifier) -> Bool {
        let now = clock()
        return entries.withLock { entries in
            let found = entries.contains { $0.id == id && $0.ends > now }
            entries.removeAll { $0.id == id || $0.ends <= now }
            count.store(entries.count, ordering: .relaxed)
            return found
        }
    }

    /// - Returns: how many were in force.
    public func clear() -> Int {
        let cleared = current().count
        entries.withLock { entries in
            entries.removeAll()
            count.store(0, ordering: .relaxed)
        }
        return cleared
    }

    /// The number in force.
    public var active: Int { count.load(ordering: .relaxed) == 0 ? 0 : current().count }

    /// What happens to a request for a route: the oldest fault that meets it decides.
    public func effect(on route: String) -> Effect? {
        guard count.load(ordering: .relaxed) > 0 else { return nil }
        let now = clock()
        return entries.withLock { entries in
            entries.removeAll { $0.ends <= now }
            count.store(entries.count, ordering: .relaxed)
            for index in entries.indices where entries[index].specification.route.map({ $0 == route }) ?? true {
                guard entries[index].random.next() % 100 < UInt64(entries[index].specification.percent) else { continue }
                entries[index].injections += 1
                let specification = entries[index].specification
                return Effect(
                    fault: entries[index].id, kind: specification.kind, latency: specification.latency,
                    problem: specification.kind == .error ? Self.problem(specification.status) : nil)
            }
            return nil
        }
    }

    private func current() -> [Entry] {
        let now = clock()
        return entries.withLock { entries in
            entries.removeAll { $0.ends <= now }
            count.store(entries.count, ordering: .relaxed)
            return entries
        }
    }

    private func fault(_ entry: Entry) -> Fault {
        Fault(
            id: entry.id, specification: entry.specification, setAt: entry.setAt, endsAt: entry.setAt + entry.specification.duration,
            setBy: entry.setBy, injections: entry.injections)
    }

    /// Says openly that it is no real one, so that nobody looks for its cause in vain.
    private static func problem(_ status: Int) -> Problem {
        let detail = "A fault that an operator set answers instead of the service."
        return switch status {
        case 500: Problem(500, "fault_injected", detail)
        case 502: Problem(502, "fault_injected", detail, retryAfterSeconds: 1)
        case 504: Problem(504, "fault_injected", detail)
        default: Problem(503, "fault_injected", detail, retryAfterSeconds: 1)
        }
    }
}

/// SplitMix64: small, and the same sequence for the same seed on every machine.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
