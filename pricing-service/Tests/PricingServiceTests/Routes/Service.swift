import Basics
import HTTPPath
import HTTPTypes
import NIOCore
import PricingAPI
import Resilience
import TestKit

@testable import PricingService

/// Runs the real service, seeded, on a port of its own, with a clock that the test moves.
func withPricing<T: Sendable>(
    settings: [String: String] = [:], store: TestStore = .memory, _ body: (RunningService, ManualClock) async throws -> T
) async throws -> T {
    let clock = ManualClock()
    let settings = ["SEED_CATALOGUE": "true"].merging(settings) { $1 }
    return try await withService(PricingApp.definition, settings: settings, sources: clock.sources, store: store) { try await body($0, clock) }
}

extension TestClient {
    /// The shortest order: one product by SKU.
    func quote(_ sku: String = "LAPTOP-001", _ quantity: Int64 = 1, codes: [JSON] = [], headers: HTTPFields = [:]) async throws -> Exchange {
        let body: JSON = [
            "lines": [["productId": .string(sku), "quantity": .integer(quantity)]], "discountCodes": .array(codes), "currency": "USD",
            "taxRegion": "NONE",
        ]
        return try await post("/api/v1/quotes", json: body, as: .gateway, headers: headers)
    }
}

/// The service as an upstream of the typed client; what goes over it is recorded like every exchange.
struct ServiceUpstream: Upstream {
    let client: TestClient
    var name: String { client.service }

    func send(_ request: UpstreamRequest) async throws(UpstreamError) -> UpstreamResponse {
        do {
            let exchange = try await client.send(
                request.method.rawValue, request.path, as: .gateway, headers: request.headers, body: request.body.map { Array($0.readableBytesView) })
            return UpstreamResponse(status: exchange.status, headers: exchange.headers, body: ByteBuffer(bytes: exchange.body))
        } catch {
            throw UpstreamError(.interrupted, upstream: name, detail: "\(error)")
        }
    }

    func stream(_ request: UpstreamRequest, body: UpstreamBody?) async throws(UpstreamError) -> UpstreamStream {
        throw UpstreamError(.unreachable, upstream: name, detail: "not offered in this test")
    }
}
