public import Basics
public import PricingAPI

/// Whoever moves the money. Ids are chosen by the caller, so that a call whose answer was lost can be repeated, asked about, or undone.
///
/// Every method may throw: then it is not known whether it had its effect, and the caller repeats it with the same id.
public protocol PaymentProvider: Sendable {
    /// Sets the amount aside. Repeated with the same id: the first answer again.
    func authorize(_ id: Identifier, amount: Money, method: PaymentMethod) async throws -> Authorization
    /// Takes what was set aside.
    func capture(_ id: Identifier) async throws -> PaymentAnswer
    /// Gives back what was set aside. Of an id never seen: remembers it, and a later authorisation is refused.
    func void(_ id: Identifier) async throws -> PaymentAnswer
    /// Gives back what was taken.
    func refund(_ id: Identifier) async throws -> PaymentAnswer
    /// What became of it; nil if the id was never seen.
    func payment(_ id: Identifier) async throws -> Payment?
}

public enum Authorization: Hashable, Sendable {
    case authorized
    case declined(Decline)
    /// A void came first.
    case alreadyUndone
}

public enum Decline: String, Hashable, Sendable, CaseIterable {
    case cardDeclined = "card_declined"
    case insufficientFunds = "insufficient_funds"
}

public enum PaymentAnswer: Hashable, Sendable {
    /// It is so now, whether by this call or an earlier one.
    case done
    /// It cannot be, in the state that the payment is in; nothing changed.
    case refused(PaymentState)
}

public enum PaymentState: String, Hashable, Sendable, CaseIterable {
    case authorized, declined, captured, voided, refunded
}

public struct Payment: Hashable, Sendable {
    public var id: Identifier
    public var state: PaymentState
    /// nil where only a void of an id never seen is known.
    public var amount: Money?
    public var method: PaymentMethod?

    public init(id: Identifier, state: PaymentState, amount: Money?, method: PaymentMethod?) {
        self.id = id
        self.state = state
        self.amount = amount
        self.method = method
    }
}

/// How a customer pays. The sandbox's named cards are the ones there are.
public enum PaymentMethod: String, Hashable, Sendable, CaseIterable {
    /// Authorised and captured at once.
    case approve = "card_approve"
    case decline = "card_decline"
    case insufficientFunds = "card_insufficient_funds"
    /// Authorised after a pause longer than a customer likes.
    case slow = "card_slow"
    /// The amount is set aside, and the answer is lost.
    case timeoutAfterCharge = "card_timeout_after_charge"
    /// The first try fails without an effect, the second works.
    case failThenSucceed = "card_fail_then_succeed"
}

/// A provider that gave no answer.
public struct PaymentTimeout: Error, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "the payment provider did not answer" }
}
