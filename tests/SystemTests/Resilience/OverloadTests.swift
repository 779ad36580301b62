import Basics
import Foundation
import HTTPPath
import HTTPTypes
import TestKit
import Testing

/// Four times what the service behind takes: who is turned away is told so at once, and nearly all of what the service can do is done.
///
/// The service does six pieces of work at once and takes 0.2 s for each: thirty a second, which a debug build on two busy cores can be offered
/// four times over.
@Suite(.serialized)
struct OverloadTests {
    private static let seconds = max(6, ProcessInfo.processInfo.environment["RESILIENCE_RUN_SECONDS"].flatMap { Double($0) } ?? 6)
    private static let paced = PacedShop.Behaviour(milliseconds: 200, capacity: 6, queue: 10_000)
    private static let path = "/api/v1/products/LAPTOP-001"

    @Test("at four times its capacity everything refused is 429 or 503 with Retry-After, health answers, and goodput is printed")
    func overload() async throws {
        try await PacedShop.with(replicas: 1, settings: ["HEDGE_PERCENT": "0"]) { shop in
            try await shop.set(0, Self.paced)
            let capacity = try await Self.capacity(shop)
            let rate = (4.4 * capacity).rounded(.up)

            async let loading = runCommand(
                RunningShop.programs.appending(path: "hello-dd").path(),
                [
                    "load", "--url", shop.gatewayURL, "--rate", "\(Int(rate))", "--duration", "\(Int(Self.seconds))s", "--mix", "browse=1", "--json",
                    "--timeout", "30s",
                ])
            let (looks, health) = (OfferedLoad(), OfferedLoad())
            async let looking: Void = looks.run(shop.gateway, path: Self.path, seconds: Self.seconds) { _ in 5 }
            async let asking: Void = health.run(shop.gateway, path: "/health/live", seconds: Self.seconds) { _ in 10 }
            let load = try await loading
            _ = await (looking, asking)
            try #require(load.code == 0, "\(load.output)\(load.errors)")
            let result = try JSON.parse(Array(load.output.utf8))
            let offered = result["rate"]?["offered"]?.string.flatMap { Double($0.replacing(",", with: "")) } ?? 0
            let statuses = (result["total"]?["statuses"]?.members ?? []).map { (status: $0.name, count: $0.value.integer ?? 0) }

            // The load itself says what it offered: visitors who each ask once at least.
            #expect(result["visitors"]?["leftOut"] == 0)
            #expect(offered >= 4 * capacity, "only \(offered) of \(rate) visitors a second were offered, to a capacity of \(capacity)")
            #expect(Set(statuses.map(\.status)).isSubset(of: ["200", "429", "503"]), "\(statuses)")
            #expect(statuses.contains { $0.status != "200" }, "nothing was refused: \(statuses)")
            let refused = looks.samples.filter { $0.status != 200 }
            #expect(refused.allSatisfy { ($0.status == 429 || $0.status == 503) && $0.hasRetryAfter }, "\(refused)")
            #expect(health.samples.allSatisfy { $0.status == 200 })

            let recovered = try await Self.recovery(shop, capacity)
            // What callers got, and not what was done for some who had left.
            let served = Double(statuses.first { $0.status == "200" }?.count ?? 0) + Double(looks.samples.succeeded)
            let goodput = served / Self.seconds
            let times = result["requests"]?.array?.first { $0["request"] == "product" }?["microseconds"]
            print(
                """

                overload: capacity \(text(capacity)) requests a second, measured; offered \(text(offered)) visitors a second, \
                \(text(offered / capacity)) times that
                answers: \(statuses.map { "\($0.count) × \($0.status)" }.joined(separator: ", "))
                goodput \(text(goodput)) requests a second: \(Int((100 * goodput / capacity).rounded())) % of the capacity (target 85 %)
                recovered after \(recovered.map { text($0) + " s" } ?? "more than 4 s") (target 2 s)
                served: p50 \(text(looks.samples.percentile(0.5))) ms, p99 \(text(looks.samples.percentile(0.99))) ms; \
                the load's second requests: p50 \(text(Double(times?["p50"]?.integer ?? 0) / 1000)) ms

                """)
        }
    }

    /// What the service really does when it never has to wait for work, through the same gateway, and on the same machine at that.
    private static func capacity(_ shop: PacedShop) async throws -> Double {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<paced.capacity * 2 {
                group.addTask {
                    while !Task.isCancelled {
                        let answer = try? await shop.gateway.send(UpstreamRequest(.get, path))
                        if answer?.status != 200 { try? await Task.sleep(for: .milliseconds(50)) }
                    }
                }
            }
            try await Task.sleep(for: .seconds(1))
            let (before, start) = (try await shop.counts(0).done, ContinuousClock.now)
            try await Task.sleep(for: .seconds(3))
            let done = try await shop.counts(0).done - before
            group.cancelAll()
            return Double(done) / (ContinuousClock.now - start).inSeconds
        }
    }

    /// When half of what it can do was served again, in seconds since the load ended; nil where it was not in this run.
    private static func recovery(_ shop: PacedShop, _ capacity: Double) async throws -> Double? {
        let load = OfferedLoad()
        await load.run(shop.gateway, path: path, seconds: 4) { _ in capacity / 2 }
        let samples = load.samples
        #expect(samples.succeeded > 0)
        return stride(from: 0.0, to: 3.5, by: 0.1).first { begin in
            samples.allSatisfy { $0.at < .seconds(begin) || $0.status == 200 }
        }
    }
}

private func text(_ number: Double) -> String { String(format: "%.1f", number) }
