import HTTPPath
import Metrics
import PricingAPI
import ShopTelemetry
import Telemetry

/// What became of orders, as metrics: counted by whoever recorded the end, after it was committed.
enum OrderCounts {
    static func count(order saga: SagaRecord<OrderData>) {
        switch saga.state {
        case .completed:
            count("confirmed")
            if let total = saga.data.outcome.total { record(total) }
        case .compensated:
            let isCancelled = saga.cancelRequested || saga.failure?.code == SagaRecord<OrderData>.cancelled.code
            count(isCancelled ? "cancelled" : "rejected", reason: isCancelled ? nil : saga.failure?.code)
        case .parked: count("needs_attention", reason: saga.failure?.code)
        case .running, .compensating: break
        }
    }

    static func count(cancellation saga: SagaRecord<OrderData>) {
        switch saga.state {
        case .completed: count("cancelled")
        case .parked: count("needs_attention", reason: saga.failure?.code)
        default: break
        }
    }

    private static func count(_ outcome: String, reason: String? = nil) {
        Counter(label: MetricDefinition.shopOrders.name, dimensions: [("outcome", outcome), ("reason", reason ?? "")]).increment()
    }

    private static func record(_ total: Money) {
        var unit = 1.0
        for _ in 0..<total.currency.minorDigits { unit *= 10 }
        Recorder(label: MetricDefinition.shopOrderValue.name, dimensions: [("currency", total.currency.code)], aggregate: true)
            .record(Double(total.amountMinor) / unit)
    }
}
