import Basics
import Database
import InventoryAPI

@testable import InventoryService

/// Calls that ran side by side, and what was stored before the first and after the last of them.
///
/// Nobody knows in which order they took effect, so this looks for what no order explains: an answer that the reservation's life does not
/// allow, an effect that nobody was told of, one that somebody was told of and that is not there, one that is there twice.
struct ConcurrentBatch {
    typealias Action = ReservationModel.Action

    struct Call {
        let action: Action
        /// The state answered, the pieces on hand after an adjustment, the number a sweep found, or the code of the refusal.
        let answer: String
        /// Names the call in the ledger.
        let actor: String
    }

    struct Entry {
        let sku: String
        let kind: StockMovement.Kind
        let quantity: Int64
        let reservation: Identifier?
        let actor: String
    }

    /// What is stored while nothing runs.
    struct Books {
        var onHand: [String: Int64] = [:]
        var reserved: [String: Int64] = [:]
        var reservations: [Identifier: ReservationModel.Held] = [:]
        var newest: Int64 = 0

        init(_ database: any Database) async throws {
            for row in try await database.query("SELECT p.sku, s.on_hand, s.reserved FROM stock s JOIN products p ON p.id = s.product_id") {
                onHand[try row.decode("sku")] = try row.decode("on_hand")
                reserved[try row.decode("sku")] = try row.decode("reserved")
            }
            for row in try await database.query("SELECT id, state, order_id, expires_at FROM reservations") {
                guard let state = Reservation.State(rawValue: try row.decode("state")) else { throw StoredValueError(what: "state") }
                let isUndoOnly = try row.decode("order_id", as: Identifier?.self) == nil
                reservations[try row.decode("id")] = ReservationModel.Held(
                    state: state, lines: isUndoOnly ? nil : [:],
                    expiresAt: try row.decode("expires_at", as: Timestamp?.self) ?? Timestamp(microseconds: 0))
            }
            for row in try await database.query("SELECT reservation_id, sku, quantity FROM reservation_lines") {
                reservations[try row.decode("reservation_id")]?.lines?[try row.decode("sku")] = try row.decode("quantity")
            }
            newest = try await Store(database).newestMovement(of: nil)
        }
    }

    let calls: [Call]
    let before: Books
    let after: Books
    /// In the order of their sequence.
    let entries: [Entry]
    let now: Timestamp

    init(_ calls: [Call], before: Books, in database: any Database, at now: Timestamp) async throws {
        self.calls = calls
        self.before = before
        self.now = now
        after = try await Books(database)
        entries = try await Store(database).movements(of: nil, after: before.newest, upTo: after.newest, limit: 10_000).map {
            Entry(sku: $0.sku, kind: $0.kind, quantity: $0.quantity, reservation: $0.reservationID, actor: $0.actor)
        }
    }

    /// One sentence for each thing that no order explains.
    func faults() -> [String] {
        var faults = calls.filter { $0.answer.hasPrefix("failed") }.map { "\($0.action) \($0.answer)" }
        guard faults.isEmpty else { return faults }
        for id in Set(before.reservations.keys).union(after.reservations.keys).union(calls.compactMap(\.action.id)).sorted() {
            if !hasExplanation(id) {
                let told = calls.filter { $0.action.id == id }.map { "\($0.action) → \($0.answer)" }
                faults.append("\(id): from \(state(id, before)) to \(state(id, after)) is not explained by \(told)")
            }
            faults += ledgerFaults(id)
        }
        faults += sweepFaults()
        for sku in after.onHand.keys.sorted() { faults += stockFaults(sku) }
        return faults
    }

    private func state(_ id: Identifier, _ books: Books) -> String { books.reservations[id]?.state.rawValue ?? "nothing" }

    // MARK: answers

    /// Whether there is an order of the calls of one id in which the model gives each its answer and ends where the store is.
    private func hasExplanation(_ id: Identifier) -> Bool {
        let calls = calls.filter { $0.action.id == id }
        let end = after.reservations[id]
        let hasSweeps = self.calls.contains { if case .sweep = $0.action { true } else { false } }
        var seen: Set<Int> = []

        func search(_ model: ReservationModel, _ open: Set<Int>) -> Bool {
            let known = model.reservations[id]
            // The rest depends on nothing but the calls that are left and the state: lines never change while an id has any.
            let key = open.reduce(into: 0) { $0 |= 1 << ($1 + 3) } | (known.map { Self.states.firstIndex(of: $0.state)! + 1 } ?? 0)
            guard seen.insert(key).inserted else { return false }
            if open.isEmpty, known?.state == end?.state, known?.lines == end?.lines { return true }
            if hasSweeps, known?.state == .held {
                var swept = model
                if swept.perform(.sweep, at: now) == "1", search(swept, open) { return true }
            }
            for index in open {
                let call = calls[index]
                var next = model
                let expected = next.perform(call.action, at: now)
                if expected == call.answer, search(next, open.subtracting([index])) { return true }
                // Whether there is enough depends on other ids: see `stockFaults`.
                if case .reserve = call.action, known == nil, call.answer == "insufficient_stock", search(model, open.subtracting([index])) {
                    return true
                }
            }
            return false
        }

        var model = ReservationModel(stock: before.onHand.mapValues { _ in 1_000_000 })
        if let known = before.reservations[id] {
            model.reservations[id] = known
            if known.state == .held { for (sku, quantity) in known.lines ?? [:] { model.reserved[sku]! += quantity } }
        }
        return search(model, Set(calls.indices))
    }

