import Basics
import InventoryAPI

/// The life of a reservation, without a store: what a call means for one in a given state.
///
/// This is the participant's barrier of a saga: a duplicate gets the stored answer, an undo that comes before its do rules it out,
/// an undo of nothing does nothing, and none of it depends on idempotency keys.
enum ReservationRules {
    enum Call: String, Hashable, CaseIterable {
        case confirm, release, restock
    }

    enum Outcome: Hashable {
        /// The reservation as it is.
        case answer
        /// To another state, with this movement of each line.
        case move(to: Reservation.State, StockMovement.Kind)
        /// Its time is over: give the stock back, and then refuse.
        case expireThenRefuse
        case refuse(Refusal)
        /// Nothing is known of the id: record that it is undone, so that the do that may still come is refused.
        case recordUndo
    }

    /// - Parameters:
    ///   - state: nil where the id is unknown.
    ///   - isDue: it is held, and its time is over, though nobody has noticed yet.
    static func outcome(of call: Call, on state: Reservation.State?, isDue: Bool) -> Outcome {
        switch (call, state) {
        case (.confirm, nil): .refuse(.reservationNotFound)
        case (.confirm, .held): isDue ? .expireThenRefuse : .move(to: .sold, .sell)
        case (.confirm, .sold): .answer
        case (.confirm, .expired): .refuse(.reservationExpired)
        case (.confirm, .released), (.confirm, .returned): .refuse(.alreadyUndone)

        case (.release, nil), (.restock, nil): .recordUndo
        case (.release, .held): .move(to: .released, .release)
        case (.release, .sold): .refuse(.reservationSold)
        case (.release, .released), (.release, .expired), (.release, .returned): .answer

        // The undo of a confirmation that has not come: with the hold gone, it will be refused when it does.
        case (.restock, .held): .move(to: .released, .release)
        case (.restock, .sold): .move(to: .returned, .return)
        case (.restock, .released), (.restock, .expired), (.restock, .returned): .answer
        }
    }

    /// What a reservation that comes again gets. A success always means that the pieces are held or sold.
    static func outcome(ofRepeating request: ReservationRequest, _ known: StoredReservation, isDue: Bool) -> Outcome {
        // Only its undo is known, so there is nothing to compare with.
        guard known.reservation.orderID != nil else { return .refuse(.alreadyUndone) }
        guard known.hasContent(of: request) else { return .refuse(.reservationConflict) }
        return switch known.reservation.state {
        case .held: isDue ? .expireThenRefuse : .answer
        case .sold: .answer
        case .released, .returned: .refuse(.alreadyUndone)
        case .expired: .refuse(.reservationExpired)
        }
    }
}

/// A reservation with what is kept of its request.
struct StoredReservation: Hashable {
    var reservation: Reservation
    /// Seconds; nil where only the undo is known.
    var expiresIn: Int64?

    func isDue(at now: Timestamp) -> Bool {
        guard reservation.state == .held, let expiresAt = reservation.expiresAt else { return false }
        return expiresAt <= now
    }

    /// As a reader sees it: due is expired, whether or not the stock was given back yet.
    func seen(at now: Timestamp) -> Reservation {
        guard isDue(at: now) else { return reservation }
        var seen = reservation
        seen.state = .expired
        return seen
    }

    /// Whether a request asks for what this one was made from; the order of the lines means nothing, and a product is the same by its
    /// id and by the SKU it had.
    func hasContent(of request: ReservationRequest) -> Bool {
        guard reservation.orderID == request.orderID, expiresIn == request.expiresIn, reservation.lines.count == request.lines.count else {
            return false
        }
        let same = request.lines.compactMap { line in
            reservation.lines.first { known in
                known.quantity == line.quantity
                    && (ProductKey(line.product) == .id(known.productID) || ProductKey(line.product) == .sku(known.sku))
            }?.productID
        }
        return Set(same).count == reservation.lines.count
    }
}

/// What names a product.
enum ProductKey: Hashable, Sendable, CustomStringConvertible {
    case id(Identifier)
    case sku(String)

    var description: String {
        switch self {
        case .id(let id): id.description
        case .sku(let sku): sku
        }
    }

    var isID: Bool { if case .id = self { true } else { false } }

    /// nil where the text can name no product.
    init?(_ text: String) {
        if let id = Identifier(text) {
            self = .id(id)
        } else if ProductRules.isSKU(text) {
            self = .sku(text)
        } else {
            return nil
        }
    }
}
