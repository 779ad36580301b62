import Basics
import CAllocationCount

/// What one call costs.
struct Measurement {
    static let rounds = 7

    let name: String
    let nanoseconds: Double
    /// The fastest and the slowest round.
    let range: ClosedRange<Double>
    /// nil where they are not counted.
    let allocations: Double?

    /// Calls `body` so many times in each round, after a round that does not count.
    static func of<T, E: Error>(_ name: String, _ calls: Int, _ body: @Sendable (Int) async throws(E) -> T) async throws(E) -> Measurement {
        var times: [Double] = []
        var allocations = 0.0
        for round in 0...rounds {
            let before = allocation_count()
            let start = ContinuousClock.now
            for call in 0..<calls { _ = try await body(call) }
            let took = ContinuousClock.now - start
            guard round > 0 else { continue }
            allocations = Double(allocation_count() - before) / Double(calls)
            times.append(took.inSeconds * 1e9 / Double(calls))
        }
        times.sort()
        return Measurement(
            name: name, nanoseconds: times[times.count / 2], range: times[0]...times[times.count - 1],
            allocations: allocation_count() < 0 ? nil : allocations)
    }

    static func table(_ rows: [Measurement]) {
        let width = rows.map(\.name.count).max() ?? 0
        print("| \(padded("policy", width)) |   ns a call | fastest–slowest | allocations |")
        print("| \(String(repeating: "-", count: width)) | ----------: | --------------: | ----------: |")
        for row in rows {
            let range = "\(Int(row.range.lowerBound.rounded()))–\(Int(row.range.upperBound.rounded()))"
            let allocations = row.allocations.map { String(Int(($0 * 10).rounded()) / 10) + "." + String(abs(Int(($0 * 10).rounded())) % 10) } ?? "-"
            print(
                "| \(padded(row.name, width)) | \(right(String(Int(row.nanoseconds.rounded())), 11)) | \(right(range, 15)) | \(right(allocations, 11)) |"
            )
        }
    }

    private static func padded(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }
    private static func right(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
}
