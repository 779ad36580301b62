import Basics
import CAllocationCount
import Resilience

/// `make bench BENCH=resilience`: what a call through each policy costs, and through all of them, where nothing goes wrong.
@main
struct ResilienceBench {
    static func main() async throws {
        let calls = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 200_000
        print("\(calls) calls in each of \(Measurement.rounds) rounds, one after the other on one task; the median round\n")
        var rows: [Measurement] = []
        rows.append(await .of("the call alone", calls) { _ in await answer() })
        rows.append(await .of("deadline (a task-local)", calls) { _ in await Deadline.with(far) { await answer() } })
        rows.append(try await .of("withTimeout (a task group)", calls / 10) { _ in try await withTimeout(.seconds(60)) { await answer() } })
        for (name, policy) in policies {
            let pipeline = CallPipeline("bench", policy)
            let kind: CallKind = policy.hedge == nil ? .repeatable : .read
            rows.append(
                try await .of(name, policy.hedge == nil ? calls : calls / 10) { _ in
                    try await pipeline.call(kind, verdict: { (_: Unexpected) in .failed }) { _ throws(Unexpected) in await answer() }
                })
        }
        let open = CallPipeline("bench", policies.last { $0.0.hasPrefix("breaker") }!.1)
        open.breaker.set(.forcedOpen)
        rows.append(
            await .of("breaker, open: the refusal", calls) { _ in
                _ = try? await open.call(.once, verdict: { (_: Unexpected) in .failed }) { _ throws(Unexpected) in await answer() }
            })
        let limiter = LocalRateLimiter(RateLimit(burst: 1_000_000_000, perSecond: 1_000_000_000))
        rows.append(await .of("rate limiter, 1,000 keys", calls) { limiter.take(keys[$0 % 1000]).remaining })
        let shedder = LoadShedder()
        rows.append(
            try await .of("load shedder", calls) { _ in
                shedder.enter()
                defer { shedder.leave() }
                try shedder.judge(.read)
                return 0
            })
        let endpoints = Endpoints(["a", "b", "c"])
        rows.append(
            await .of("one of three addresses", calls) { _ in
                let address = endpoints.pick()
                endpoints.ended(address, .success)
                return 0
            })
        Measurement.table(rows)
        print(
            """

            For comparison, what Polly v8 (.NET) publishes of itself, measured by its authors on another machine:
            circuit breaker 138 ns, pipeline of five strategies 766 ns (rate limiter, time-out, retry, breaker, time-out).
            A ratio between figures of two machines says little; both are well below the cost of any call over a network.
            """)
    }

    private static let far = Deadline.after(.seconds(3600))
    private static let keys = (0..<1000).map { "198.51.100.\($0)" }

    private static func policy(_ change: (inout CallPolicy) -> Void) -> CallPolicy {
        var policy = CallPolicy.none
        change(&policy)
        return policy
    }

    private static let policies: [(String, CallPolicy)] = [
        ("pipeline with no policy", .none),
        ("admission limit", policy { $0.mostInside = 1024 }),
        ("total deadline", policy { $0.deadline = .seconds(2) }),
        ("retry with budget", policy { $0.retry = RetryPolicy() }),
        ("concurrency limit", policy { $0.concurrency = ConcurrencyConfiguration() }),
        ("breaker", policy { $0.breaker = BreakerConfiguration() }),
        (
            "admission, deadline, retry, breaker, attempt time-out",
            policy {
                ($0.mostInside, $0.deadline, $0.attemptTimeout) = (1024, .seconds(2), .seconds(1))
                ($0.retry, $0.breaker) = (RetryPolicy(), BreakerConfiguration())
            }
        ),
        (
            "the same, and the concurrency limit",
            policy {
                $0 = CallPolicy()
                $0.hedge = nil
            }
        ),
        ("the same, and hedging: two more tasks", CallPolicy()),
    ]

    private struct Unexpected: Error {}

    @inline(never) private static func answer() async -> Int { 42 }
}
