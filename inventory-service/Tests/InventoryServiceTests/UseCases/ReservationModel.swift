import Basics
import InventoryAPI
import TestKit

@testable import InventoryService

/// What the service should do, written a second time and as simply as can be: dictionaries, and no store.
struct ReservationModel {
    struct Held {
        var state: Reservation.State
        /// nil where only the undo is known.
        var lines: [String: Int64]?
        var expiresAt: Timestamp
    }

    var onHand: [String: Int64]
    var reserved: [String: Int64]
    var reservations: [Identifier: Held] = [:]

    init(stock: [String: Int64]) {
        onHand = stock
        reserved = stock.mapValues { _ in 0 }
    }

    /// One thing that somebody does.
    enum Action: Sendable, CustomStringConvertible {
        case reserve(Identifier, [String: Int64])
        case call(ReservationRules.Call, Identifier)
        case adjust(String, Int64)
        case pass(Duration)
        case sweep

        var description: String {
            switch self {
            case .reserve(let id, let lines): "reserve \(id) \(lines)"
            case .call(let call, let id): "\(call) \(id)"
            case .adjust(let sku, let delta): "adjust \(sku) \(delta)"
            case .pass(let time): "pass \(time)"
            case .sweep: "sweep"
            }
        }
    }

    static let holdSeconds: Int64 = 60

    /// - Returns: the state answered, or the code of the refusal.
    mutating func perform(_ action: Action, at now: Timestamp) -> String {
        switch action {
        case .reserve(let id, let lines): return reserve(id, lines, now)
        case .call(let call, let id): return perform(call, id, now)
        case .adjust(let sku, let delta):
            guard onHand[sku]! + delta >= reserved[sku]! else { return "stock_below_reserved" }
            onHand[sku]! += delta
            return "\(onHand[sku]!)"
        case .pass: return "passed"
        case .sweep:
            let due = reservations.filter { $0.value.state == .held && $0.value.expiresAt <= now }
            for id in due.keys { expire(id) }
            return "\(due.count)"
        }
    }

    private mutating func reserve(_ id: Identifier, _ lines: [String: Int64], _ now: Timestamp) -> String {
        if let known = reservations[id] {
            guard let knownLines = known.lines else { return "already_undone" }
            guard knownLines == lines else { return "reservation_conflict" }
            if isDue(id, now) { expire(id) }
            switch reservations[id]!.state {
            case .held: return "held"
            case .sold: return "sold"
            case .released, .returned: return "already_undone"
            case .expired: return "reservation_expired"
            }
        }
        guard lines.allSatisfy({ onHand[$0]! - reserved[$0]! >= $1 }) else { return "insufficient_stock" }
        for (sku, quantity) in lines { reserved[sku]! += quantity }
        reservations[id] = Held(state: .held, lines: lines, expiresAt: now + .seconds(Self.holdSeconds))
        return "held"
    }

    private mutating func perform(_ call: ReservationRules.Call, _ id: Identifier, _ now: Timestamp) -> String {
        guard let known = reservations[id] else {
            if call == .confirm { return "reservation_not_found" }
            reservations[id] = Held(state: .released, lines: nil, expiresAt: now)
            return "released"
        }
        switch (call, known.state) {
        case (.confirm, .held) where isDue(id, now):
            expire(id)
            return "reservation_expired"
        case (.confirm, .held):
            for (sku, quantity) in known.lines! {
                onHand[sku]! -= quantity
                reserved[sku]! -= quantity
            }
            return become(.sold, id)
        case (.confirm, .sold): return "sold"
        case (.confirm, .expired): return "reservation_expired"
        case (.confirm, _): return "already_undone"
        case (_, .held):
            for (sku, quantity) in known.lines! { reserved[sku]! -= quantity }
            return become(.released, id)
        case (.release, .sold): return "reservation_sold"
        case (.restock, .sold):
            for (sku, quantity) in known.lines! { onHand[sku]! += quantity }
            return become(.returned, id)
        case (_, let state): return state.rawValue
        }
    }

    private func isDue(_ id: Identifier, _ now: Timestamp) -> Bool { reservations[id]!.state == .held && reservations[id]!.expiresAt <= now }

    private mutating func expire(_ id: Identifier) {
        for (sku, quantity) in reservations[id]!.lines! { reserved[sku]! -= quantity }
        reservations[id]!.state = .expired
    }

    private mutating func become(_ state: Reservation.State, _ id: Identifier) -> String {
        reservations[id]!.state = state
        return state.rawValue
    }
}

extension ReservationModel.Action {
    /// A random one: few ids and products, so that they meet often.
    static func random(ids: [Identifier], skus: [String], using random: inout SplitMix64) -> Self {
        let id = ids.randomElement(using: &random)!
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<7:
            var lines: [String: Int64] = [:]
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                lines[skus.randomElement(using: &random)!] = Int64.random(in: 1...4, using: &random)
            }
            return .reserve(id, lines)
        case 7..<10: return .call(.confirm, id)
        case 10..<13: return .call(.release, id)
        case 13..<15: return .call(.restock, id)
        case 15..<17: return .adjust(skus.randomElement(using: &random)!, [-5, -2, -1, 1, 2, 3].randomElement(using: &random)!)
        case 17: return .sweep
        default: return .pass(.seconds(Int64.random(in: 1...30, using: &random)))
        }
    }
}
