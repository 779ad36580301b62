import HTTPTypes
import Resilience
import ServiceKit
import Synchronization
import TestKit
import Testing

@Suite("Door")
struct DoorTests {
    /// A monotonic clock that a test moves.
    private final class Clock: Sendable {
        private let start = ContinuousClock.now
        private let offset = Mutex(Duration.zero)
        var now: ContinuousClock.Instant { start + offset.withLock { $0 } }
        func advance(_ time: Duration) { offset.withLock { $0 += time } }
    }

    private func probe(_ door: DoorPolicy) -> ProbeService {
        var probe = ProbeService()
        probe.door = door
        return probe
    }

    @Test("over its rate an address gets 429 before its token is even looked at, and Retry-After is exact; health always answers")
    func perAddress() async throws {
        let clock = Clock()
        let door = DoorPolicy(perAddress: LocalRateLimiter(RateLimit(burst: 2, perSecond: 0.25), now: { clock.now }))
        try await withService(probe(door).definition) { service in
            let first = try await service.client.get("/api/v1/who")
            #expect(first.status == 200)
            #expect(first.header("RateLimit-Policy") == "\"address\";q=2;w=8")
            #expect(first.header("RateLimit") == "\"address\";r=1;t=4")
            _ = try await service.client.get("/api/v1/who")
            let refused = try await service.client.get("/api/v1/who", headers: [.authorization: "Bearer garbage"])
            expectProblem(refused, 429, "rate_limited")
            #expect(refused.header("Retry-After") == "4")
            #expect(refused.header("RateLimit") == "\"address\";r=0;t=8")
            for path in ["/health", "/health/live", "/health/ready", "/metrics"] {
                let exempt = try await service.client.get(path)
                #expect(exempt.status == 200 && exempt.header("RateLimit") == nil)
            }
            clock.advance(.milliseconds(3999))
            #expect(try await service.client.get("/nowhere").status == 429)
            clock.advance(.milliseconds(1))
            #expect(try await service.client.get("/api/v1/who").status == 200)
        }
    }

    @Test("over its rate an identity gets 429 whatever address it comes from, and others do not")
    func perIdentity() async throws {
        let door = DoorPolicy(perIdentity: LocalRateLimiter(RateLimit(burst: 1, perSecond: 0.001)))
        try await withService(probe(door).definition) { service in
            #expect(try await service.client.get("/api/v1/who", as: .operator).status == 200)
            expectProblem(try await service.client.get("/api/v1/who", as: .operator), 429, "rate_limited")
            #expect(try await service.client.get("/api/v1/who").status == 200)
            #expect(try await service.client.get("/api/v1/who").status == 200)
        }
    }

    @Test("behind a trusted proxy each client has a rate of its own, and a client cannot choose its address")
    func proxies() async throws {
        func door(_ proxies: TrustedProxies) -> DoorPolicy {
            DoorPolicy(perAddress: LocalRateLimiter(RateLimit(burst: 1, perSecond: 0.001)), trustedProxies: proxies)
        }
        func status(_ service: RunningService, _ forwarded: String) async throws -> Int {
            try await service.client.get("/api/v1/who", headers: [HTTPField.Name("X-Forwarded-For")!: forwarded]).status
        }
        try await withService(probe(door(TrustedProxies("127.0.0.0/8")!)).definition) { service in
            let statuses = [
                try await status(service, "198.51.100.1"), try await status(service, "198.51.100.2"),
                try await status(service, "6.6.6.6, 198.51.100.2"),
            ]
            #expect(statuses == [200, 200, 429])
        }
        try await withService(probe(door(.none)).definition) { service in
            let statuses = [try await status(service, "198.51.100.1"), try await status(service, "198.51.100.2")]
            #expect(statuses == [200, 429])
        }
    }

    @Test("when there is too much, reads go before writes, and an operator and health still pass")
    func shedding() async throws {
        let probe = ProbeService()
        try await withService(probe.definition, settings: ["HTTP_MAX_IN_FLIGHT": "10", "SHED_READ_PERCENT": "20"]) { service in
            let held = (0..<2).map { _ in Task { try await service.client.get("/api/v1/gate").status } }
            await probe.gate.arrivals(2)
            let refused = try await service.client.get("/api/v1/who")
            expectProblem(refused, 503, "overloaded")
            #expect(refused.header("Retry-After") == "1")
            #expect(try await service.client.post("/api/v1/things", json: ["name": "a"]).status == 201)
            #expect(try await service.client.get("/api/v1/who", as: .operator).status == 200)
            #expect(try await service.client.get("/health/ready").status == 200)
            probe.gate.open()
            for call in held { #expect(try await call.value == 204) }
            #expect(try await service.client.get("/api/v1/who").status == 200)
        }
    }
}
