import Basics
import HTTPPath
import HTTPTypes
import Synchronization

/// Requests that come on schedule, whatever becomes of those before: who stalls is not asked less.
final class OfferedLoad: Sendable {
    struct Sample: Sendable {
        /// When it was due, since the beginning.
        let at: Duration
        let took: Duration
        /// 0 where there was no answer.
        let status: Int
        let hasRetryAfter: Bool
    }

    private let collected = Mutex<[Sample]>([])

    var samples: [Sample] { collected.withLock { $0 } }

    /// - Parameter rate: requests a second, at a time since the beginning.
    func run(_ upstream: any Upstream, path: String, seconds: Double, rate: (Double) -> Double) async {
        let start = ContinuousClock.now
        await withDiscardingTaskGroup { group in
            var due = 0.0
            while due < seconds {
                let at = Duration.seconds(due)
                try? await Task.sleep(until: start + at, tolerance: .zero, clock: .continuous)
                group.addTask { await self.send(upstream, path, at, start) }
                due += 1 / rate(due)
            }
        }
    }

    private func send(_ upstream: any Upstream, _ path: String, _ at: Duration, _ start: ContinuousClock.Instant) async {
        let answer = try? await upstream.send(UpstreamRequest(.get, path))
        let sample = Sample(
            at: at, took: .now - (start + at), status: answer?.status ?? 0, hasRetryAfter: answer?.headers[.retryAfter].flatMap { Int($0) } ?? 0 >= 1)
        collected.withLock { $0.append(sample) }
    }
}

extension [OfferedLoad.Sample] {
    var succeeded: Int { count { $0.status == 200 } }

    /// Of those that succeeded, in milliseconds.
    func percentile(_ share: Double) -> Double {
        let times = filter { $0.status == 200 }.map(\.took).sorted()
        guard !times.isEmpty else { return 0 }
        return Double(times[Swift.min(times.count - 1, Int(share * Double(times.count)))].microseconds) / 1000
    }
}
