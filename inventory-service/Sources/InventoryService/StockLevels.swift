import Database
import Logging
import Metrics
import ServiceLifecycle
import ShopTelemetry
import Synchronization
import Telemetry

/// Keeps the metric of what can be sold up to date. Each replica reads the same table, so the metric is the same at each: charts take the
/// maximum, and not the sum.
final class StockLevels: Service {
    private let store: Store
    private let interval: Duration
    private let logger: Logger
    private let meters = Mutex<[String: Meter]>([:])

    init(database: any Database, interval: Duration, logger: Logger) {
        store = Store(database)
        self.interval = interval
        self.logger = logger
    }

    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            while !Task.isCancelled {
                do {
                    try await read()
                } catch is CancellationError {
                    return
                } catch {
                    logger.warning("what can be sold was not read", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: interval)
            }
        }
    }

    func read() async throws {
        // More categories than the metric has series for would end in one that says nothing.
        let levels = try await store.available(categories: MetricDefinition.shopStockAvailable.maximumSeries)
        meters.withLock { meters in
            // A category that has lost its last product is none that can be sold of.
            for (category, meter) in meters where levels[category] == nil { meter.set(0) }
            for (category, available) in levels {
                let meter =
                    meters[category] ?? Meter(label: MetricDefinition.shopStockAvailable.name, dimensions: [("category", category)])
                meters[category] = meter
                meter.set(available)
            }
        }
    }
}
