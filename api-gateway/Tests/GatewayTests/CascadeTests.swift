import HTTPPath
import NIOCore
import TestKit
import Testing

@testable import Gateway

@Suite("health/cascade")
struct CascadeTests {
    private func cascade() -> Cascade {
        let inventory = FakeUpstream("inventory") { request in
            request.path.contains("?limit=1") ? .json(200, ["items": [ProductViewTests.product]]) : .json(200, ProductViewTests.product)
        }
        let pricing = FakeUpstream("pricing") { _ in .json(200, ProductViewTests.price) }
        return Cascade(inventory: inventory, pricing: pricing)
    }

    private func run(_ mode: Cascade.FailureMode) async throws -> [JSON] {
        let answer = try JSON.parse(try await cascade().run(mode).readableBytesView)
        #expect(answer["failureMode"]?.string == mode.rawValue)
        return try #require(answer["steps"]?.array)
    }

    private func events(_ step: JSON, _ hop: Int) -> [String] { step["hops"]?.array?[hop]["events"]?.array?.compactMap(\.string) ?? [] }

    @Test("pricing that fails costs retries, then its breaker opens and views come with the last known price, then all is well")
    func pricing() async throws {
        let steps = try await run(.pricing)
        #expect(steps.count == 5)
        #expect(steps[0]["answer"] == "complete" && steps[4]["answer"] == "complete")
        #expect(steps[1...3].allSatisfy { $0["answer"] == "degraded, with the last known price" })
        #expect(events(steps[1], 1).count { $0 == "answered 500" } == 3)
        #expect(events(steps[2], 1).contains("no answer in time"))
        #expect(events(steps[2], 1).contains("breaker: closed to open"))
        #expect(events(steps[3], 1).first?.hasPrefix("refused here") == true)
        #expect(events(steps[4], 1).contains("breaker: half-open to closed"))
        // The other service saw none of it.
        #expect(steps.allSatisfy { events($0, 0) == ["answered 200"] })
    }

    @Test("inventory that fails leaves nothing to show")
    func inventory() async throws {
        let steps = try await run(.inventory)
        #expect(steps[1...3].allSatisfy { $0["answer"] == "unavailable" })
        #expect(steps[4]["answer"] == "complete")
    }

    @Test("one is shown at a time")
    func once() async throws {
        let gate = Gate()
        let held = FakeUpstream("inventory") { _ in .held(gate, .json(200, ["items": []])) }
        let cascade = Cascade(inventory: held, pricing: FakeUpstream("pricing") { _ in .json(200, ProductViewTests.price) })
        let first = Task { try await cascade.run(.pricing) }
        await gate.arrivals(1)
        await #expect(throws: Problem.self) { try await cascade.run(.pricing) }
        gate.open()
        _ = try await first.value
    }
}
