import Foundation
import HTTPPath
import HTTPTypes
import NIOCore
import Synchronization
import TestKit
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

@Suite(.serialized)
struct CrashTests {
    /// Orders in the run; what each pays with is drawn from the seed.
    private static let orders = 500
    private static let callers = 8
    /// Each service dies this often: the supervisor gives a service up after ten crashes in a row.
    private static let killsPerService = 5

    private final class Run: Sendable {
        private let state = Mutex((next: 0, kills: [String: Int]()))

        var kills: [String: Int] { state.withLock { $0.kills } }
        var isOver: Bool { state.withLock { $0.next >= orders } }

        func takeNumber() -> Int {
            state.withLock { state in
                defer { state.next += 1 }
                return state.next
            }
        }

        func countKill(_ service: String) { state.withLock { $0.kills[service, default: 0] += 1 } }
    }

    @Test("with each service killed at random during 500 orders, every order ends as it should and the books balance", arguments: [UInt64(2026)])
    func killedServices(seed: UInt64) async throws {
        try await RunningShop.with { shop in
            let sku = "CRASH-1"
            // Fewer than are asked for, so that running out happens too.
            try await shop.addProduct(sku, pieces: 300, as: try await shop.token("operator", "operator"))
            let token = try await shop.token("alice", "shopper")
            let run = Run()

            let answers = try await withThrowingTaskGroup(of: [Int].self) { group in
                let killer = Task { try await kill(seed, shop.folder, run) }
                for _ in 0..<Self.callers {
                    group.addTask {
                        var statuses: [Int] = []
                        while true {
                            let number = run.takeNumber()
                            guard number < Self.orders else { return statuses }
                            statuses.append(try await place(number, sku, seed, token, shop))
                        }
                    }
                }
                var all: [Int] = []
                for try await statuses in group { all += statuses }
                killer.cancel()
                _ = await killer.result
                return all
            }

            try await RunningShop.command(shop.folder, "down")
            let books = try await Books(shop.folder, sku: sku)
            let kills = run.kills
            let tally = Dictionary(grouping: answers) { $0 }.mapValues(\.count)
            print("kills \(kills), answers \(tally), orders \(books.orders), payments \(books.payments), stock \(books.movements)")

            #expect(kills.values.reduce(0, +) >= 9, "too few kills to prove anything")
            #expect(kills.count == 3)
            #expect(books.unfinishedSagas == 0)
            #expect(Set(books.orders.keys).isSubset(of: ["confirmed", "rejected"]), "\(books.orders)")
            #expect(books.orders.values.reduce(0, +) == Self.orders)
            let confirmed = books.orders["confirmed"] ?? 0
            #expect(confirmed > 0)
            // One capture per confirmed order; of a rejected one nothing is held or taken.
            #expect(books.payments["confirmed/captured"] == confirmed)
            #expect(Set(books.payments.keys).isSubset(of: ["confirmed/captured", "rejected/declined", "rejected/voided"]), "\(books.payments)")
            #expect(books.ledger["capture"] == confirmed)
            #expect(books.ledger["authorize"] == confirmed + (books.ledger["void"] ?? 0))
            #expect(books.reservations["sold"] == confirmed)
            #expect(books.reservations["held"] == nil)
            #expect(books.stock.onHand == 300 - Int64(confirmed))
            #expect(books.stock.reserved == 0)
            #expect(books.balance, "\(books)")
        }
    }

    /// Places an order, and asks again with the same key for as long as no definite answer comes, as a caller of a shaky network does.
    private func place(_ number: Int, _ sku: String, _ seed: UInt64, _ token: String, _ shop: RunningShop) async throws -> Int {
        var random = SplitMix64(seed: seed &+ UInt64(number))
        let cards = [
            "card_approve", "card_approve", "card_approve", "card_approve", "card_decline", "card_insufficient_funds", "card_fail_then_succeed",
            "card_timeout_after_charge",
        ]
        let body = RunningShop.order(sku, card: cards.randomElement(using: &random)!)
        for _ in 0..<1200 {
            if let answer = try? await shop.send(.post, "/api/v1/orders", token: token, key: "crash-\(number)", body: body) {
                let isOrder = answer.status == 201 || (try? JSON.parse(answer.body.readableBytesView))?["orderId"] != nil
                if isOrder { return answer.status }
                try #require(answer.status == 202 || answer.status >= 500, "\(answer.status) \(String(buffer: answer.body))")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("order \(number) had no definite answer within two minutes")
        return 0
    }

    /// Kills a ready service at random, again and again.
    private func kill(_ seed: UInt64, _ folder: URL, _ run: Run) async throws {
        var random = SplitMix64(seed: seed)
        while !run.isOver {
            try await Task.sleep(for: .milliseconds(Int.random(in: 300...900, using: &random)))
            let candidates = try await RunningShop.status(folder).filter { service in
                service.isReady && (run.kills[service.name] ?? 0) < Self.killsPerService
            }
            guard let victim = candidates.randomElement(using: &random), let pid = victim.pid else { continue }
            if Glibc.kill(pid, SIGKILL) == 0 { run.countKill(victim.name) }
        }
    }
}
