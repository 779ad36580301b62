import Basics
import Database
import HTTPPath
import PricingAPI

/// Takes quotes up for orders: a step of the order's saga, and its undo.
///
/// The row of `redemptions` is the participant's barrier, and it commits with the counts it stands for:
/// - asked again, a redemption and an undo answer what they answered;
/// - an undo without a redemption is recorded, so that the redemption, when it comes late, is refused;
/// - a refusal records nothing: the saga may ask again, and undoes in any case.
///
/// A quote is a promise: until it ends, it is redeemed at its price, whatever became of prices, rates and codes since. Only a usage
/// limit is looked at here, because only here is it counted.
struct Redemptions: Sendable {
    let database: any Database
    let sources: Sources
    let signer: QuoteSigner

    func redeem(_ quoteID: Identifier, for orderID: Identifier) async throws -> Redemption {
        let now = sources.now()
        let signer = signer
        return try await database.withTransaction { transaction in
            let store = Store(transaction)
            if let earlier = try await store.redemption(of: quoteID, by: orderID) { return try Self.answerAgain(earlier) }
            guard let quote = try await store.quote(quoteID) else { throw Quotes.notFound }
            guard signer.isValid(quote), quote.id == quoteID else {
                throw Refusal(.quoteSignatureInvalid, "The quote is not signed by this service: ask for a new one.")
            }
            guard quote.validUntil > now else { throw Refusal(.quoteExpired, "The quote ended at \(quote.validUntil): ask for a new one.") }
            let redemption = Redemption(
                quoteID: quoteID, orderID: orderID, state: .redeemed, codes: quote.breakdown.discountCodes, redeemedAt: now, undoneAt: nil
            )
            // The insert is what decides between two that come at once; where the other one won, its record is the answer.
            guard try await store.insertRedemption(redemption) else {
                if let earlier = try await store.redemption(of: quoteID, by: orderID) { return try Self.answerAgain(earlier) }
                throw Refusal(.orderAlreadyRedeemed, "The order has taken up another quote: undo that first.")
            }
            for discount in try await store.discounts(of: quoteID) {
                guard try await store.countUse(of: discount) else {
                    throw Refusal(.discountExhausted, "A discount code of this quote has been used up since.")
                }
            }
            return redemption
        }
    }

    func undo(_ quoteID: Identifier, for orderID: Identifier) async throws -> Redemption {
        let now = sources.now()
        return try await database.withTransaction { transaction in
            let store = Store(transaction)
            let never = Redemption(quoteID: quoteID, orderID: orderID, state: .undone, codes: [], redeemedAt: nil, undoneAt: now)
            var undone = try await store.undoRedemption(of: quoteID, by: orderID, at: now)
            // Where there was nothing to turn, and nothing can be inserted either, a redemption was committed in between: turn that.
            if !undone, try await !store.insertRedemption(never) { undone = try await store.undoRedemption(of: quoteID, by: orderID, at: now) }
            if undone { for discount in try await store.discounts(of: quoteID) { try await store.returnUse(of: discount) } }
            guard let recorded = try await store.redemption(of: quoteID, by: orderID) else { throw StoredValueError(type: "Redemption") }
            return recorded
        }
    }

    private static func answerAgain(_ earlier: Redemption) throws(Refusal) -> Redemption {
        guard earlier.state == .redeemed else {
            throw Refusal(.alreadyUndone, "This redemption was undone, or ruled out before it came.")
        }
        return earlier
    }
}
