import Basics
import Database
import HTTPPath
import InventoryAPI

/// Setting stock aside for orders, and what becomes of it. Each call is one transaction; `ReservationRules` says what it means.
struct Reservations: Sendable {
    /// Reservations that one transaction expires: it holds the writer for milliseconds.
    static let sweepBatch = 200

    let database: any Database
    let sources: Sources
    /// nil: each call is a transaction of its own.
    var batches: ReservationBatches?

    func reservation(_ id: Identifier) async throws -> Reservation {
        guard let stored = try await Store(database).reservation(id) else { throw Refusal.reservationNotFound }
        return stored.seen(at: sources.now())
    }

    /// Sets all lines aside, or none.
    /// - Returns: the reservation, and whether it is new.
    func reserve(_ id: Identifier, _ request: ReservationRequest, actor: String) async throws -> (Reservation, isNew: Bool) {
        if let settled = try await batches?.reserve(id, request, actor: actor) { return (try settled.get(), true) }
        while true {
            if let answer = try await reserveAlone(id, request, actor: actor) { return answer }
        }
    }

    /// - Returns: nil where somebody else has written a reservation of this id meanwhile, which is there to be read now. They stay, so that
    ///   happens once.
    private func reserveAlone(_ id: Identifier, _ request: ReservationRequest, actor: String) async throws -> (Reservation, isNew: Bool)? {
        let now = sources.now()
        do {
            let (result, isNew) = try await database.withTransaction { transaction -> (Settled, Bool) in
                let store = Store(transaction)
                if let known = try await store.reservation(id, toChange: true) {
                    let outcome = ReservationRules.outcome(ofRepeating: request, known, isDue: known.isDue(at: now))
                    return (try await Self.settle(outcome, known, store, actor: actor, at: now), false)
                }
                // The row comes after the locks of the stock: whoever waits for a row of this id, and with it for whoever writes it, holds
                // nothing then that the other waits for.
                let found = try await Self.lines(request, store)
                if case .failure(let refusal) = found {
                    // The stock may have been waited for, and whoever had it may have reserved under this very id.
                    throw try await store.reservation(id) == nil ? refusal : Overtaken()
                }
                let lines = try found.get()
                let reservation = Reservation(
                    id: id, state: .held, orderID: request.orderID, lines: lines, expiresAt: now + .seconds(request.expiresIn), createdAt: now,
                    updatedAt: now)
                guard try await store.insert(StoredReservation(reservation: reservation, expiresIn: request.expiresIn)) else { throw Overtaken() }
                try await store.insertLines(of: reservation)
                try await Self.move(.reserve, [reservation], store, actor: actor, at: now)
                return (.done(reservation), true)
            }
            return (try result.get(), isNew)
        } catch is Overtaken {
            return nil
        }
    }

    private struct Overtaken: Error {}

    /// Confirms, releases or restocks.
    func call(_ call: ReservationRules.Call, _ id: Identifier, actor: String) async throws -> Reservation {
        if let settled = try await batches?.call(call, id, actor: actor) { return try settled.get() }
        let now = sources.now()
        return try await database.withTransaction { transaction -> Settled in
            let store = Store(transaction)
            var known = try await store.reservation(id, toChange: true)
            if known == nil {
                let outcome = ReservationRules.outcome(of: call, on: nil, isDue: false)
                if case .refuse(let refusal) = outcome { return .refused(refusal) }
                precondition(outcome == .recordUndo, "the rules move nothing that is not there")
                let undone = Reservation(id: id, state: .released, orderID: nil, lines: [], expiresAt: nil, createdAt: now, updatedAt: now)
                if try await store.insert(StoredReservation(reservation: undone, expiresIn: nil)) { return .done(undone) }
                // What is undone was not visible yet a moment ago.
                known = try await Self.known(id, store)
            }
            guard let known else { throw StoredValueError(what: "reservation") }
            let outcome = ReservationRules.outcome(of: call, on: known.reservation.state, isDue: known.isDue(at: now))
            return try await Self.settle(outcome, known, store, actor: actor, at: now)
        }.get()
    }

    /// Gives back the stock of up to `sweepBatch` reservations whose time is over.
    /// - Returns: how many there were.
    func expireDue() async throws -> Int {
        let now = sources.now()
        // A look without a transaction first: most of the time there is nothing, and then the writer is left alone.
        guard try await Store(database).hasDueReservations(at: now) else { return 0 }
        return try await database.withTransaction { transaction in
            let store = Store(transaction)
            let due = try await store.dueReservations(at: now, limit: Self.sweepBatch)
            try await Self.expire(due, store, at: now)
            return due.count
        }
    }

