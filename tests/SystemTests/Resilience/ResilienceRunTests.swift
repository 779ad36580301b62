import Basics
import Foundation
import Synchronization
import TestKit
import Testing

/// What callers meet when the service behind the gateway is slow, dead, flapping, half bad, half as fast, or back: with real processes. The
/// times are printed and judged by nobody; the counts are.
@Suite(.serialized)
struct ResilienceRunTests {
    /// `make resilience-runs` takes its time.
    private static let seconds = ProcessInfo.processInfo.environment["RESILIENCE_RUN_SECONDS"].flatMap { Double($0) } ?? 4
    private static let path = "/api/v1/products/LAPTOP-001"

    private struct Run: Sendable {
        let name: String
        var replicas = 1
        var rate: @Sendable (Double) -> Double = { _ in 100 }
        /// What happens when, as a share of the run.
        var events: [(share: Double, @Sendable (PacedShop) async throws -> Void)]
        /// When the service is well again; nil where it always was, in part.
        var wellFrom: Double? = 0.6
    }

    private static let runs: [Run] = [
        Run(
            name: "slow",
            events: [
                (0.25, { try await $0.set(0, .init(milliseconds: 3000)) }), (0.6, { try await $0.set(0, .init()) }),
            ]),
        Run(name: "dead", events: [(0.25, { try await $0.kill(0) }), (0.6, { try await $0.start(0) })]),
        Run(
            name: "flapping",
            events: (1...6).map { turn in
                (Double(turn) / 10, { try await $0.set(0, .init(failPercent: turn % 2 == 1 ? 100 : 0)) })
            }),
        Run(name: "one of two replicas bad", replicas: 2, events: [(0.25, { try await $0.set(1, .init(failPercent: 100)) })], wellFrom: nil),
        Run(
            name: "capacity halved", rate: { _ in 150 },
            events: [
                (0, { try await $0.set(0, .init(milliseconds: 100, capacity: 20, queue: 20)) }),
                (0.25, { try await $0.set(0, .init(milliseconds: 100, capacity: 10, queue: 20)) }),
                (0.6, { try await $0.set(0, .init(milliseconds: 100, capacity: 20, queue: 20)) }),
            ]),
        Run(
            name: "thundering herd", rate: { $0 > 0.6 * seconds && $0 < 0.8 * seconds ? 400 : 100 },
            events: [
                (0.25, { try await $0.set(0, .init(failPercent: 100)) }),
                (0.6, { try await $0.set(0, .init(milliseconds: 20, capacity: 4, queue: 50)) }),
            ]),
    ]

    @Test("whatever the service does, attempts stay within the budget, every refusal says when to come back, and those it can serve are served")
    func runs() async throws {
        var table = ["| run | requests | served | p50 ms | p99 ms | attempts a request | the budget's bound | opened after | recovered after |"]
        table.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
        for run in Self.runs { table.append(try await play(run)) }
        print("\n" + table.joined(separator: "\n") + "\n")
    }

