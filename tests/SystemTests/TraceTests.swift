import Foundation
import HTTPPath
import HTTPTypes
import NIOCore
import TestKit
import Testing

/// What the services say of an order, as the console has it and the command line shows it.
@Suite(.serialized)
struct TraceTests {
    private static let ports = ["--console-port", "0", "--otlp-port", "0"]

    private func traces(ofOrder order: String, in shop: RunningShop, isWhole: (JSON) -> Bool) async throws -> [JSON] {
        // Services send every second, each in its own time.
        for _ in 0..<120 {
            let result = try await RunningShop.command(shop.folder, ["trace", "--order", order, "--json", "--wait", "60"])
            try #require(result.code == 0, "\(result.errors)")
            let traces = try JSON.parse(Array(result.output.utf8), maxDepth: 200).array ?? []
            if traces.first.map(isWhole) == true { return traces }
            try await Task.sleep(for: .milliseconds(500))
        }
        Issue.record("the trace of order \(order) is not whole after a minute")
        return []
    }

    private func place(_ card: String, in shop: RunningShop) async throws -> String {
        let token = try await shop.token("tracy", "shopper")
        let answer = try await shop.send(
            .post, "/api/v1/orders", token: token, key: "trace-\(card)", body: RunningShop.order("LAPTOP-001", card: card))
        return try #require(try JSON.parse(Array(answer.body.readableBytesView))["id"]?.string, "\(answer.status)")
    }

    @Test("an order is one trace through all three services, from the request to the statements, with nothing missing in between")
    func confirmed() async throws {
        try await RunningShop.with(console: Self.ports) { shop in
            let order = try await place("card_approve", in: shop)
            let services: Set = ["api-gateway", "inventory-service", "pricing-service"]
            let found = try await traces(ofOrder: order, in: shop) { trace in
                Set((trace["services"]?.array ?? []).compactMap(\.string)) == services && trace["orphanCount"] == 0
            }
            let trace = try #require(found.first)
            let spans = trace["spans"]?.array ?? []
            #expect(trace["name"] == "POST /api/v1/orders")
            #expect(spans.count { $0["depth"] == 0 } == 1, "one root")
            #expect(trace["errorCount"] == 0)
            for service in services {
                #expect(spans.contains { $0["service"]?.string == service && $0["kind"] == "server" })
                #expect(
                    spans.contains { $0["service"]?.string == service && self.attribute("db.system.name", of: $0) == "sqlite" }, "\(service)'s SQL")
            }
            let shown = try await RunningShop.command(shop.folder, ["trace", "--order", order, "--width", "120"])
            #expect(shown.output.contains("order \(order)"))
            #expect(shown.output.hasPrefix("POST /api/v1/orders  api-gateway\n"))
        }
    }

    private func attribute(_ key: String, of span: JSON) -> String? {
        span["attributes"]?.array?.first { $0["key"]?.string == key }?["value"]?.string
    }
}
