import Basics
import Database
import Payments
import PricingAPI
import TestKit
import Testing

@Suite("the sandbox of payments")
struct SandboxPaymentsTests {
    // MARK: cards

    @Test("a card that pays is authorised at once, and the amount is booked", arguments: StoreEngine.allCases, [PaymentMethod.approve, .slow])
    func approves(engine: StoreEngine, _ method: PaymentMethod) async throws {
        let bank = try await Bank(engine)
        let id = bank.newID()
        #expect(try await bank.authorize(id, method) == .authorized)
        #expect(try await bank.payments.payment(id) == Payment(id: id, state: .authorized, amount: Bank.amount, method: method))
        #expect(try await bank.ledger(id) == ["authorize 12345"])
    }

    @Test(
        "a card that does not pay is declined with its reason, and nothing is booked", arguments: StoreEngine.allCases,
        [(PaymentMethod.decline, Decline.cardDeclined), (.insufficientFunds, .insufficientFunds)])
    func declines(engine: StoreEngine, _ card: (method: PaymentMethod, reason: Decline)) async throws {
        let (method, reason) = card
        let bank = try await Bank(engine)
        let id = bank.newID()
        #expect(try await bank.authorize(id, method) == .declined(reason))
        #expect(try await bank.authorize(id, method) == .declined(reason), "repeated")
        #expect(try await bank.state(id) == .declined)
        #expect(try await bank.ledger(id) == [])
    }

    @Test("a card that times out after charging has charged once, and says so when it is asked again", arguments: StoreEngine.allCases)
    func timeoutAfterCharge(engine: StoreEngine) async throws {
        let bank = try await Bank(engine)
        let id = bank.newID()
        await #expect(throws: PaymentTimeout.self) { try await bank.authorize(id, .timeoutAfterCharge) }
        #expect(try await bank.state(id) == .authorized)
        #expect(try await bank.authorize(id, .timeoutAfterCharge) == .authorized)
        #expect(try await bank.ledger(id) == ["authorize 12345"])
    }

    @Test("a card that fails first has had no effect then, and works the second time", arguments: StoreEngine.allCases)
    func failThenSucceed(engine: StoreEngine) async throws {
        let bank = try await Bank(engine)
        let id = bank.newID()
        await #expect(throws: PaymentTimeout.self) { try await bank.authorize(id, .failThenSucceed) }
        #expect(try await bank.state(id) == nil)
        #expect(try await bank.ledger(id) == [])
        #expect(try await bank.authorize(id, .failThenSucceed) == .authorized)
        #expect(try await bank.authorize(id, .failThenSucceed) == .authorized)
        #expect(try await bank.ledger(id) == ["authorize 12345"])
    }

    @Test("a first try that failed can neither be captured nor refunded, and can be voided", arguments: StoreEngine.allCases)
    func failedFirstTry(engine: StoreEngine) async throws {
        let bank = try await Bank(engine)
        let id = bank.newID()
        _ = try? await bank.authorize(id, .failThenSucceed)
        #expect(try await bank.payments.capture(id) == .refused(.voided))
        #expect(try await bank.payments.refund(id) == .refused(.voided))
        #expect(try await bank.payments.void(id) == .done)
        #expect(try await bank.authorize(id, .failThenSucceed) == .alreadyUndone)
        #expect(try await bank.ledger(id) == [])
    }

    @Test("every card that the sandbox offers is tested here")
    func everyCard() {
        let tested: Set<PaymentMethod> = [.approve, .slow, .decline, .insufficientFunds, .timeoutAfterCharge, .failThenSucceed]
        #expect(tested == Set(PaymentMethod.allCases))
    }

    // MARK: deeds

    enum Deed: String, CaseIterable, Sendable {
        case capture, void, refund

        func run(_ id: Identifier, _ payments: some PaymentProvider) async throws -> PaymentAnswer {
            switch self {
            case .capture: try await payments.capture(id)
            case .void: try await payments.void(id)
            case .refund: try await payments.refund(id)
            }
        }

        /// What the deed answers in each state; `refused` names the state that stands in its way.
        func answer(in state: PaymentState) -> PaymentAnswer {
            switch (self, state) {
            case (.capture, .authorized), (.capture, .captured): .done
            case (.refund, .captured), (.refund, .refunded): .done
            case (.void, .authorized), (.void, .voided), (.void, .declined), (.void, .refunded): .done
            default: .refused(state)
            }
        }
    }

    @Test("each deed is done where the state allows it, and refused with that state where not", arguments: StoreEngine.allCases, Deed.allCases)
    func deeds(engine: StoreEngine, _ deed: Deed) async throws {
        let bank = try await Bank(engine)
        for state in PaymentState.allCases { try await expectAnswer(of: deed, in: state, bank) }
    }

