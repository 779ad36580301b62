import Resilience
import Synchronization
import TestKit

/// A clock that a test moves.
final class TestClock: Sendable {
    static let start = ContinuousClock.now
    private let offset = Mutex(Duration.zero)

    var now: ContinuousClock.Instant { TestClock.start + offset.withLock { $0 } }
    func advance(_ duration: Duration) { offset.withLock { $0 += duration } }

    /// A pipeline's clock whose waits end at once, and move the time to their end.
    func waiting(random: Double = 0.5, _ waits: Waits = Waits()) -> CallClock {
        CallClock(
            now: { self.now },
            sleep: { end in
                try Task.checkCancellation()
                waits.note(end - self.now)
                self.offset.withLock { $0 = max($0, end - TestClock.start) }
            }, random: { random })
    }

    /// A pipeline's clock whose waits end when the gate opens, or with their task.
    func held(by gate: Gate) -> CallClock {
        CallClock(now: { self.now }, sleep: { _ in try await gate.pass() }, random: { 0.5 })
    }
}

/// What was waited for.
final class Waits: Sendable {
    private let all = Mutex<[Duration]>([])

    func note(_ wait: Duration) { all.withLock { $0.append(wait) } }
    var list: [Duration] { all.withLock { $0 } }
}

/// Counts.
final class Count: Sendable {
    private let value = Mutex(0)

    func add() { value.withLock { $0 += 1 } }
    var now: Int { value.withLock { $0 } }
}

/// Remembers what a pipeline told.
final class Events: CallObserver {
    private let all = Mutex<[CallEvent]>([])

    func observe(_ event: CallEvent, in pipeline: String) { all.withLock { $0.append(event) } }
    var list: [CallEvent] { all.withLock { $0 } }
}

/// So many seconds after the tests' beginning.
func at(_ seconds: Double) -> ContinuousClock.Instant { TestClock.start + .seconds(seconds) }

struct Failure: Error, Equatable {
    var number = 0
    var verdict = Verdict.failed
}
