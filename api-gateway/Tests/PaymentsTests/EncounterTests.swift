import Basics
import Database
import Payments
import PricingAPI
import Synchronization
import TestKit
import Testing

/// Calls for one payment that meet on PostgreSQL, where transactions run side by side; see `Encounter`.
@Suite("Two calls for one payment at the same moment")
struct EncounterTests {
    enum Before: String, CaseIterable, Sendable {
        case nothing, failedTry, authorized, captured
    }

    enum Call: String, CaseIterable, Sendable {
        case authorize, decline, failThenSucceed, capture, void, refund
    }

    @Test("they do what they would do one after the other, wherever they meet", arguments: Before.allCases)
    func everywhere(_ before: Before) async throws {
        let database = try await StoreEngine.postgres.open(attempts: 1)
        try await migrate(database, Migration.load(SandboxPayments.migrations))
        let bank = Bank(on: database)
        let encounter = Encounter<Identifier>(on: database) {
            let id = bank.newID()
            switch before {
            case .nothing: break
            case .failedTry: _ = try? await bank.authorize(id, .failThenSucceed)
            case .authorized: _ = try await bank.authorize(id)
            case .captured:
                _ = try await bank.authorize(id)
                _ = try await bank.payments.capture(id)
            }
            return id
        } stored: { id in
            [String(describing: try await bank.payments.payment(id)?.state), String(describing: try await bank.payments.payment(id)?.method)]
                + (try await bank.ledger(id))
        }
        var waits = 0
        for first in Call.allCases {
            for second in Call.allCases {
                waits += try await encounter.expectInTurn("\(first) and \(second)", Self.call(first), Self.call(second))
            }
        }
        #expect(waits > 0, "the calls never met")
    }

    private static func call(_ call: Call) -> Encounter<Identifier>.Call {
        { id, database in
            let bank = Bank(on: database)
            do {
                switch call {
                case .authorize: return "\(try await bank.authorize(id))"
                case .decline: return "\(try await bank.authorize(id, .decline))"
                case .failThenSucceed: return "\(try await bank.authorize(id, .failThenSucceed))"
                case .capture: return "\(try await bank.payments.capture(id))"
                case .void: return "\(try await bank.payments.void(id))"
                case .refund: return "\(try await bank.payments.refund(id))"
                }
            } catch is PaymentTimeout {
                return "no answer"
            }
        }
    }
}