    private func play(_ run: Run) async throws -> String {
        let settings = [
            "SERVICE_TIMEOUT": "2", "SERVICE_ATTEMPT_TIMEOUT_SECONDS": "0.5", "CIRCUIT_BREAKER_SLOW_SECONDS": "0.5",
            // So few that three attempts for each call that fails would break the bound.
            "RETRY_BUDGET_PERCENT": "20", "RETRY_BUDGET_PER_SECOND": "1", "CIRCUIT_BREAKER_TIMEOUT": "0.3",
            "CIRCUIT_BREAKER_LONGEST_TIMEOUT_SECONDS": "0.6", "CIRCUIT_BREAKER_WINDOW_SECONDS": "2",
        ]
        return try await PacedShop.with(replicas: run.replicas, settings: settings) { shop in
            for replica in 0..<run.replicas { try await shop.set(replica, .init()) }
            let before = try await received(shop, run)
            let load = OfferedLoad()
            let states = BreakerStates()
            let (seconds, start) = (Self.seconds, ContinuousClock.now)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await states.watch(shop, since: start) }
                group.addTask {
                    for (share, event) in run.events {
                        try await Task.sleep(until: start + .seconds(share * seconds), clock: .continuous)
                        try await event(shop)
                    }
                }
                group.addTask { await load.run(shop.gateway, path: Self.path, seconds: seconds, rate: run.rate) }
                // The disturbances and the load end by themselves.
                _ = try await group.next()
                _ = try await group.next()
                group.cancelAll()
            }
            let samples = load.samples
            let attempts = try await received(shop, run) - before
            // Windows of ten seconds, the last answers' two seconds included.
            let bound = 1.2 * Double(samples.count) + 1 * 10 * ((seconds + 2) / 10).rounded(.up)
            #expect(Double(attempts) <= bound, "\(run.name): \(attempts) attempts for \(samples.count) requests")
            let refused = samples.filter { $0.status == 503 || $0.status == 429 }
            #expect(refused.allSatisfy { $0.hasRetryAfter }, "\(run.name): a refusal without Retry-After")
            let statuses = Set(samples.map(\.status))
            #expect(statuses.isSubset(of: [200, 500, 502, 503, 504]), "\(run.name): \(statuses)")
            #expect(samples.succeeded > 0)
            if run.name == "one of two replicas bad" { #expect(samples.count - samples.succeeded <= 10, "the good replica could have served them") }
            return row(run, samples, attempts, bound, states)
        }
    }

    private func received(_ shop: PacedShop, _ run: Run) async throws -> Int {
        var sum = 0
        for replica in 0..<run.replicas { sum += try await shop.counts(replica).received }
        return sum
    }

    private func row(_ run: Run, _ samples: [OfferedLoad.Sample], _ attempts: Int, _ bound: Double, _ states: BreakerStates) -> String {
        func text(_ number: Double, _ digits: Int = 1) -> String { String(format: "%.\(digits)f", number) }
        let faultAt = (run.events.first { $0.share > 0 }?.share ?? 0) * Self.seconds
        let opened = states.first(["open"], after: faultAt).map { text($0 - faultAt, 2) + " s" } ?? "never"
        let recovered = run.wellFrom.map { well in
            // Well is when nine of ten are served again, in steps of a tenth of a second.
            let from = well * Self.seconds
            let step = stride(from: from, to: Self.seconds - 0.1, by: 0.1).first { begin in
                let some = samples.filter { $0.at >= .seconds(begin) && $0.at < .seconds(begin + 0.2) }
                return some.succeeded * 10 >= some.count * 9
            }
            return step.map { text($0 - from, 1) + " s" } ?? "not in this run"
        }
        return
            "| \(run.name) | \(samples.count) | \(text(100 * Double(samples.succeeded) / Double(samples.count))) % | \(text(samples.percentile(0.5))) "
            + "| \(text(samples.percentile(0.99))) | \(text(Double(attempts) / Double(samples.count), 2)) | \(text(bound / Double(samples.count), 2)) | \(opened) | \(recovered ?? "-") |"
    }
}

/// The breaker's states as they are seen from outside, some ten times a second.
private final class BreakerStates: Sendable {
    private let seen = Mutex<[(at: Double, state: String)]>([])

    func watch(_ shop: PacedShop, since start: ContinuousClock.Instant) async {
        while !Task.isCancelled {
            if let state = await shop.breaker() {
                let at = (ContinuousClock.now - start).inSeconds
                seen.withLock { seen in if seen.last?.state != state { seen.append((at, state)) } }
            }
            try? await Task.sleep(for: .milliseconds(50))
        }
    }

    func first(_ states: Set<String>, after time: Double) -> Double? {
        seen.withLock { $0.first { $0.at >= time && states.contains($0.state) }?.at }
    }
}
