import Basics
import HTTPPath
import Payments
import Telemetry
import TestKit
import Testing
import Tracing

@testable import Orders

@Suite("Traces of orders")
struct TracingTests {
    private let spans = RecordedSpans()

    @Test("an order is one trace: the request, the saga, a span for each step")
    func confirmed() async throws {
        let scene = try await Scene()
        let root = TelemetryTracer(sink: spans.of("gateway")).begin("POST /api/v1/orders", kind: .server)
        let order = try await root.run { _ in try await scene.place(scene.orders()) }
        #expect(Set(spans.all.map(\.context.traceID)) == [root.identity.traceID])
        let saga = try #require(spans.named("saga order").first)
        #expect(saga.parentID == root.identity.spanID)
        #expect(saga["shop.order.id"] == .string(order.id.description))
        #expect(saga["saga.state"] == "completed")
        #expect(spans.all.filter { $0.parentID == saga.context.spanID && $0.name.hasPrefix("order ") }.map(\.name) == straight.map { "order \($0)" })
        #expect(spans.named("POST /api/v1/orders").first?["shop.order.id"] == .string(order.id.description))
    }

    @Test("what was refused is a failed step; its undoing is seen, and the saga has not failed")
    func declined() async throws {
        let scene = try await Scene()
        let root = TelemetryTracer(sink: spans.of("gateway")).begin("POST /api/v1/orders", kind: .server)
        _ = try await root.run { _ in try await scene.place(scene.orders(), Scene.request(method: .decline)) }
        let names = spans.all.map(\.name).filter { $0.hasPrefix("order ") }
        #expect(names == ["order quote", "order redeem", "order reserve", "order authorize", "order reserve undo", "order redeem undo"])
        #expect(spans.all.filter { $0.status != .unset }.map(\.name) == ["order authorize"])
        #expect(spans.named("order authorize").first?[.errorType] == "payment_declined")
        #expect(spans.named("saga order").first?["saga.state"] == "compensated")
    }

    @Test("a saga that another gateway takes up goes on in the trace of the request that began it", arguments: StoreEngine.allCases)
    func takenUp(engine: StoreEngine) async throws {
        let scene = try await Scene(engine)
        let crashing = CrashingDatabase(scene.database, after: 3)
        let dying = scene.orders(on: crashing)
        let root = TelemetryTracer(sink: spans.of("first")).begin("POST /api/v1/orders", kind: .server)
        _ = try? await root.run { _ in try await scene.place(dying) }
        await dying.runner.idle()
        #expect(crashing.hasCrashed)
        let before = spans.all.count
        let orders = scene.orders(tracer: TelemetryTracer(sink: spans.of("second")))
        try await scene.finish(orders)
        let later = spans.all.dropFirst(before)
        let saga = try #require(later.first { $0.name == "saga order" })
        #expect(saga.context.traceID == root.identity.traceID)
        #expect(saga.parentID == root.identity.spanID)
        #expect(saga["saga.state"] == "completed")
    }
}
