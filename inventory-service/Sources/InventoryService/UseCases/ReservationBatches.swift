import Basics
import Database
import InventoryAPI

/// Serves many calls on reservations with one commit.
///
/// It decides what is plain: a reservation that is new and fits or does not fit, a step that the rules let happen. Everything else, such as a
/// repeated call or a product that does not exist, it leaves to a transaction of its own (`Reservations`), which decides alone; so what a call
/// means is written down once. On PostgreSQL only: SQLite has a group commit.
struct ReservationBatches: Sendable {
    /// A refused claim may be one of many that asked for the last pieces together; so often it is asked again, with those that are left.
    private static let rounds = 3

    /// Batches of claims at the same time: while one waits for the disk, others work. The steps have two more; half of a pool of eight
    /// connections is always left.
    private static let lanes = 4

    private let claims: Batcher<Store.Claim, Settled?>
    private let steps: Batcher<Store.Step, Settled?>

    /// - Parameter size: calls in one batch.
    init(database: any Database, sources: Sources, size: Int) {
        let store = Store(database)
        var options = Batcher<Store.Claim, Settled?>.Options()
        options.most = size
        options.name = "reservations.claim"
        options.lanes = Self.lanes
        claims = Batcher(options, conflictKey: { $0.id }, { try await Self.settle($0, store, sources) })
        var stepOptions = Batcher<Store.Step, Settled?>.Options()
        stepOptions.most = size
        stepOptions.name = "reservations.move"
        let stepKey: @Sendable (Store.Step) -> AnyHashable = { $0.id }
        steps = Batcher(stepOptions, conflictKey: stepKey) { steps in
            try await store.move(steps, at: sources.now()).map { .success($0.map(Settled.done)) }
        }
    }

    /// Serves those who wait, and refuses newcomers.
    func shutdown() async {
        await claims.shutdown()
        await steps.shutdown()
    }

    /// - Returns: nil where the call is to be decided alone; nothing was written then.
    func reserve(_ id: Identifier, _ request: ReservationRequest, actor: String) async throws -> Settled? {
        var lines: [(name: String, product: ProductKey, quantity: Int64)] = []
        var products: Set<ProductKey> = []
        for line in request.lines {
            guard let product = ProductKey(line.product), products.insert(product).inserted else { return nil }
            lines.append((line.product, product, line.quantity))
        }
        // An id and a SKU may be those of one product, and a product twice would fail the batch.
        guard lines.count == 1 || lines.allSatisfy({ $0.product.isID == lines[0].product.isID }) else { return nil }
        return try await claims(Store.Claim(id: id, orderID: request.orderID, expiresIn: request.expiresIn, actor: actor, lines: lines))
    }

    /// - Returns: nil where the call is to be decided alone; nothing was written then.
    func call(_ call: ReservationRules.Call, _ id: Identifier, actor: String) async throws -> Settled? {
        try await steps(Store.Step(call: call, id: id, actor: actor))
    }

    var statistics: (claims: BatcherStatistics, steps: BatcherStatistics) { (claims.statistics, steps.statistics) }

    // MARK: -

    private static func settle(_ claims: [Store.Claim], _ store: Store, _ sources: Sources) async throws -> [Result<Settled?, any Error>] {
        var results: [Result<Settled?, any Error>] = Array(repeating: .success(nil), count: claims.count)
        var open = Array(claims.indices)
        for round in 1...rounds where !open.isEmpty {
            do {
                let now = sources.now()
                let outcomes = try await store.write(open.map { claims[$0] }, at: now)
                var unwritten: [(place: Int, refusal: Refusal?)] = []
                for (place, outcome) in zip(open, outcomes) {
                    if outcome.isWritten {
                        results[place] = .success(.done(reservation(claims[place], outcome, at: now)))
                    } else if !outcome.lines.contains(where: { $0 == nil }) {
                        unwritten.append((place, refusal(claims[place], outcome)))
                    }
                }
                open = []
                if unwritten.isEmpty { break }
                // Not in the same statement, which sees this table as it was before it waited for the stock: whoever had the stock may have
                // reserved under this very id.
                let known = try await store.knownReservations(of: unwritten.map { claims[$0.place].id })
                for (place, refusal) in unwritten where !known.contains(claims[place].id) {
                    if let refusal { results[place] = .success(.refused(refusal)) } else { open.append(place) }
                }
            } catch {
                // Once something is written, an error is not everybody's any more: those who are left are decided alone.
                guard round > 1 || results.contains(where: { if case .success(.some) = $0 { true } else { false } }) else { throw error }
                break
            }
        }
        return results
    }

    private static func reservation(_ claim: Store.Claim, _ outcome: Store.ClaimOutcome, at now: Timestamp) -> Reservation {
        Reservation(
            id: claim.id, state: .held, orderID: claim.orderID,
            lines: outcome.lines.compactMap { line in
                line.map { Reservation.Line(productID: $0.stock.productID, sku: $0.stock.sku, quantity: $0.quantity) }
            }, expiresAt: now + .seconds(claim.expiresIn), createdAt: now, updatedAt: now)
    }

    /// What the stock alone, without the others of the batch, refuses.
    private static func refusal(_ claim: Store.Claim, _ outcome: Store.ClaimOutcome) -> Refusal? {
        var shortages: [Shortage] = []
        for (asked, line) in zip(claim.lines, outcome.lines) {
            guard let line, line.stock.available < line.quantity else { continue }
            shortages.append(
                Shortage(product: asked.name, sku: line.stock.sku, requested: line.quantity, available: line.stock.available))
        }
        return shortages.isEmpty ? nil : .insufficientStock(shortages)
    }
}
