import Foundation
import HTTPPath
import HTTPTypes
import NIOCore
import TestKit
import Testing

@Suite(.serialized)
struct ConcurrencyTests {
    @Test("of 200 orders at once for a product with 50 pieces, exactly 50 are confirmed and 150 refused with 409")
    func lastPieces() async throws {
        try await RunningShop.with { shop in
            let sku = "LAST-50"
            try await shop.addProduct(sku, pieces: 50, as: try await shop.token("operator", "operator"))
            let token = try await shop.token("alice", "shopper")
            let answers = try await withThrowingTaskGroup(of: (Int, String).self) { group in
                for number in 0..<200 {
                    group.addTask {
                        var answer = try await shop.send(.post, "/api/v1/orders", token: token, key: "order-\(number)", body: RunningShop.order(sku))
                        // Still being carried out: the same key tells how it went.
                        while answer.status == 202 {
                            try await Task.sleep(for: .milliseconds(50))
                            answer = try await shop.send(.post, "/api/v1/orders", token: token, key: "order-\(number)", body: RunningShop.order(sku))
                        }
                        return (answer.status, Problem(status: answer.status, body: answer.body).code)
                    }
                }
                var all: [(Int, String)] = []
                for try await answer in group { all.append(answer) }
                return all
            }
            #expect(answers.count { $0.0 == 201 } == 50)
            #expect(answers.count { $0.0 == 409 && $0.1 == "insufficient_stock" } == 150)

            try await RunningShop.command(shop.folder, "down")
            let books = try await Books(shop.folder, sku: sku)
            #expect(books.stock == (0, 0))
            #expect(books.balance, "\(books)")
            #expect(books.movements["sell"] == 50)
            #expect(books.orders == ["confirmed": 50, "rejected": 150])
            #expect(books.payments["confirmed/captured"] == 50)
            #expect(books.ledger == ["authorize": 50, "capture": 50])
        }
    }
}
