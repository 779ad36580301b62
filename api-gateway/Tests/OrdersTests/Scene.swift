import Basics
import Database
import HTTPPath
import InventoryAPI
import Logging
import Payments
import PricingAPI
import Resilience
import Telemetry
import TestKit
import Testing

@testable import Orders

/// A shop around the orders: the parties, their faults, a clock that stands still, and a database that outlives any `Orders`.
struct Scene {
    let clock: ManualClock
    let stage = Stage()
    let warehouse: Warehouse
    let prices: PriceList
    /// The bank's own: it goes on when the gateway crashes.
    let bankDatabase: any Database
    let bank: SandboxPayments
    /// The gateway's.
    let database: any Database
    let logs = LogCapture()

    init(_ engine: StoreEngine = .sqlite) async throws {
        self.init(database: try await engine.open(), bankDatabase: try await engine.open())
        try await migrate(bankDatabase, Migration.load(SandboxPayments.migrations))
        try await migrate(database, Migration.load(SandboxPayments.migrations + Orders.migrations))
    }

    /// On databases that hold the tables already.
    /// - Parameter seed: of the identifiers; another one for each scene on the same databases.
    init(database: any Database, bankDatabase: any Database, seed: UInt64 = 1) {
        clock = ManualClock(seed: seed)
        warehouse = Warehouse(stage, clock, available: ["LAPTOP-001": 10, "MOUSE-001": 5])
        prices = PriceList(stage, clock)
        self.bankDatabase = bankDatabase
        bank = SandboxPayments(bankDatabase, sources: clock.sources, pause: .zero)
        self.database = database
    }

    static let limits: SagaRunner.Limits = {
        var limits = SagaRunner.Limits()
        limits.backoff = Backoff(base: .microseconds(1), cap: .microseconds(1))
        limits.parkAfter = 3
        limits.attempt = .seconds(120)
        return limits
    }()

    /// A gateway's orders. Each call is another process on the same database.
    func orders(
        on other: (any Database)? = nil, patience: Duration = .seconds(120), timeAllowed: Duration = .seconds(30),
        limits: SagaRunner.Limits = Self.limits, tracer: TelemetryTracer = .off
    ) -> Orders {
        Orders(
            database: other ?? database,
            parties: OrderParties(
                inventory: warehouse.client, pricing: prices.client, payments: StagedPayments(stage: stage, clock: clock, bank: bank)),
            sources: clock.sources, logger: logs.logger("test"), patience: patience, timeAllowed: timeAllowed, limits: limits,
            tracer: tracer)
    }

    static func request(
        _ lines: [(String, Int64)] = [("LAPTOP-001", 2)], method: PaymentMethod = .approve, expectedTotal: Int64? = nil
    ) -> OrderRequest {
        let json: JSON = [
            "lines": .array(lines.map { ["productId": .string($0.0), "quantity": .integer($0.1)] }), "currency": "USD", "taxRegion": "NONE",
            "paymentMethod": .string(method.rawValue),
        ]
        let full = expectedTotal.map { json.with("expectedTotal", ["amountMinor": .integer($0), "currency": "USD"]) } ?? json
        do { return try Fields.read(full, OrderRequest.init) } catch { preconditionFailure("\(error)") }
    }

    /// Places an order as `ann`, and waits for its end.
    func place(
        _ orders: Orders, _ request: OrderRequest = Self.request(), subject: String = "ann", key: String = "key-1", hash: String = "hash-1",
        wait: Bool = true
    ) async throws -> Order {
        try await orders.place(request, subject: subject, key: key, bodyHash: hash, wait: wait).order
    }

    /// Works until nothing is left to be done.
    func finish(_ orders: Orders) async throws {
        for _ in 1...100 {
            clock.advance(by: .milliseconds(1))
            await orders.runner.pickUp()
            await orders.runner.idle()
            if try await unfinished() == 0 { return }
        }
        Issue.record("the sagas do not come to an end; the calls were \(stage.names)")
    }

