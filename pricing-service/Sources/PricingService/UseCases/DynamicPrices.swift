import Basics
import Database
import HTTPPath
import Logging
import PricingAPI
import ServiceKit
import ServiceLifecycle

/// Prices that follow demand and the hour, for the products that have a policy: `DynamicPricing` says how, and this keeps what it decides.
///
/// A decision changes the product's row and with it its version, so a reader of prices looks at nothing else, and caches see it like any
/// other change.
struct DynamicPrices: Sendable {
    let database: any Database
    let sources: Sources
    let demand: DemandCounter
    /// Whether this service adjusts prices at all.
    let isEnabled: Bool

    /// Rows of one statement.
    static let batch = 200
    /// Of what was seen: a minute, so that a window is met to the minute.
    static let slice = Duration.seconds(60)

    /// `dynamic_policy_not_found` where the product has none.
    func policy(of product: ProductReference) async throws -> StoredPolicy {
        let store = Store(database)
        guard let known = try await store.product(product) else { throw Prices.notFound }
        guard let policy = try await store.policy(of: known, isInForce: isEnabled) else { throw Self.notFound }
        return policy
    }

    /// Sets a product's policy; it decides at once.
    func set(_ policy: DynamicPolicy, of product: ProductReference, by actor: String, _ preconditions: Preconditions) async throws -> StoredPolicy {
        let now = sources.now()
        let isEnabled = isEnabled
        return try await database.withTransaction { transaction in
            let store = Store(transaction)
            guard let known = try await store.product(product, locking: true) else { throw Prices.notFound }
            try preconditions.checkChange(of: try await store.policy(of: known, isInForce: isEnabled)?.version, required: false)
            let version = try await store.setPolicy(policy, of: known.productID, Audit(by: actor, at: now))
            try await Self.decide(for: known.productID, store, isEnabled: isEnabled, at: now)
            return StoredPolicy(
                productID: known.productID, sku: known.sku, policy: policy, version: version, updatedAt: now, updatedBy: actor, isInForce: isEnabled)
        }
    }

    /// Takes what was counted to the store, and decides for every product with a policy.
    /// - Returns: the products whose price has changed.
    func round() async throws -> [Identifier] {
        guard isEnabled else { return try await end() }
        try await keepDemand()
        let store = Store(database)
        var changed: [Identifier] = []
        var last: Identifier?
        while true {
            let policies = try await store.policiesInForce(after: last, limit: Self.batch)
            for policy in policies where try await isChange(policy, store) {
                if try await decide(for: policy.productID) { changed.append(policy.productID) }
            }
            guard policies.count == Self.batch, let end = policies.last?.productID else { return changed }
            last = end
        }
    }

    /// Where prices are not to be adjusted, what was decided when they were ends.
    private func end() async throws -> [Identifier] {
        var changed: [Identifier] = []
        while true {
            let products = try await Store(database).decidedProducts(limit: Self.batch)
            for product in products where try await decide(for: product) { changed.append(product) }
            if products.count < Self.batch { return changed }
        }
    }

    /// Deletes what was seen longer ago than any window reaches; gives the number of rows.
    func sweep(limit: Int) async throws -> Int {
        try await Store(database).deleteDemand(before: sources.now() - .seconds(60 * DynamicPolicy.windows.upperBound) - Self.slice, limit: limit)
    }

    // MARK: -

    static let notFound = Refusal(.dynamicPolicyNotFound, "The product's price follows nothing.")

    private func keepDemand() async throws {
        let counted = demand.take()
        let store = Store(database)
        let now = sources.now()
        let since = Timestamp(microseconds: now.microseconds - now.microseconds % Self.slice.microseconds)
        var references = Array(counted.keys)[...]
        while !references.isEmpty {
            let some = Array(references.prefix(Self.batch))
            references = references.dropFirst(Self.batch)
            var found: [Identifier: Demand] = [:]
            let index = PriceIndex(try await store.prices(of: some, at: now))
            for reference in some {
                guard let product = index[reference]?.productID, let seen = counted[reference] else { continue }
                found[product, default: Demand()].views += seen.views
                found[product, default: Demand()].orders += seen.orders
            }
            try await store.addDemand(found, in: since)
        }
    }

    /// Whether a decision would differ: looked at without a lock, since most do not.
    private func isChange(_ policy: PolicyInForce, _ store: Store) async throws -> Bool {
        let now = sources.now()
        let seen = try await store.demand(of: policy.productID, since: now - .seconds(60 * policy.policy.windowMinutes))
        return !Self.isSame(policy.decision, DynamicPricing.decide(policy.policy, seen, at: now))
    }

    private func decide(for product: Identifier) async throws -> Bool {
        let now = sources.now()
        let isEnabled = isEnabled
        return try await database.withTransaction { transaction in
            try await Self.decide(for: product, Store(transaction), isEnabled: isEnabled, at: now)
        }
    }

    /// - Returns: whether the decision is another one now.
    @discardableResult
    private static func decide(for product: Identifier, _ store: Store, isEnabled: Bool, at now: Timestamp) async throws -> Bool {
        guard let (former, policy) = try await store.decisionToChange(of: product) else { return false }
        var decision: PricingDecision?
        if isEnabled, let policy {
            let seen = try await store.demand(of: product, since: now - .seconds(60 * policy.windowMinutes))
            decision = DynamicPricing.decide(policy, seen, at: now)
        }
        if isSame(former, decision) { return false }
        try await store.decide(decision, for: product, at: now)
        return true
    }

    /// Demand that has grown within a step is no news.
    private static func isSame(_ a: PricingDecision?, _ b: PricingDecision?) -> Bool {
        a?.factor == b?.factor && a?.floor == b?.floor && a?.ceiling == b?.ceiling
    }
}

/// The rounds of dynamic pricing.
struct Repricing: Service {
    let prices: DynamicPrices
    let interval: Duration
    let logger: Logger
    /// Called after each change has been committed.
    var changed: @Sendable ([Identifier]) async -> Void = { _ in }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    let products = try await prices.round()
                    if !products.isEmpty {
                        logger.info("prices follow demand and the hour", metadata: ["products": "\(products.count)"])
                        await changed(products)
                    }
                    // Where nothing is adjusted there is nothing to do but to end, once, what was.
                    guard prices.isEnabled else { return await Self.untilCancelled() }
                    while try await prices.sweep(limit: Retention.batch) >= Retention.batch { await Task.yield() }
                } catch is CancellationError {
                    return
                } catch {
                    // The next round tries again; until then prices stay as they were.
                    logger.warning("prices could not follow demand", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: interval)
            }
        }
    }

    /// A background service that returns ends the process.
    private static func untilCancelled() async {
        while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
    }
}
