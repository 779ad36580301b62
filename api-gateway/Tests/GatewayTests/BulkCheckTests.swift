import HTTPPath
import HTTPTypes
import NIOCore
import PricingAPI
import ServiceKit
import Synchronization
import TestKit
import Testing

@testable import Gateway

@Suite("bulk-check")
struct BulkCheckTests {
    private static let path = "/api/v1/products/bulk-check"

    private func items(_ lines: (String, Int64)...) -> JSON {
        ["items": .array(lines.map { ["productId": .string($0.0), "quantity": .integer($0.1)] })]
    }

    @Test("each line is answered in its place: available, short, or unknown")
    func lines() async throws {
        try await withShop { shop in
            let body = items(("LAPTOP-001", 1), ("NO-SUCH", 1), ("LAPTOP-001", 1_000_000))
            let answer = try await shop.client.post(Self.path, json: body).expect(200).json
            let found = answer["items"]?.array ?? []
            #expect(found.map { $0["status"] } == ["available", "unknown", "short"])
            #expect(found.map { $0["productId"] } == ["LAPTOP-001", "NO-SUCH", "LAPTOP-001"])
            #expect(found[0]["product"]?["sku"] == "LAPTOP-001")
            #expect(found[0]["price"]?["price"]?["currency"] == "USD")
            #expect(found[1]["product"] == nil && found[1]["available"] == nil)
            #expect(answer["degraded"] == nil)
        }
    }

    @Test("a stream has an object for each line, in order, over all chunks")
    func stream() async throws {
        try await withShop { shop in
            let lines = (0..<120).map { $0 % 2 == 0 ? ("LAPTOP-001", Int64($0 + 1)) : ("NO-SUCH-\($0)", 1) }
            let body: JSON = ["items": .array(lines.map { ["productId": .string($0.0), "quantity": .integer($0.1)] })]
            let answer = try await shop.client.post(Self.path, json: body, headers: [.accept: "application/x-ndjson"])
            #expect(answer.status == 200)
            #expect(answer.header("Content-Type") == "application/x-ndjson")
            let found = try answer.text.split(separator: "\n").map { try JSON.parse(Array($0.utf8)) }
            #expect(found.map { $0["productId"]?.string } == lines.map(\.0))
        }
    }

    @Test("chunks are looked up a few at a time, whatever the size of the request")
    func bounded() async throws {
        let counts = CountingUpstream.Counts()
        let inventory = FakeUpstream("inventory") { _ in .json(200, ["items": [], "missing": []]) }
        let pricing = CountingUpstream(counts: counts)
        let views = ProductViews(inventory: inventory, pricing: pricing)
        let lines = (0..<1000).map { BulkCheck.Line(reference: "SKU-\($0)", quantity: 1) }
        var count = 0
        try await BulkCheck(views: views, lines: lines, currency: nil).forEachChunk { count += $0.lines.count }
        #expect(count == 1000)
        #expect(counts.most.withLock { $0 } <= BulkCheck.width)
        // Two for each chunk, however many products it names.
        #expect(inventory.calls.count == 40)
    }

    @Test("without pricing the lines come with their last known prices, and the answer says so")
    func degraded() async throws {
        let product: JSON = ["id": "01900000-0000-7001-8000-000000000001", "sku": "LAPTOP-001"]
        let price: JSON = ["productId": "01900000-0000-7001-8000-000000000001"]
        let stock: JSON = ["productId": "01900000-0000-7001-8000-000000000001", "available": 3]
        let inventory = FakeUpstream("inventory") { request in
            .json(200, ["items": [request.path == "/api/v1/stock/batch-get" ? stock : product], "missing": []])
        }
        let pricing = FakeUpstream("pricing", script: [.json(200, ["items": [price]]), .fail(.timeout)])
        let clock = ManualClock()
        let views = ProductViews(inventory: inventory, pricing: pricing, lastPrices: LastPrices(now: { clock.now }))
        let check = BulkCheck(views: views, lines: [.init(reference: "LAPTOP-001", quantity: 1)], currency: nil)
        #expect(try await check.chunk(0).isDegraded == false)
        clock.advance(by: .seconds(9))
        let chunk = try await check.chunk(0)
        #expect(chunk.isDegraded)
        let line = try JSON.parse(chunk.lines[0].readableBytesView)
        #expect(line["price"] == price)
        #expect(line["priceAgeSeconds"] == 9)
        #expect(line["available"] == 3)
    }
}

/// Counts how many calls are under way.
private struct CountingUpstream: Upstream {
    let name = "pricing"
    let counts: Counts

    final class Counts: Sendable {
        let now = Mutex(0)
        let most = Mutex(0)
    }

    func send(_ request: UpstreamRequest) async throws(UpstreamError) -> UpstreamResponse {
        let under = counts.now.withLock { now in
            now += 1
            return now
        }
        counts.most.withLock { $0 = max($0, under) }
        for _ in 0..<20 { await Task.yield() }
        counts.now.withLock { $0 -= 1 }
        return UpstreamResponse(status: 200, headers: [:], body: ByteBuffer(string: #"{"items": []}"#))
    }

    func stream(_ request: UpstreamRequest, body: UpstreamBody?) async throws(UpstreamError) -> UpstreamStream {
        throw UpstreamError(.unreachable, upstream: name, detail: "no streams")
    }
}
