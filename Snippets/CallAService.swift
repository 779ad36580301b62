// A call to another service, with everything around it that a call needs.

import Resilience

// snippet.hide
struct Stock: Sendable { var pieces: Int }
struct WarehouseError: Error { var status: Int }
func askWarehouse(_ sku: String) async throws(WarehouseError) -> Stock { Stock(pieces: 3) }
// snippet.show

// One pipeline for each callee, made once: it holds what is known of the callee.
var policy = CallPolicy()
policy.deadline = .seconds(2)
policy.retry.attempts = 3
policy.breaker?.failureShare = 0.5
let warehouse = CallPipeline("warehouse", policy)

// The caller's deadline counts where it is nearer, here and in everything called from here.
let stock = await Deadline.with(.after(.milliseconds(800))) { () -> Stock? in
    do {
        return try await warehouse.call(
            .read,
            verdict: { (error: WarehouseError) in
                switch error.status {
                case 400..<500: .refused
                case 503: .overloaded(retryAfter: .seconds(1))
                default: .failed
                }
            }
        ) { (_) async throws(WarehouseError) in
            try await askWarehouse("LAPTOP-001")
        }
    } catch {
        // Refused here (breaker, limits, no time), or failed there after the last attempt: the error says which.
        print("no stock to show: \(error)")
        return nil
    }
}
print(stock.map { "\($0.pieces) pieces" } ?? "unknown")

// A rate limit by itself.
let limiter = LocalRateLimiter(RateLimit(burst: 20, perSecond: 10))
let decision = limiter.take("customer-17")
print(decision.isAllowed ? "\(decision.remaining) left" : "again in \(decision.retryAfter)")
