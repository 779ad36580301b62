import Basics
import Database
import HTTPPath
import PricingAPI
import ServiceKit

/// Takes quotes up for orders: a step of the order's saga, and its undo.
///
/// The row of `redemptions` is the participant's barrier, and it commits with the counts it stands for:
/// - asked again, a redemption and an undo answer what they answered;
/// - an undo without a redemption is recorded, so that the redemption, when it comes late, is refused;
/// - a refusal records nothing: the saga may ask again, and undoes in any case.
///
/// A quote is a promise: until it ends, it is redeemed at its price, whatever became of prices, rates and codes since. Only a usage
/// limit is looked at here, because only here is it counted: of all orders, and of one shopper's.
struct Redemptions: Sendable {
    let database: any Database
    let sources: Sources
    let signer: QuoteSigner
    /// Told of the pieces that orders take.
    var demand = DemandCounter(isOn: false)

    /// - Parameter shopper: who orders, as the caller says; needed for a code that is limited per shopper.
    func redeem(_ quoteID: Identifier, for orderID: Identifier, by shopper: String? = nil) async throws -> Redemption {
        let now = sources.now()
        let signer = signer
        await signer.keys.refresh()
        let (redemption, taken) = try await database.withTransaction { transaction -> (Redemption, Quote?) in
            let store = Store(transaction)
            if let earlier = try await store.redemption(of: quoteID, by: orderID) { return (try Self.answerAgain(earlier), nil) }
            guard let quote = try await store.quote(quoteID) else { throw Quotes.notFound }
            try signer.check(quote)
            guard quote.id == quoteID else { throw Refusal(.quoteSignatureInvalid, "The quote is another one: ask for a new one.") }
            guard quote.validUntil > now else { throw Refusal(.quoteExpired, "The quote ended at \(quote.validUntil): ask for a new one.") }
            let redemption = Redemption(
                quoteID: quoteID, orderID: orderID, state: .redeemed, codes: quote.breakdown.discountCodes, redeemedAt: now, undoneAt: nil
            )
            // The insert is what decides between two that come at once; where the other one won, its record is the answer.
            guard try await store.insertRedemption(redemption, by: shopper) else {
                if let earlier = try await store.redemption(of: quoteID, by: orderID) { return (try Self.answerAgain(earlier), nil) }
                throw Refusal(.orderAlreadyRedeemed, "The order has taken up another quote: undo that first.")
            }
            for discount in try await store.discounts(of: quoteID) {
                switch try await store.countUse(of: discount, by: shopper) {
                case .counted: continue
                case .exhausted: throw Refusal(.discountExhausted, "A discount code of this quote has been used up since.")
                case .exhaustedForShopper:
                    throw Refusal(.discountUsedByShopper, "The shopper has used a discount code of this quote as often as one shopper may.")
                case .needsShopper:
                    throw Refusal(.shopperUnknown, "A discount code of this quote is limited per shopper: say who orders, in X-On-Behalf-Of.")
                }
            }
            return (redemption, quote)
        }
        for line in taken?.breakdown.lines ?? [] { demand.order(.id(line.productID), pieces: line.quantity) }
        return redemption
    }

    func undo(_ quoteID: Identifier, for orderID: Identifier) async throws -> Redemption {
        let now = sources.now()
        return try await database.withTransaction { transaction in
            let store = Store(transaction)
            let never = Redemption(quoteID: quoteID, orderID: orderID, state: .undone, codes: [], redeemedAt: nil, undoneAt: now)
            var undone = try await store.undoRedemption(of: quoteID, by: orderID, at: now)
            // Where there was nothing to turn, and nothing can be inserted either, a redemption was committed in between: turn that.
            if undone == nil, try await !store.insertRedemption(never) {
                undone = try await store.undoRedemption(of: quoteID, by: orderID, at: now)
            }
            if let undone {
                for discount in try await store.discounts(of: quoteID) { try await store.returnUse(of: discount, by: undone.shopper) }
            }
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
