import Foundation
import TestKit
import Testing

@testable import Caching

@Suite struct BoundedStoreTests {
    /// Room for about this many entries of no value.
    private func store(_ entries: Int, admission: Bool = true) -> BoundedStore<Int> {
        BoundedStore(capacity: entries * (BoundedStore<Int>.overhead + 10), admission: admission)
    }

    @Test("it never takes more than its bytes, whatever is put in, replaced and removed")
    func bounded() {
        var generator = SplitMix64(seed: 7)
        for admission in [true, false] {
            var store = BoundedStore<Int>(capacity: 20_000, admission: admission)
            var model: [String: Int] = [:]
            for step in 0..<20_000 {
                let key = "k\(Int.random(in: 0..<300, using: &generator))"
                switch Int.random(in: 0..<10, using: &generator) {
                case 0:
                    store.remove(key)
                    model[key] = nil
                case 1...5:
                    let found = store.value(for: key)
                    // What is there is what was put in last.
                    if let found { #expect(found == model[key]) }
                default:
                    _ = store.insert(step, for: key, cost: Int.random(in: 0...2000, using: &generator))
                    model[key] = step
                }
                #expect(store.bytes <= store.capacity)
                #expect(store.count * BoundedStore<Int>.overhead <= store.bytes)
            }
            #expect(store.count > 5)
            store.removeAll()
            #expect(store.count == 0 && store.bytes == 0)
        }
    }

    @Test("what is larger than all the room is not kept, and nothing goes for it")
    func tooLarge() {
        var store = store(10)
        _ = store.insert(1, for: "a", cost: 10)
        #expect(store.insert(2, for: "b", cost: 1_000_000) == 1)
        #expect(store.peek("a") == 1 && store.peek("b") == nil)
        // It grew too large in its place: the old value is not given out either.
        #expect(store.insert(3, for: "a", cost: 1_000_000) == 1)
        #expect(store.peek("a") == nil && store.count == 0)
    }

    /// The share of requests that were answered.
    private func hitRatio(_ store: BoundedStore<Int>, _ trace: [Int]) -> Double {
        var store = store
        var hits = 0
        for key in trace {
            if store.value(for: "\(key)") != nil { hits += 1 } else { _ = store.insert(key, for: "\(key)", cost: 10) }
        }
        return Double(hits) / Double(trace.count)
    }

    @Test("on a Zipf trace with scans it keeps what is asked for often, and does better than plain LRU of the same size")
    func hitRatio() {
        let trace = zipfWithScans(requests: 200_000, keys: 10_000, seed: 42)
        let ours = hitRatio(store(500), trace)
        let lru = hitRatio(store(500, admission: false), trace)
        #expect(ours > lru * 1.15, "\(ours) against \(lru)")
    }

    @Test("a change of what is popular is followed")
    func shift() {
        let first = zipfWithScans(requests: 100_000, keys: 5000, seed: 1)
        let second = zipfWithScans(requests: 100_000, keys: 5000, seed: 2).map { $0 + 1_000_000 }
        var store = store(500)
        for key in first where store.value(for: "\(key)") == nil { _ = store.insert(key, for: "\(key)", cost: 10) }
        let late = hitRatio(store, second)
        #expect(late > hitRatio(self.store(500), second) * 0.8)
    }
}

/// Requests for keys by Zipf's law (exponent 0.9), one tenth of them scans over keys that nobody asks for again.
func zipfWithScans(requests: Int, keys: Int, seed: UInt64) -> [Int] {
    var generator = SplitMix64(seed: seed)
    var sums: [Double] = []
    var sum = 0.0
    for rank in 1...keys {
        sum += 1 / pow(Double(rank), 0.9)
        sums.append(sum)
    }
    var trace: [Int] = []
    var scan = keys
    while trace.count < requests {
        if Int.random(in: 0..<1000, using: &generator) == 0 {
            for _ in 0..<111 {
                trace.append(scan)
                scan += 1
            }
        } else {
            let wanted = Double.random(in: 0..<sum, using: &generator)
            var (low, high) = (0, keys - 1)
            while low < high {
                let middle = (low + high) / 2
                if sums[middle] <= wanted { low = middle + 1 } else { high = middle }
            }
            trace.append(low)
        }
    }
    return trace
}
