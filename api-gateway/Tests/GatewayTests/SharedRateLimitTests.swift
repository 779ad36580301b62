import HTTPPath
import HTTPTypes
import LocalServers
import ServiceKit
import TestKit
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(5))) struct SharedRateLimitTests {
    /// How many of 24 requests, sent by turns, two gateways let in; and how long that took.
    private func letIn(_ settings: [String: String]) async throws -> (count: Int, time: Duration) {
        // One request a second is the least there is; the rest is the burst.
        let settings = ["RATE_LIMIT_ADDRESS_PER_SECOND": "1", "RATE_LIMIT_ADDRESS_BURST": "8"].merging(settings) { $1 }
        return try await withService(GatewayApp.definition, settings: settings) { first in
            try await withService(GatewayApp.definition, settings: settings) { second in
                // Connected before anything is counted: until then each counts by itself.
                for gateway in [first, second] where settings["REDIS_URL"] != nil {
                    try await eventually(within: .seconds(60), "it reaches Redis") {
                        let dependencies = try await gateway.client.get("/health").expect(200).json["dependencies"]?.array ?? []
                        return dependencies.contains { $0["name"] == "redis" && $0["status"] == "up" }
                    }
                }
                let begun = ContinuousClock.now
                var count = 0
                for number in 0..<24 {
                    let answer = try await (number.isMultiple(of: 2) ? first : second).client.get("/version")
                    if answer.status == 200 { count += 1 } else { #expect(answer.status == 429) }
                }
                return (count, .now - begun)
            }
        }
    }

    @Test("gateways that share a Redis let one address in once between them, and not once each; without Redis each counts by itself")
    func shared() async throws {
        try await TestRedis.withServer { server in
            let shared = try await letIn(["REDIS_URL": server.url, "RATE_LIMIT_REDIS_TIMEOUT_SECONDS": "5"])
            let paid = Int(shared.time.components.seconds) + 1
            #expect((8...8 + paid).contains(shared.count), "\(shared)")
        }
        let alone = try await letIn([:])
        #expect(alone.count >= 16, "\(alone)")
    }
}
