import Basics
import PricingAPI
import Synchronization

/// Counts what is seen of products, in memory, until the next round of dynamic pricing takes it to the store. A crash loses what was
/// counted since the last round: it is a signal and not a ledger.
final class DemandCounter: Sendable {
    private let counts = Mutex<[ProductReference: Demand]>([:])
    private let isOn: Bool

    /// Products counted between two rounds, some megabyte; more are left out, and nothing else depends on them.
    static let mostProducts = 10_000

    /// - Parameter isOn: whether anybody wants to know.
    init(isOn: Bool) { self.isOn = isOn }

    /// Somebody has looked at the price of this one product.
    func view(_ product: ProductReference) { add(product, Demand(views: 1)) }

    /// An order has taken so many pieces.
    func order(_ product: ProductReference, pieces: Int64) { add(product, Demand(orders: pieces)) }

    private func add(_ product: ProductReference, _ demand: Demand) {
        guard isOn else { return }
        counts.withLock { counts in
            guard counts[product] != nil || counts.count < Self.mostProducts else { return }
            counts[product, default: Demand()].views += demand.views
            counts[product, default: Demand()].orders += demand.orders
        }
    }

    /// What was counted since the last time.
    func take() -> [ProductReference: Demand] {
        counts.withLock { counts in
            defer { counts = [:] }
            return counts
        }
    }
}
