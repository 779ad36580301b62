import Basics
import Database
import InventoryAPI
import InventoryService

/// The service's use cases, called in this process: what the engine does without HTTP.
struct Engine: Contender {
    let useCases: InventoryUseCases
    let callers: Int
    let label: String
    var name: String { "\(label), \(callers) callers" }

    init(_ warehouse: Warehouse, callers: Int, batchSize: Int) {
        useCases = InventoryUseCases(database: warehouse.database, sources: .system, batchSize: batchSize)
        self.callers = callers
        label = batchSize > 1 ? "engine" : "engine without batches"
    }

    func run(_ workload: Workload, seconds: Int) async throws -> Measurement {
        let begun = ContinuousClock.now
        let end = begun + .seconds(seconds)
        let times = try await withThrowingTaskGroup(of: [UInt32].self) { group in
            for _ in 0..<callers {
                group.addTask {
                    var random = Random(seed: UInt64.random(in: 0...UInt64.max))
                    var times: [UInt32] = []
                    var last = ContinuousClock.now
                    while last < end {
                        let product = Warehouse.product(for: workload, &random)
                        if workload == .read {
                            _ = try await useCases.product(product)
                        } else {
                            let request = ReservationRequest(
                                orderID: Warehouse.newID(&random), lines: [ReservationLine(product: product.description, quantity: 1)])
                            _ = try await useCases.reserve(Warehouse.newID(&random), request, actor: "bench")
                        }
                        let now = ContinuousClock.now
                        times.append(UInt32(clamping: (now - last).microseconds))
                        last = now
                    }
                    return times
                }
            }
            return try await group.reduce(into: [], +=)
        }
        return Measurement(times: times, seconds: (ContinuousClock.now - begun).inSeconds)
    }
}
