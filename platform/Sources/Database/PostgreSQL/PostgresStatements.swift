import Basics
import Resilience

/// The statements that a connection has prepared.
struct PostgresStatements {
    private struct Key: Hashable {
        var text: String
        var types: [UInt32]
    }

    private struct Known {
        var name: String
        var lastUse: UInt64
    }

    let capacity: Int
    private var known: [Key: Known] = [:]
    private var uses: UInt64 = 0
    private var count: UInt64 = 0
    private var forgotten: [String] = []

    init(capacity: Int) { self.capacity = capacity }

    mutating func name(of text: String, _ types: [UInt32]) -> String? {
        uses += 1
        let key = Key(text: text, types: types)
        guard let index = known.index(forKey: key) else { return nil }
        known.values[index].lastUse = uses
        return known.values[index].name
    }

    mutating func newName() -> String {
        count += 1
        return "s\(count)"
    }

    mutating func insert(_ name: String, _ text: String, _ types: [UInt32]) {
        if known.count >= capacity, let oldest = known.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            known[oldest.key] = nil
            forgotten.append(oldest.value.name)
        }
        known[Key(text: text, types: types)] = Known(name: name, lastUse: uses)
    }

    mutating func forgetAll() {
        known = [:]
        forgotten = ["ALL"]
    }

    /// What the server is to forget; asked outside of a transaction only.
    mutating func surplus() -> [String] {
        if forgotten.isEmpty { return [] }
        defer { forgotten = [] }
        return forgotten.contains("ALL") ? ["ALL"] : forgotten
    }
}

/// A connection's `statement_timeout`.
///
/// The deadline itself is kept by cancelling. This is what ends a statement whose client is gone; so it is coarse, and changed seldom:
/// never below the time that is left, and at most about eight times of it.
struct ServerTimeout {
    /// What is set now; 0 is none.
    var milliseconds: Int64 = 0

    /// What to set before a statement; nil: what is set will do.
    func change(for deadline: Deadline?) -> Int64? {
        var wanted: Int64 = 0
        if let deadline {
            let left = deadline.remaining.milliseconds + 50
            if milliseconds >= left, milliseconds / 8 <= left { return nil }
            wanted = 128
            while wanted < left, wanted < 1 << 30 { wanted *= 2 }
        }
        return wanted == milliseconds ? nil : wanted
    }
}
