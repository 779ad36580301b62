import Basics
import Payments
import PricingAPI
import Resilience
import TestKit

/// The real sandbox, whose calls are noted and go wrong as a test wants.
struct StagedPayments: PaymentProvider {
    let stage: Stage
    let clock: ManualClock
    let bank: SandboxPayments

    func authorize(_ id: Identifier, amount: Money, method: PaymentMethod) async throws -> Authorization {
        try await call("authorize", "\(id) \(amount)") { try await bank.authorize(id, amount: amount, method: method) }
    }

    func capture(_ id: Identifier) async throws -> PaymentAnswer { try await call("capture", "\(id)") { try await bank.capture(id) } }
    func void(_ id: Identifier) async throws -> PaymentAnswer { try await call("void", "\(id)") { try await bank.void(id) } }
    func refund(_ id: Identifier) async throws -> PaymentAnswer { try await call("refund", "\(id)") { try await bank.refund(id) } }
    func payment(_ id: Identifier) async throws -> Payment? { try await bank.payment(id) }

    private func call<Answer>(_ name: String, _ identity: String, _ effect: () async throws -> Answer) async throws -> Answer {
        switch stage.enter(name, identity) {
        case nil: return try await effect()
        case .lost:
            _ = try await effect()
            throw PaymentTimeout()
        case .unreachable: throw PaymentTimeout()
        case .refused(let problem): throw problem
        case .held(let gate):
            let answer = try await effect()
            try await gate.pass()
            return answer
        case .late(let duration):
            clock.advance(by: duration)
            throw PaymentTimeout()
        }
    }
}
