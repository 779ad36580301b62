import Basics
import HTTPPath
import HTTPTypes
import InventoryAPI
import NIOCore
import Synchronization
import TestKit

/// An inventory service in memory: reservations with the states, refusals and barriers of the real one's contract.
final class Warehouse: Sendable {
    struct Held: Sendable {
        var state: Reservation.State
        var orderID: Identifier?
        var lines: [String: Int64]
    }

    private struct State {
        var available: [String: Int64]
        var reservations: [Identifier: Held] = [:]
    }

    private let state: Mutex<State>
    private let stage: Stage
    private let clock: ManualClock

    init(_ stage: Stage, _ clock: ManualClock, available: [String: Int64]) {
        self.stage = stage
        self.clock = clock
        state = Mutex(State(available: available))
    }

    var client: InventoryClient { InventoryClient(upstream: FakeUpstream("inventory") { [self] in handle($0) }) }

    var available: [String: Int64] { state.withLock { $0.available } }
    func reservation(_ id: Identifier) -> Held? { state.withLock { $0.reservations[id] } }
    var reservations: [Held] { state.withLock { Array($0.reservations.values) } }

    private func handle(_ request: UpstreamRequest) -> FakeUpstream.Step {
        let parts = request.path.split(separator: "/").map(String.init)
        guard parts.count >= 4, parts[2] == "reservations", let id = Identifier(parts[3]) else { return .problem(.notFound("route")) }
        let name = parts.count == 5 ? parts[4] : "reserve"
        let body = request.body.flatMap { try? JSON.parse($0.readableBytesView) } ?? .null
        return stage.answer(name, "\(id) \(request.headers[.idempotencyKey] ?? "")", clock: clock) { apply(name, id, body) }
    }

    private func apply(_ name: String, _ id: Identifier, _ body: JSON) -> Result<ByteBuffer, Problem> {
        state.withLock { state in
            let known = state.reservations[id]
            switch (name, known?.state) {
            case ("reserve", nil):
                var lines: [String: Int64] = [:]
                for line in body["lines"]?.array ?? [] {
                    lines[line["productId"]?.string ?? "", default: 0] += line["quantity"]?.integer ?? 0
                }
                let short = lines.filter { state.available[$0.key, default: 0] < $0.value }.sorted { $0.key < $1.key }
                guard short.isEmpty else {
                    let missing = short.map {
                        Shortage(product: $0.key, sku: $0.key, requested: $0.value, available: state.available[$0.key, default: 0]).json
                    }
                    return .failure(Problem(409, "insufficient_stock", "Short.", extra: [.init("lines", .array(missing))]))
                }
                for (sku, quantity) in lines { state.available[sku, default: 0] -= quantity }
                state.reservations[id] = Held(state: .held, orderID: body["orderId"]?.string.flatMap { Identifier($0) }, lines: lines)
            case ("reserve", .held), ("reserve", .sold): break
            case ("reserve", _): return .failure(Problem(409, "already_undone", "Undone."))
            case ("confirm", .held): state.reservations[id]?.state = .sold
            case ("confirm", .sold): break
            case ("confirm", nil): return .failure(.notFound("reservation"))
            case ("confirm", _): return .failure(Problem(409, "already_undone", "Undone."))
            case ("release", .sold): return .failure(Problem(409, "reservation_sold", "Sold."))
            case ("release", nil), ("restock", nil): state.reservations[id] = Held(state: .released, orderID: nil, lines: [:])
            case ("release", .held), ("restock", .held), ("restock", .sold):
                for (sku, quantity) in known?.lines ?? [:] { state.available[sku, default: 0] += quantity }
                state.reservations[id]?.state = known?.state == .sold ? .returned : .released
            default: break
            }
            return .success(JSONWriter.bytes(wire(id, state.reservations[id])))
        }
    }

    private func wire(_ id: Identifier, _ held: Held?) -> Reservation {
        let lines = (held?.lines ?? [:]).sorted { $0.key < $1.key }
        return Reservation(
            id: id, state: held?.state ?? .released, orderID: held?.orderID,
            lines: lines.map { .init(productID: id, sku: $0.key, quantity: $0.value) }, expiresAt: nil, createdAt: clock.now, updatedAt: clock.now)
    }
}
