import Basics
import Foundation
import HTTPPath
import TestKit
import Testing

/// Four times what the service behind takes: who is turned away is told so at once, and nearly all of what the service can do is done.
@Suite(.serialized)
struct OverloadTests {
    private static let seconds = ProcessInfo.processInfo.environment["RESILIENCE_RUN_SECONDS"].flatMap { Double($0) } ?? 4

    @Test("at four times its capacity everything refused is 429 or 503 with Retry-After, health answers, and goodput is printed")
    func overload() async throws {
        let settings = ["HEDGE_PERCENT": "0"]
        let paced = PacedShop.Behaviour(milliseconds: 100, capacity: 10, queue: 1000)
        try await PacedShop.with(replicas: 1, settings: settings) { shop in
            try await shop.set(0, paced)
            // What it really does when it never has to wait for work, through the same gateway and on the same machine.
            let calm = OfferedLoad()
            let before = try await shop.counts(0)
            await calm.run(shop.gateway, path: "/api/v1/products/LAPTOP-001", seconds: 3) { _ in 130 }
            let capacity = Double(try await shop.counts(0).done - before.done) / 3.2
            let rate = Int(4 * capacity)

            let doneBefore = try await shop.counts(0).done
            let start = ContinuousClock.now
            async let loading = runCommand(
                RunningShop.programs.appending(path: "hello-dd").path(),
                [
                    "load", "--url", shop.gatewayURL, "--rate", "\(rate)", "--duration", "\(Int(Self.seconds))s", "--mix", "browse=1", "--json",
                    "--timeout", "10s",
                ])
            let looks = OfferedLoad()
            async let looking: Void = looks.run(shop.gateway, path: "/api/v1/products/LAPTOP-001", seconds: Self.seconds) { _ in 20 }
            let health = OfferedLoad()
            async let asking: Void = health.run(shop.gateway, path: "/health/live", seconds: Self.seconds) { _ in 10 }
            let load = try await loading
            _ = await (looking, asking)
            let took = (ContinuousClock.now - start).inSeconds
            let goodput = Double(try await shop.counts(0).done - doneBefore) / took

            try #require(load.code == 0, "\(load.output)\(load.errors)")
            let result = try JSON.parse(Array(load.output.utf8))
            let offered = result["rate"]?["offered"]?.string.flatMap { Double($0) } ?? 0
            let statuses = (result["total"]?["statuses"]?.members ?? []).map { ($0.name, $0.value.integer ?? 0) }
            #expect(result["visitors"]?["leftOut"] == 0)
            #expect(offered >= 3.5 * capacity, "only \(offered) of \(rate) visitors a second were offered")
            #expect(Set(statuses.map(\.0)).isSubset(of: ["200", "429", "503"]), "\(statuses)")
            let refused = looks.samples.filter { $0.status != 200 }
            #expect(refused.allSatisfy { ($0.status == 429 || $0.status == 503) && $0.hasRetryAfter }, "\(refused)")
            #expect(health.samples.allSatisfy { $0.status == 200 })

            let recovery = OfferedLoad()
            await recovery.run(shop.gateway, path: "/api/v1/products/LAPTOP-001", seconds: 3) { _ in 50 }
            let well = stride(from: 0.0, to: 2.8, by: 0.1).first { begin in
                let some = recovery.samples.filter { $0.at >= .seconds(begin) && $0.at < .seconds(begin + 0.2) }
                return some.succeeded == some.count
            }
            let answers = statuses.map { "\($0.1) × \($0.0)" }.joined(separator: ", ")
            print(
                """

                overload: capacity \(Int(capacity)) requests a second, offered \(Int(offered)) visitors a second (\(answers))
                goodput \(Int(goodput)) a second: \(Int(100 * goodput / capacity)) % of the capacity (target 85 %)
                recovered after \(well.map { String(format: "%.1f s", $0) } ?? "more than 3 s") (target 2 s)
                served p50 \(looks.samples.percentile(0.5)) ms, p99 \(looks.samples.percentile(0.99)) ms

                """)
            #expect(recovery.samples.succeeded > 0)
        }
    }
}