    private static let states: [Reservation.State] = [.held, .sold, .returned, .released, .expired]

    // MARK: the ledger

    /// A reservation's entries must be the steps from the state before to the state after: all lines of each, once, in that order.
    private func ledgerFaults(_ id: Identifier) -> [String] {
        let (from, to) = (before.reservations[id], after.reservations[id])
        let lines = to?.lines ?? [:]
        guard let steps = Self.steps(from?.state, to?.state, isUndoOnly: to?.lines == nil) else {
            return ["\(id): no way leads from \(state(id, before)) to \(state(id, after))"]
        }
        var faults: [String] = []
        for sku in after.onHand.keys.sorted() {
            let found = entries.filter { $0.reservation == id && $0.sku == sku }.map { "\($0.kind.rawValue) \($0.quantity)" }
            let expected = lines[sku].map { quantity in steps.map { "\($0.rawValue) \(quantity)" } } ?? []
            if found != expected { faults.append("\(id): the ledger of \(sku) has \(found), and should have \(expected)") }
        }
        return faults
    }

    private static func steps(_ from: Reservation.State?, _ to: Reservation.State?, isUndoOnly: Bool) -> [StockMovement.Kind]? {
        switch (from, to) {
        case (nil, nil),
            (nil, .released) where isUndoOnly:
            []
        case (nil, .held): [.reserve]
        case (nil, .sold): [.reserve, .sell]
        case (nil, .returned): [.reserve, .sell, .return]
        case (nil, .released): [.reserve, .release]
        case (.held, .sold): [.sell]
        case (.held, .returned): [.sell, .return]
        case (.held, .released): [.release]
        case (.held, .expired): [.expire]
        case (.sold, .returned): [.return]
        default: from == to ? [] : nil
        }
    }

    /// What sweeps say that they found, and what callers met too late, is what expired.
    private func sweepFaults() -> [String] {
        let expired = after.reservations.filter { before.reservations[$0.key]?.state == .held && $0.value.state == .expired }.keys
        let swept = calls.reduce(0) { sum, call in if case .sweep = call.action { sum + Int(call.answer)! } else { sum } }
        let met = expired.filter { id in calls.contains { $0.action.id == id && $0.answer == "reservation_expired" } }.count
        return (expired.count - met...expired.count).contains(swept)
            ? [] : ["sweeps found \(swept), but \(expired.count) expired, of which callers met \(met)"]
    }

    // MARK: stock

    /// A product's entries are committed in the order of their sequences, so its stock at every instant can be told from them.
    private func stockFaults(_ sku: String) -> [String] {
        var faults: [String] = []
        var (onHand, reserved) = (before.onHand[sku]!, before.reserved[sku]!)
        var instants = [(onHand: onHand, reserved: reserved)]
        var adjustments = calls.filter { if case .adjust(sku, _) = $0.action { $0.answer != "stock_below_reserved" } else { false } }
        for entry in entries where entry.sku == sku {
            switch entry.kind {
            case .receipt, .adjustment, .return: onHand += entry.quantity
            case .reserve: reserved += entry.quantity
            case .release, .expire: reserved -= entry.quantity
            case .sell:
                onHand -= entry.quantity
                reserved -= entry.quantity
            }
            instants.append((onHand, reserved))
            if !(0 <= reserved && reserved <= onHand) { faults.append("\(sku): \(reserved) of \(onHand) reserved after a \(entry.kind.rawValue)") }
            guard entry.kind == .adjustment else { continue }
            guard let index = adjustments.firstIndex(where: { $0.actor == entry.actor }) else {
                faults.append("\(sku): an adjustment of \(entry.quantity) that nobody was told of, or told of once only")
                continue
            }
            let call = adjustments.remove(at: index)
            if call.answer != "\(onHand)" { faults.append("\(sku): \(call.action) answered \(call.answer), and made it \(onHand)") }
        }
        faults += adjustments.map { "\(sku): \($0.action) answered \($0.answer), and is not in the ledger" }
        if onHand != after.onHand[sku] || reserved != after.reserved[sku] {
            faults.append("\(sku): the ledger adds up to \(reserved) of \(onHand), and \(after.reserved[sku]!) of \(after.onHand[sku]!) is stored")
        }
        for call in calls {
            switch (call.action, call.answer) {
            case (.adjust(sku, let delta), "stock_below_reserved") where !instants.contains { $0.onHand + delta < $0.reserved }:
                faults.append("\(sku): \(call.action) was refused, and there was enough at every instant")
            case (.reserve(_, let lines), "insufficient_stock") where lines.keys.min() == sku:
                if !lines.contains(where: { isEverShort($0, of: $1) }) { faults.append("\(call.action) was refused, and there was always enough") }
            default: break
            }
        }
        return faults
    }

    private func isEverShort(_ sku: String, of quantity: Int64) -> Bool {
        var available = before.onHand[sku]! - before.reserved[sku]!
        if available < quantity { return true }
        for entry in entries where entry.sku == sku {
            switch entry.kind {
            case .receipt, .adjustment, .return, .release, .expire: available += entry.quantity
            case .reserve: available -= entry.quantity
            case .sell: break
            }
            if available < quantity { return true }
        }
        return false
    }
}

extension ReservationModel.Action {
    /// The reservation that it is about.
    var id: Identifier? {
        switch self {
        case .reserve(let id, _), .call(_, let id): id
        case .adjust, .pass, .sweep: nil
        }
    }
}
