import Basics
import InventoryAPI
import Testing

@testable import InventoryService

@Suite("What a call means for a reservation")
struct ReservationRulesTests {
    typealias Outcome = ReservationRules.Outcome

    /// Every call on every state, and on an id of which nothing is known.
    static let table: [(ReservationRules.Call, Reservation.State?, Outcome)] = [
        (.confirm, nil, .refuse(.reservationNotFound)), (.confirm, .held, .move(to: .sold, .sell)), (.confirm, .sold, .answer),
        (.confirm, .returned, .refuse(.alreadyUndone)), (.confirm, .released, .refuse(.alreadyUndone)),
        (.confirm, .expired, .refuse(.reservationExpired)),
        (.release, nil, .recordUndo), (.release, .held, .move(to: .released, .release)), (.release, .sold, .refuse(.reservationSold)),
        (.release, .returned, .answer), (.release, .released, .answer), (.release, .expired, .answer),
        (.restock, nil, .recordUndo), (.restock, .held, .move(to: .released, .release)), (.restock, .sold, .move(to: .returned, .return)),
        (.restock, .returned, .answer), (.restock, .released, .answer), (.restock, .expired, .answer),
    ]

    @Test("each call on each state has one outcome", arguments: table)
    func outcomes(_ call: ReservationRules.Call, _ state: Reservation.State?, _ expected: Outcome) {
        #expect(ReservationRules.outcome(of: call, on: state, isDue: false) == expected)
    }

    @Test("the table leaves out no call and no state")
    func complete() {
        #expect(Self.table.count == ReservationRules.Call.allCases.count * (Reservation.State.allCases.count + 1))
    }

    @Test("a move from one state never leads back to one that came before it")
    func noWayBack() {
        let order: [Reservation.State: Int] = [.held: 0, .sold: 1, .returned: 2, .released: 2, .expired: 2]
        for (_, state, outcome) in Self.table {
            if case .move(let next, _) = outcome, let state { #expect(order[next]! > order[state]!) }
        }
    }

    @Test("a hold whose time is over cannot be sold, but can be undone")
    func due() {
        #expect(ReservationRules.outcome(of: .confirm, on: .held, isDue: true) == .expireThenRefuse)
        #expect(ReservationRules.outcome(of: .release, on: .held, isDue: true) == .move(to: .released, .release))
    }

    static let now = Timestamp(microseconds: 1_000_000)
    static let products = (Identifier(high: 1, low: 1), Identifier(high: 1, low: 2))

    static func stored(_ state: Reservation.State) -> StoredReservation {
        StoredReservation(
            reservation: Reservation(
                id: Identifier(high: 2, low: 2), state: state, orderID: Identifier(high: 3, low: 3),
                lines: [
                    .init(productID: products.0, sku: "PEN-1", quantity: 2), .init(productID: products.1, sku: "INK-1", quantity: 1),
                ], expiresAt: now + .seconds(900), createdAt: now, updatedAt: now), expiresIn: 900)
    }

    static func request(
        order: Identifier = Identifier(high: 3, low: 3), _ lines: KeyValuePairs<String, Int64> = ["PEN-1": 2, "INK-1": 1], expiresIn: Int64 = 900
    ) -> ReservationRequest {
        ReservationRequest(orderID: order, lines: lines.map { ReservationLine(product: $0, quantity: $1) }, expiresIn: expiresIn)
    }

    @Test("the same content is the same in any order of lines, by id or by SKU")
    func sameContent() {
        let stored = Self.stored(.held)
        #expect(stored.hasContent(of: Self.request()))
        #expect(stored.hasContent(of: Self.request(["INK-1": 1, "PEN-1": 2])))
        #expect(stored.hasContent(of: Self.request([Self.products.0.description.uppercased(): 2, "INK-1": 1])))
    }

    @Test(
        "another order, product, quantity, number of lines or time is other content",
        arguments: [
            request(order: Identifier(high: 3, low: 4)), request(["PEN-1": 2, "INK-2": 1]), request(["PEN-1": 2, "INK-1": 2]), request(["PEN-1": 2]),
            request(["PEN-1": 2, "PEN-1": 2]), request(expiresIn: 901),
        ])
    func otherContent(_ request: ReservationRequest) {
        #expect(!Self.stored(.held).hasContent(of: request))
        for state in Reservation.State.allCases {
            #expect(ReservationRules.outcome(ofRepeating: request, Self.stored(state), isDue: false) == .refuse(.reservationConflict))
        }
    }

    @Test("a repeated reservation succeeds only while its pieces are held or sold")
    func repeated() {
        func outcome(_ state: Reservation.State, isDue: Bool = false) -> Outcome {
            ReservationRules.outcome(ofRepeating: Self.request(), Self.stored(state), isDue: isDue)
        }
        #expect(outcome(.held) == .answer)
        #expect(outcome(.sold) == .answer)
        #expect(outcome(.held, isDue: true) == .expireThenRefuse)
        #expect(outcome(.released) == .refuse(.alreadyUndone))
        #expect(outcome(.returned) == .refuse(.alreadyUndone))
        #expect(outcome(.expired) == .refuse(.reservationExpired))
    }

    @Test("each movement keeps the ledger's equations")
    func effects() {
        var (onHand, reserved): (Int64, Int64) = (0, 0)
        for kind: StockMovement.Kind in [.receipt, .reserve, .release, .reserve, .expire, .reserve, .sell, .return] {
            onHand += kind.effect.onHand
            reserved += kind.effect.reserved
            #expect(0 <= reserved && reserved <= onHand, "after \(kind)")
        }
        #expect(onHand == 1 && reserved == 0)
    }
}
