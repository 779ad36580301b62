/// What is asked for.
enum Workload: String, CaseIterable, Sendable {
    /// Products by their ids, evenly over all of them.
    case read
    /// Reservations of one piece of one product, evenly over all of them.
    case reserve
    /// Reservations of one piece of the same product.
    case hot
}

/// One contender's run of one workload.
struct Measurement: Sendable {
    /// Answers a second.
    var rate: Double
    /// Milliseconds.
    var median: Double
    /// Milliseconds; nil where the contender does not tell.
    var p99: Double?

    /// - Parameter times: of all answers, in microseconds.
    init(times: [UInt32], seconds: Double) {
        let sorted = times.sorted()
        rate = Double(sorted.count) / seconds
        median = sorted.isEmpty ? 0 : Double(sorted[sorted.count / 2]) / 1000
        p99 = sorted.isEmpty ? nil : Double(sorted[sorted.count * 99 / 100]) / 1000
    }

    init(rate: Double, median: Double) {
        self.rate = rate
        self.median = median
    }

    /// The run whose rate is in the middle.
    static func middle(_ runs: [Measurement]) -> Measurement { runs.sorted { $0.rate < $1.rate }[runs.count / 2] }
}

protocol Contender: Sendable {
    var name: String { get }
    func run(_ workload: Workload, seconds: Int) async throws -> Measurement
}

/// Fast and good enough to choose ids and products by.
struct Random {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
