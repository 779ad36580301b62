import AsyncHTTPClient
import Basics
import Foundation
import HTTPPath
import HTTPTypes
import LocalServers
import NIOCore
import Synchronization
import TestKit
import Testing

@Suite(.serialized)
struct DatabaseCrashTests {
    private static let reservations = 600
    private static let callers = 16
    private static let products = ["CRASH-1", "CRASH-2", "CRASH-3"]
    /// The server dies when so many have been acknowledged.
    private static let kills = [100, 250, 400]

    private final class Run: Sendable {
        private let state = Mutex((next: 0, acknowledged: 0, unavailable: 0, without: 0))

        var acknowledged: Int { state.withLock { $0.acknowledged } }
        var unavailable: Int { state.withLock { $0.unavailable } }
        /// Refusals that did not say when to come again.
        var withoutRetryAfter: Int { state.withLock { $0.without } }

        func takeNumber() -> Int {
            state.withLock { state in
                defer { state.next += 1 }
                return state.next
            }
        }

        func acknowledge() { state.withLock { $0.acknowledged += 1 } }

        func refused(saysWhen: Bool) {
            state.withLock { state in
                state.unavailable += 1
                if !saysWhen { state.without += 1 }
            }
        }
    }

    @Test("with PostgreSQL killed three times under load no acknowledged reservation is lost and none is doubled, and the service recovers by itself")
    func killedServer() async throws {
        try await TestPostgres.withServer { server in
            try await RunningShop.with(["--postgres", server.adminURL]) { shop in
                let manager = try await shop.token("operator", "operator")
                for product in Self.products { try await shop.addProduct(product, pieces: Self.reservations, as: manager) }
                let status = try await RunningShop.status(shop.folder)
                let inventory = try #require(status.first { $0.name == "inventory-service" })
                let token = try await RunningShop.command(shop.folder, "token", "--service", "inventory").output
                let client = HTTPClient.forServices(connectTimeout: .seconds(60))
                let upstream = HTTPUpstream(name: "inventory", baseURL: "http://127.0.0.1:\(inventory.port)", client: client, timeout: .seconds(60)) {
                    "Bearer " + token.trimmingCharacters(in: .whitespacesAndNewlines)
                }
                let run = Run()
                do {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask {
                            for mark in Self.kills {
                                while run.acknowledged < mark { try await Task.sleep(for: .milliseconds(2)) }
                                server.kill()
                                try await server.restart()
                            }
                        }
                        for _ in 0..<Self.callers { group.addTask { try await reserve(upstream, run) } }
                        try await group.waitForAll()
                    }
                    try await client.shutdown()
                } catch {
                    try? await client.shutdown()
                    throw error
                }
                print("acknowledged \(run.acknowledged), refused while the server was away \(run.unavailable)")
                #expect(run.acknowledged == Self.reservations)
                #expect(run.unavailable > 0, "nobody noticed that the server was killed")
                #expect(run.withoutRetryAfter == 0)
                // The same process all the time: it needed nobody to help it.
                #expect(try await RunningShop.status(shop.folder).first { $0.name == "inventory-service" }?.pid == inventory.pid)

                let url = server.url(database: "inventory")
                let held = try await TestPostgres.psql(url, "SELECT count(*) FROM reservations WHERE state = 'held'")
                #expect(held == "\(Self.reservations)")
                let lines = try await TestPostgres.psql(url, "SELECT count(*), sum(quantity) FROM reservation_lines")
                let moved = try await TestPostgres.psql(url, "SELECT count(*), sum(quantity) FROM stock_movements WHERE kind = 'reserve'")
                #expect(lines == "\(Self.reservations)|\(Self.reservations)" && moved == lines)
                #expect(try await TestPostgres.psql(url, "SELECT sum(reserved) FROM stock") == "\(Self.reservations)")
                let broken = try await TestPostgres.psql(
                    url,
                    """
                    SELECT count(*) FROM stock s WHERE s.reserved <> (SELECT coalesce(sum(m.quantity), 0) FROM stock_movements m
                        WHERE m.product_id = s.product_id AND m.kind = 'reserve')
                    """)
                #expect(broken == "0")
            }
        }
    }

    /// Reserves one piece under an id, and asks again with the same id until it is acknowledged.
    private func reserve(_ inventory: HTTPUpstream, _ run: Run) async throws {
        while true {
            let number = run.takeNumber()
            guard number < Self.reservations else { return }
            let (id, order) = (Sources.system.makeID(), Sources.system.makeID())
            let product = Self.products[number % Self.products.count]
            let body = #"{"orderId": "\#(order)", "lines": [{"productId": "\#(product)", "quantity": 1}], "expiresIn": 3600}"#
            var isDone = false
            for _ in 0..<3000 where !isDone {
                let answer = try await inventory.send(UpstreamRequest(.put, "/api/v1/reservations/\(id)", body: ByteBuffer(string: body)))
                switch answer.status {
                case 200, 201: isDone = true
                case 503, 504:
                    run.refused(saysWhen: answer.headers[.retryAfter] != nil || answer.status == 504)
                    try await Task.sleep(for: .milliseconds(20))
                default: throw TestFailure(description: "\(answer.status) \(String(buffer: answer.body))")
                }
            }
            try #require(isDone, "reservation \(number) was not acknowledged within a minute")
            run.acknowledge()
        }
    }

    private struct TestFailure: Error, CustomStringConvertible {
        let description: String
    }
}
