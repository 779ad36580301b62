import Foundation

/// Which schedules are played: `make test-simulation SIMULATION_SEEDS=1000` more of them, `SEED=7` that one only.
enum Seeds {
    private static let one = ProcessInfo.processInfo.environment["SIMULATION_SEED"].flatMap { UInt64($0) }
    private static let count = ProcessInfo.processInfo.environment["SIMULATION_SEEDS"].flatMap { UInt64($0) } ?? 40

    static var isReplay: Bool { one != nil }
    static var chosen: ClosedRange<UInt64> { one.map { $0...$0 } ?? 1...max(1, count) }
    /// For a mutation, which most seeds notice.
    static var few: ClosedRange<UInt64> { one.map { $0...$0 } ?? 1...8 }
}
