import Basics
import Caching

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Requests for keys by Zipf's law, a share of them scans over keys that nobody asks for again: a shop in which a crawler, or a report, walks
/// through the catalogue.
struct Trace {
    let requests: [Int]
    let keys: Int

    /// - Parameters:
    ///   - exponent: of Zipf's law.
    ///   - scans: the share of requests that belong to scans of 100 keys each.
    init(requests count: Int, keys: Int, exponent: Double, scans: Double, seed: UInt64) {
        self.keys = keys
        var random = Random(seed: seed)
        var sums: [Double] = []
        var sum = 0.0
        for rank in 1...keys {
            sum += 1 / pow(Double(rank), exponent)
            sums.append(sum)
        }
        var requests: [Int] = []
        requests.reserveCapacity(count)
        var scanned = keys
        while requests.count < count {
            // A scan is 100 requests, so it begins so much more seldom.
            if random.next(below: 1) < scans / (scans + (1 - scans) * 100) {
                for _ in 0..<100 {
                    requests.append(scanned)
                    scanned += 1
                }
            } else {
                let wanted = random.next(below: sum)
                var (low, high) = (0, keys - 1)
                while low < high {
                    let middle = (low + high) / 2
                    if sums[middle] <= wanted { low = middle + 1 } else { high = middle }
                }
                requests.append(low)
            }
        }
        self.requests = requests
    }

    /// The share of requests that a store of this many entries answers.
    /// - Parameter admission: false for plain LRU.
    func hitRatio(entries: Int, admission: Bool) -> Double {
        let cost = 64
        var store = BoundedStore<Int>(capacity: entries * (BoundedStore<Int>.overhead + cost), admission: admission)
        var hits = 0
        for key in requests {
            if store.value(for: String(key)) != nil { hits += 1 } else { _ = store.insert(key, for: String(key), cost: cost) }
        }
        return Double(hits) / Double(requests.count)
    }

    /// What nobody can do better without knowing the future: the most popular keys, always there.
    func best(entries: Int) -> Double { Double(requests.count { $0 < entries }) / Double(requests.count) }
}

/// Replays from its seed.
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

    mutating func next(below bound: Double) -> Double { Double(next() >> 11) / Double(1 << 53) * bound }
}
