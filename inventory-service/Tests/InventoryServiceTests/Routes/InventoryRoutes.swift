import Basics
import HTTPPath
import HTTPTypes
import InventoryAPI
import NIOCore
import ServiceKit
import TestKit

@testable import InventoryService

/// The client's transport in these tests: the gateway's calls, over a real socket, recorded like every other exchange.
struct TestUpstream: Upstream {
    let name = "inventory-service"
    let client: TestClient
    var caller = Caller.serviceFor("api-gateway", subject: "alice")

    func send(_ request: UpstreamRequest) async throws(UpstreamError) -> UpstreamResponse {
        do {
            let answer = try await client.send(
                request.method.rawValue, request.path, as: caller, headers: request.headers, body: request.body.map { Array($0.readableBytesView) })
            return UpstreamResponse(status: answer.status, headers: answer.headers, body: ByteBuffer(bytes: answer.body))
        } catch {
            throw UpstreamError(.interrupted, upstream: name, detail: "\(error)")
        }
    }

    func stream(_ request: UpstreamRequest, body: UpstreamBody?) async throws(UpstreamError) -> UpstreamStream {
        throw UpstreamError(.unreachable, upstream: name, detail: "no stream in these tests")
    }
}

/// Runs the service with one of everything: a product, with stock.
func withInventory<T: Sendable>(
    _ engine: Engine = .sqlite, settings: [String: String] = [:], clock: ManualClock = ManualClock(), store: TestStore = .memory,
    _ body: (RunningService, InventoryClient) async throws -> T
) async throws -> T {
    var settings = settings
    if engine == .postgres { settings["DATABASE_URL"] = try await engine.url() }
    return try await withService(InventoryApp.definition, settings: settings, sources: clock.sources, store: store) { service in
        let client = InventoryClient(upstream: TestUpstream(client: service.client))
        _ = try await client.create(ProductDraft(sku: "PEN-1", name: "Pen", category: "desk", attributes: ["color": "blue"], reorderPoint: 3))
        _ = try await client.adjust("PEN-1", StockAdjustment(delta: 10, reason: .receipt))
        return try await body(service, client)
    }
}
