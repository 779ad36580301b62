import Foundation
import TestKit

/// Where the model's tests run, and on which way.
enum ModelStore: String, CaseIterable, Sendable {
    case sqlite, postgres, postgresInBatches

    /// Nothing is run again for a deadlock, so one fails the test.
    func warehouse() async throws -> Warehouse {
        try await Warehouse(self == .sqlite ? .sqlite : .postgres, connections: 8, attempts: 1, batchSize: self == .postgresInBatches ? 64 : 1)
    }
}

/// Which random walks the model's tests take. A few, always the same ones, unless the environment says otherwise: see `make test-model`.
enum ModelRuns {
    /// `MODEL_SEED` names one, so that it is replayed; `MODEL_SEEDS` asks for that many.
    static let seeds: [UInt64] = {
        let environment = ProcessInfo.processInfo.environment
        if let seed = environment["MODEL_SEED"].flatMap({ UInt64($0) }) { return [seed] }
        return Array(1...(environment["MODEL_SEEDS"].flatMap { UInt64($0) } ?? 4))
    }()

    /// What a failure says, so that it can be had again: the same calls at the same times. What runs side by side may take another turn,
    /// so that such a walk may want a few goes.
    static func place(_ store: ModelStore, seed: UInt64, batch: Int) -> String {
        "on \(store), batch \(batch); replay: make test-model SEED=\(seed)"
    }
}