    // MARK: -

    /// A reservation that is certainly there, locked.
    private static func known(_ id: Identifier, _ store: Store) async throws -> StoredReservation {
        guard let known = try await store.reservation(id, toChange: true) else { throw StoredValueError(what: "reservation") }
        return known
    }

    private static func settle(
        _ outcome: ReservationRules.Outcome, _ known: StoredReservation, _ store: Store, actor: String, at now: Timestamp
    ) async throws -> Settled {
        switch outcome {
        case .refuse(let refusal): return .refused(refusal)
        case .answer: return .done(known.reservation)
        case .expireThenRefuse:
            try await expire([known], store, at: now)
            return .refused(.reservationExpired)
        case .move(let state, let kind):
            var reservation = known.reservation
            reservation.state = state
            reservation.updatedAt = now
            try await store.lockStock(reservation.lines.map(\.productID))
            try await move(kind, [reservation], store, actor: actor, at: now)
            try await store.setState(state, of: [reservation.id], at: now)
            return .done(reservation)
        case .recordUndo: preconditionFailure("the rules record the undo only of what is not there")
        }
    }

    private static func expire(_ due: [StoredReservation], _ store: Store, at now: Timestamp) async throws {
        guard !due.isEmpty else { return }
        try await store.lockStock(Array(Set(due.flatMap { $0.reservation.lines.map(\.productID) })))
        try await move(.expire, due.map(\.reservation), store, actor: InventoryApp.name, at: now)
        try await store.setState(.expired, of: due.map(\.reservation.id), at: now)
    }

    /// Moves the stock of every line, which is locked, and writes it into the ledger: always both.
    private static func move(
        _ kind: StockMovement.Kind, _ reservations: [Reservation], _ store: Store, actor: String, at now: Timestamp
    ) async throws {
        var changes: [Identifier: Store.StockChange] = [:]
        var movements: [Store.NewMovement] = []
        for reservation in reservations {
            for line in reservation.lines {
                let effect = kind.effect
                changes[line.productID, default: Store.StockChange()].onHand += effect.onHand * line.quantity
                changes[line.productID, default: Store.StockChange()].reserved += effect.reserved * line.quantity
                movements.append(
                    Store.NewMovement(
                        productID: line.productID, kind: kind, quantity: line.quantity, reservationID: reservation.id, actor: actor, at: now))
            }
        }
        try await store.change(changes)
        try await store.append(movements)
    }

    /// Finds the products and looks whether there is enough of each.
    /// - Returns: or else `InvalidInput` for products that do not exist or are named twice, `Refusal` with every short line.
    private static func lines(_ request: ReservationRequest, _ store: Store) async throws -> Result<[Reservation.Line], any Error> {
        let stocks = try await store.stocks(request.lines.compactMap { ProductKey($0.product) }, toChange: true)
        var errors: [FieldError] = []
        var shortages: [Shortage] = []
        var lines: [Reservation.Line] = []
        var seen: Set<Identifier> = []
        for (index, line) in request.lines.enumerated() {
            let key = ProductKey(line.product)
            guard let stock = stocks.first(where: { .id($0.productID) == key || .sku($0.sku) == key }) else {
                errors.append(FieldError(pointer: "/lines/\(index)/productId", detail: "is no product"))
                continue
            }
            guard seen.insert(stock.productID).inserted else {
                errors.append(FieldError(pointer: "/lines/\(index)/productId", detail: "is in another line already: put them together"))
                continue
            }
            if stock.available < line.quantity {
                shortages.append(Shortage(product: line.product, sku: stock.sku, requested: line.quantity, available: stock.available))
            }
            lines.append(Reservation.Line(productID: stock.productID, sku: stock.sku, quantity: line.quantity))
        }
        guard errors.isEmpty else { return .failure(InvalidInput(errors: errors)) }
        guard shortages.isEmpty else { return .failure(Refusal.insufficientStock(shortages)) }
        return .success(lines)
    }
}

/// How a transaction ended that is to be committed in any case.
enum Settled: Hashable, Sendable {
    case done(Reservation)
    case refused(Refusal)

    func get() throws(Refusal) -> Reservation {
        switch self {
        case .done(let reservation): return reservation
        case .refused(let refusal): throw refusal
        }
    }
}

extension StockMovement.Kind {
    /// What one piece does to the stock: the ledger's equations, in one place.
    var effect: (onHand: Int64, reserved: Int64) {
        switch self {
        case .receipt, .adjustment: (1, 0)
        case .reserve: (0, 1)
        case .release, .expire: (0, -1)
        case .sell: (-1, -1)
        case .return: (1, 0)
        }
    }
}
