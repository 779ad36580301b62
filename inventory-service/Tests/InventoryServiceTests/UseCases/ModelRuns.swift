import Foundation

/// Which random walks the model's tests take. A few, always the same ones, unless the environment says otherwise: see `make test-model`.
enum ModelRuns {
    /// `MODEL_SEED` names one, so that it is replayed; `MODEL_SEEDS` asks for that many.
    static let seeds: [UInt64] = {
        let environment = ProcessInfo.processInfo.environment
        if let seed = environment["MODEL_SEED"].flatMap({ UInt64($0) }) { return [seed] }
        return Array(1...(environment["MODEL_SEEDS"].flatMap { UInt64($0) } ?? 4))
    }()

    /// What a failure says, so that it can be had again.
    static func place(_ engine: Engine, seed: UInt64, batch: Int) -> String {
        "on \(engine), batch \(batch); replay: make test-model SEED=\(seed)"
    }
}
