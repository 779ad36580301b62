import Basics
import Synchronization

/// When a server turns requests away so that it stays able to answer the others.
public struct ShedderConfiguration: Hashable, Sendable {
    /// Requests worked on at once; beyond it all are turned away. Bounds memory.
    public var mostInFlight = 1024
    /// Reads may fill this share of it: the rest is for writes, whose callers have more to lose.
    public var readShare = 0.8
    /// Work that waits longer than this for a thread stands in a queue.
    public var queueTime = Duration.milliseconds(100)
    /// A queue that lasts this long is no burst.
    public var patience = Duration.milliseconds(500)

    public init() {}

    public var isValid: Bool { mostInFlight >= 1 && readShare > 0 && readShare <= 1 && queueTime > .zero && patience >= .zero }
}

/// What a request is to the shedder.
public enum RequestClass: Hashable, Sendable {
    /// Health and metrics: whoever judges the server must see it.
    case exempt
    case read
    case write
}

/// The server is too busy for this request.
public struct LoadShed: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: String, Hashable, Sendable {
        case inFlight = "in-flight"
        case queueTime = "queue-time"
    }

    public let reason: Reason
    public let retryAfter: Duration

    public var description: String { "too much is being worked on" }
}

/// Shedding without clock and lock: by the number of requests in flight, and by how long work waits before it gets a thread.
///
/// A queue is judged as CoDel does: by the shortest wait of a while and not by the longest, so that a burst sheds nothing. While it stands,
/// reads are turned away; when it has stood four times as long, writes too.
/// Source of the idea: K. Nichols and V. Jacobson, "Controlling Queue Delay".
public struct ShedderMachine: Sendable {
    public private(set) var configuration: ShedderConfiguration
    private var queuedSince: ContinuousClock.Instant?

    /// - Precondition: `configuration.isValid`.
    public init(_ configuration: ShedderConfiguration = ShedderConfiguration()) {
        precondition(configuration.isValid, "a server takes requests")
        self.configuration = configuration
    }

    /// Takes how long a piece of work waited for its thread.
    public mutating func observe(queueTime: Duration, at now: ContinuousClock.Instant) {
        guard queueTime > configuration.queueTime else {
            queuedSince = nil
            return
        }
        if queuedSince == nil { queuedSince = now - queueTime }
    }

    /// Whether a request is to be turned away.
    /// - Parameter inFlight: with this one.
    public func judge(_ request: RequestClass, inFlight: Int, at now: ContinuousClock.Instant) -> LoadShed? {
        if request == .exempt { return nil }
        let room = request == .read ? Int(Double(configuration.mostInFlight) * configuration.readShare) : configuration.mostInFlight
        if inFlight > max(1, room) { return LoadShed(reason: .inFlight, retryAfter: .seconds(1)) }
        guard let queuedSince else { return nil }
        let patience = request == .read ? configuration.patience : configuration.patience * 4
        return now - queuedSince >= patience ? LoadShed(reason: .queueTime, retryAfter: .seconds(1)) : nil
    }
}

/// A shedder that tasks share, with the count of what is in flight.
public final class LoadShedder: Sendable {
    private let machine: Mutex<ShedderMachine>
    private let count = Atomic<Int>(0)
    private let shed = Atomic<Int>(0)
    private let now: @Sendable () -> ContinuousClock.Instant

    public init(_ configuration: ShedderConfiguration = ShedderConfiguration(), now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        machine = Mutex(ShedderMachine(configuration))
        self.now = now
    }

    public var inFlight: Int { count.load(ordering: .relaxed) }
    /// Requests turned away so far.
    public var turnedAway: Int { shed.load(ordering: .relaxed) }

    /// Counts a request in, whether it is to be turned away or not; ``leave()`` counts it out.
    public func enter() { count.add(1, ordering: .relaxed) }
    public func leave() { count.subtract(1, ordering: .relaxed) }

    /// - Throws: `LoadShed` where the request is to be turned away.
    public func judge(_ request: RequestClass) throws(LoadShed) {
        guard request != .exempt else { return }
        let now = now()
        guard let reason = machine.withLock({ $0.judge(request, inFlight: inFlight, at: now) }) else { return }
        shed.add(1, ordering: .relaxed)
        throw reason
    }

    public func observe(queueTime: Duration) {
        let now = now()
        machine.withLock { $0.observe(queueTime: queueTime, at: now) }
    }
}
