internal import NIOCore
internal import Synchronization

/// Measures how late event loops run their timers.
enum EventLoopLag {
    /// Between two looks; far apart enough to cost nothing, close enough to see a loop that is blocked for a second.
    private static let interval = TimeAmount.milliseconds(500)

    static func observe(_ group: any EventLoopGroup, in registry: MetricsRegistry) {
        let histogram = registry.histogram(.eventLoopLag, [])
        for loop in group.makeIterator() {
            let expected = Mutex(Ticks.now() + interval.nanoseconds)
            loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
                let now = Ticks.now()
                let due = expected.withLock { expected in
                    defer { expected = now + interval.nanoseconds }
                    return expected
                }
                histogram.record(nanoseconds: max(0, now - due), in: nil)
            }
        }
    }
}