    private func expectAnswer(of deed: Deed, in state: PaymentState, _ bank: Bank) async throws {
        let id = try await bank.payment(state)
        let before = try await bank.ledger(id)
        let answer = try await deed.run(id, bank.payments)
        #expect(answer == deed.answer(in: state), "\(state)")
        if case .refused = answer {
            #expect(try await bank.state(id) == state, "a refusal changes nothing")
            #expect(try await bank.ledger(id) == before)
        }
        let after = try await bank.ledger(id)
        #expect(try await deed.run(id, bank.payments) == answer, "repeated, the answer is the same")
        #expect(try await bank.ledger(id) == after, "repeated, nothing more is booked")
    }

    @Test("a capture after a void is refused", arguments: StoreEngine.allCases)
    func captureAfterVoid(engine: StoreEngine) async throws {
        let bank = try await Bank(engine)
        let id = try await bank.payment(.voided)
        #expect(try await bank.payments.capture(id) == .refused(.voided))
        #expect(try await bank.ledger(id) == ["authorize 12345", "void 12345"])
    }

    @Test("a void of an id never seen is remembered: a late authorisation is already undone", arguments: StoreEngine.allCases)
    func voidFirst(engine: StoreEngine) async throws {
        let bank = try await Bank(engine)
        let id = bank.newID()
        #expect(try await bank.payments.void(id) == .done)
        #expect(try await bank.authorize(id) == .alreadyUndone)
        #expect(try await bank.payments.payment(id) == Payment(id: id, state: .voided, amount: nil, method: nil))
        #expect(try await bank.ledger(id) == [])
    }

    @Test("an id never seen can be neither captured nor refunded, and stays unknown", arguments: StoreEngine.allCases, [Deed.capture, .refund])
    func unknown(engine: StoreEngine, _ deed: Deed) async throws {
        let bank = try await Bank(engine)
        let id = bank.newID()
        #expect(try await deed.run(id, bank.payments) == .refused(.voided))
        #expect(try await bank.state(id) == nil)
        #expect(try await bank.authorize(id) == .authorized)
    }

    @Test("the ledger holds each deed of a payment once, with its amount", arguments: StoreEngine.allCases)
    func ledger(engine: StoreEngine) async throws {
        let bank = try await Bank(engine)
        let id = bank.newID()
        for _ in 1...2 { _ = try await bank.authorize(id) }
        for _ in 1...2 { _ = try await bank.payments.capture(id) }
        for _ in 1...2 { _ = try await bank.payments.refund(id) }
        #expect(try await bank.ledger(id) == ["authorize 12345", "capture 12345", "refund 12345"])
    }

    @Test("an authorisation of a captured payment is the first answer again, and of a refunded one already undone", arguments: StoreEngine.allCases)
    func authorizeLater(engine: StoreEngine) async throws {
        let bank = try await Bank(engine)
        #expect(try await bank.authorize(bank.payment(.captured)) == .authorized)
        #expect(try await bank.authorize(bank.payment(.refunded)) == .alreadyUndone)
        #expect(try await bank.authorize(bank.payment(.voided)) == .alreadyUndone)
    }

    @Test("of the same id with another amount or card, the first one counts", arguments: StoreEngine.allCases)
    func firstCounts(engine: StoreEngine) async throws {
        let bank = try await Bank(engine)
        let id = try await bank.payment(.authorized)
        #expect(try await bank.payments.authorize(id, amount: Money(amountMinor: 1, currency: .eur), method: .decline) == .authorized)
        #expect(try await bank.payments.payment(id) == Payment(id: id, state: .authorized, amount: Bank.amount, method: .approve))
    }

    @Test("many authorisations of one id at once book it once, and all say the same", arguments: StoreEngine.allCases)
    func concurrent(engine: StoreEngine) async throws {
        let bank = try await Bank(engine)
        let id = bank.newID()
        let answers = try await withThrowingTaskGroup(of: Authorization.self) { group in
            for _ in 1...20 { group.addTask { try await bank.authorize(id) } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(answers == [.authorized])
        #expect(try await bank.ledger(id) == ["authorize 12345"])
    }

    @Test("a capture and a void at once: one of them wins, and the other is refused or comes after", arguments: StoreEngine.allCases)
    func race(engine: StoreEngine) async throws {
        let bank = try await Bank(engine)
        for _ in 1...10 {
            let id = try await bank.payment(.authorized)
            async let capture = bank.payments.capture(id)
            async let void = bank.payments.void(id)
            let outcome = try await (capture, void)
            switch try await bank.state(id) {
            case .captured: #expect(outcome == (.done, .refused(.captured)))
            case .voided: #expect(outcome == (.refused(.voided), .done))
            case let other: Issue.record("the payment is \(String(describing: other))")
            }
        }
    }
}