    private func unfinished() async throws -> Int {
        try await database.query("SELECT COUNT(*) AS n FROM sagas WHERE state IN ('running', 'compensating')")[0].decode("n")
    }

    // MARK: what must be so in the end

    /// Everything that an order had is as if it had never been.
    func expectUndone(_ order: Order, fileID: String = #fileID, filePath: String = #filePath, line: Int = #line, column: Int = #column) async throws {
        let place = SourceLocation(fileID: fileID, filePath: filePath, line: line, column: column)
        #expect(warehouse.available == ["LAPTOP-001": 10, "MOUSE-001": 5], sourceLocation: place)
        let outcome = try #require(order.outcome, sourceLocation: place)
        #expect([nil, .released, .returned].contains(warehouse.reservation(outcome.reservationID)?.state), sourceLocation: place)
        #expect([nil, .undone].contains(prices.redemption(order.id)?.state), sourceLocation: place)
        let state = try await bank.payment(outcome.paymentID)?.state
        #expect([nil, .declined, .voided, .refunded].contains(state), sourceLocation: place)
        let sum = try await ledger(outcome.paymentID).reduce(0) { $0 + ($1 == "authorize" ? 1 : $1 == "void" || $1 == "refund" ? -1 : 0) }
        #expect(sum == 0, "the money is back", sourceLocation: place)
    }

    /// Everything that an order needs was done, once.
    func expectDone(
        _ order: Order, sold: Int64 = 2, fileID: String = #fileID, filePath: String = #filePath, line: Int = #line, column: Int = #column
    ) async throws {
        let place = SourceLocation(fileID: fileID, filePath: filePath, line: line, column: column)
        #expect(order.status == .confirmed, sourceLocation: place)
        let outcome = try #require(order.outcome, sourceLocation: place)
        #expect(warehouse.available["LAPTOP-001"] == 10 - sold, sourceLocation: place)
        #expect(warehouse.reservation(outcome.reservationID)?.state == .sold, sourceLocation: place)
        #expect(warehouse.reservation(outcome.reservationID)?.orderID == order.id, sourceLocation: place)
        #expect(prices.quotes.count == 1, sourceLocation: place)
        #expect(prices.redemption(order.id)?.state == .redeemed, sourceLocation: place)
        #expect(try await ledger(outcome.paymentID) == ["authorize", "capture"], sourceLocation: place)
        #expect(outcome.total == Money(amountMinor: 1000 * sold, currency: .usd), sourceLocation: place)
    }

    /// What the bank booked for a payment, in order.
    func ledger(_ payment: Identifier) async throws -> [String] {
        try await bankDatabase.query("SELECT kind FROM sandbox_ledger WHERE payment_id = \(payment) ORDER BY seq").map { try $0.decode("kind") }
    }

    /// What a saga's history says, oldest first.
    func history(_ saga: Identifier) async throws -> [String] {
        try await database.query("SELECT step, event FROM saga_history WHERE saga_id = \(saga) ORDER BY version").map { row in
            let step: String = try row.decode("step")
            let event: String = try row.decode("event")
            return step.isEmpty ? event : "\(step): \(event)"
        }
    }

    func sagas(of order: Identifier) async throws -> [String] {
        try await database.query("SELECT kind, state FROM sagas WHERE subject_id = \(order) ORDER BY created_at, kind DESC").map { row in
            "\(try row.decode("kind", as: String.self)) \(try row.decode("state", as: String.self))"
        }
    }
}

/// The problem that a call throws; nil if it throws none.
func problem(_ body: () async throws -> some Any) async throws -> Problem? {
    do {
        _ = try await body()
        return nil
    } catch let problem as Problem {
        return problem
    }
}

/// The calls of an order to which nothing happens.
let straight = ["quote", "redeem", "reserve", "authorize", "confirm", "capture"]
