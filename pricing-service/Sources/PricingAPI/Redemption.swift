public import Basics

/// That an order took a quote up, so that its limited codes are counted; or that it never will.
///
/// It is a participant of the order's saga: asked again, it answers the same; an undo that comes first is remembered, and the late
/// redemption is refused with `already_undone`.
public struct Redemption: Hashable, Sendable {
    public enum State: String, Sendable, CaseIterable {
        case redeemed
        /// Taken back, or ruled out before it was made. Final.
        case undone
    }

    public var quoteID: Identifier
    public var orderID: Identifier
    public var state: State
    /// The codes of the quote, each counted once for this order while `redeemed`.
    public var codes: [String]
    /// Nil if the undo came first.
    public var redeemedAt: Timestamp?
    public var undoneAt: Timestamp?

    public init(quoteID: Identifier, orderID: Identifier, state: State, codes: [String], redeemedAt: Timestamp?, undoneAt: Timestamp?) {
        self.quoteID = quoteID
        self.orderID = orderID
        self.state = state
        self.codes = codes
        self.redeemedAt = redeemedAt
        self.undoneAt = undoneAt
    }
}
