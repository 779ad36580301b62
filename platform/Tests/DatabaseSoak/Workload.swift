import Database
import Resilience
import Synchronization

/// Callers who ask all kinds of things, and of whom every third has enough before the answer is there.
final class Workload: Sendable {
    struct Tally: Sendable {
        var answered = 0
        var cancelled = 0
        var timedOut = 0
        var lost = 0
        /// What must not be; each in words.
        var faults: [String] = []
    }

    private static let callers = 32

    private let database: PostgresDatabase
    private let tally = Mutex(Tally())
    private let next = Mutex(0)

    init(_ database: PostgresDatabase) { self.database = database }

    var soFar: Tally { tally.withLock { $0 } }

    /// Runs so many queries; returns when all of them have ended.
    func run(_ count: Int, seed: UInt64) async {
        let end = next.withLock { $0 + count }
        await withTaskGroup(of: Void.self) { group in
            for caller in 0..<Self.callers {
                group.addTask { [self] in
                    var random = SplitMix64(seed: seed &+ UInt64(caller))
                    while let number = take(before: end) { await one(number, &random) }
                }
            }
        }
    }

    private func take(before end: Int) -> Int? {
        next.withLock { next in
            guard next < end else { return nil }
            next += 1
            return next
        }
    }

    private func one(_ number: Int, _ random: inout SplitMix64) async {
        let seconds = Int.random(in: 0..<4, using: &random) == 0 ? Double.random(in: 0...0.002, using: &random) : 0
        let patience = Duration.microseconds(.random(in: 0...3000, using: &random))
        let kind = Int.random(in: 0..<8, using: &random)
        let end = Int.random(in: 0..<6, using: &random)
        do {
            let answer: Int
            switch end {
            case 0: answer = try await Deadline.with(.after(patience)) { try await ask(kind, number, seconds) }
            case 1:
                let task = Task { try await ask(kind, number, seconds) }
                try? await Task.sleep(for: patience)
                task.cancel()
                answer = try await task.value
            default: answer = try await ask(kind, number, seconds)
            }
            count { tally in
                tally.answered += 1
                if answer != number { tally.faults.append("\(number) was answered with \(answer)") }
            }
        } catch let error as DatabaseError {
            count { tally in
                switch error.code {
                case .timeout where end == 0: tally.timedOut += 1
                case .cancelled where end == 1: tally.cancelled += 1
                case .connectionLost, .commitUnknown: tally.lost += 1
                default: tally.faults.append("\(number): \(error)")
                }
            }
        } catch {
            count { $0.faults.append("\(number): \(error)") }
        }
    }

    private func ask(_ kind: Int, _ number: Int, _ seconds: Double) async throws -> Int {
        switch kind {
        case 0:
            return try await database.withTransaction { transaction in
                try await transaction.execute("INSERT INTO soak VALUES (\(number), 'x') ON CONFLICT (n) DO NOTHING")
                return try await transaction.query("DELETE FROM soak WHERE n = \(number) RETURNING n")[0].decode(0)
            }
        // One that fails.
        case 1:
            do {
                try await database.query("SELECT 1 / \(0)")
            } catch let error as DatabaseError where error.code == .statement {}
            return number
        // Now and then one that was not prepared.
        case 2: return try await database.query("SELECT \(number) AS n\(raw: String(number % 1000))")[0].decode(0)
        // A long one.
        case 3:
            let text = String(repeating: "x", count: 20_000)
            let row = try await database.query("SELECT \(number) AS n, \(text) AS t")[0]
            return try row.decode("t", as: String.self) == text ? row.decode("n") : -1
        default: return try await database.query("SELECT \(number) FROM pg_sleep(\(seconds))")[0].decode(0)
        }
    }

    private func count(_ body: (inout Tally) -> Void) { tally.withLock { body(&$0) } }
}

/// A small random generator that replays from its seed (source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
