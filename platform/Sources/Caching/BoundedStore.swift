/// Values by key in at most so many bytes. Which go when it is full is decided by W-TinyLFU: new ones enter a small window in order of use;
/// what leaves the window gets into the main part only if it is asked for more often than what would have to go there. So a scan over many
/// keys that are asked for once passes through the window and leaves the rest alone, which plain LRU does not manage.
///
/// The main part has two segments: what is asked for again moves from the probationary into the protected one. No I/O, no clock.
package struct BoundedStore<Value> {
    private enum Segment: Int { case window, probation, protected }

    private struct Node {
        var key: String
        var value: Value
        var cost: Int
        var segment: Segment
        var newer = -1
        var older = -1
    }

    private struct List {
        var newest = -1
        var oldest = -1
        var bytes = 0
    }

    /// What an entry costs besides its key and value: node, slot in the dictionary, headers of the heap.
    package static var overhead: Int { 160 }

    let capacity: Int
    private let windowCapacity: Int
    private let protectedCapacity: Int
    private var nodes: [Node?] = []
    private var free: [Int] = []
    private var index: [String: Int] = [:]
    private var lists = [List(), List(), List()]
    private var sketch: FrequencySketch
    private let admission: Bool

    /// - Parameters:
    ///   - capacity: bytes, of which each entry takes its cost and ``overhead``.
    ///   - admission: false makes it a plain LRU, to compare with.
    package init(capacity: Int, admission: Bool = true) {
        self.capacity = capacity
        self.admission = admission
        // 1 % and 80 %: the paper's.
        windowCapacity = admission ? max(capacity / 100, min(capacity, 4096)) : capacity
        protectedCapacity = (capacity - windowCapacity) / 10 * 8
        sketch = FrequencySketch(keys: capacity / 256)
    }

    package var count: Int { index.count }
    package var bytes: Int { lists[0].bytes + lists[1].bytes + lists[2].bytes }

    /// The value, which counts as asked for.
    package mutating func value(for key: String) -> Value? {
        sketch.increment(key.hashValue)
        guard let slot = index[key] else { return nil }
        touch(slot)
        return nodes[slot]?.value
    }

    /// The value, without its being asked for.
    func peek(_ key: String) -> Value? { index[key].flatMap { nodes[$0]?.value } }

    /// - Parameter cost: bytes of key and value.
    /// - Returns: how many entries had to go, the new one among them if it was not worth one of the others.
    package mutating func insert(_ value: Value, for key: String, cost: Int) -> Int {
        let cost = cost + Self.overhead
        if let slot = index[key] {
            guard cost <= capacity else {
                removeSlot(slot)
                return 1
            }
            let before = nodes[slot]?.cost ?? 0
            nodes[slot]?.value = value
            nodes[slot]?.cost = cost
            if let segment = nodes[slot]?.segment { lists[segment.rawValue].bytes += cost - before }
            touch(slot)
            return makeRoom()
        }
        guard cost <= capacity else { return 1 }
        let node = Node(key: key, value: value, cost: cost, segment: .window)
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
            nodes[slot] = node
        } else {
            slot = nodes.count
            nodes.append(node)
        }
        index[key] = slot
        link(slot, .window)
        return makeRoom()
    }

    @discardableResult
    mutating func remove(_ key: String) -> Value? {
        guard let slot = index[key] else { return nil }
        let value = nodes[slot]?.value
        removeSlot(slot)
        return value
    }

    /// Forgets all values; how often keys were asked for is remembered.
    mutating func removeAll() {
        nodes = []
        free = []
        index = [:]
        lists = [List(), List(), List()]
    }

    // MARK: Order

    private mutating func touch(_ slot: Int) {
        guard let segment = nodes[slot]?.segment else { return }
        unlink(slot)
        guard segment == .probation else { return link(slot, segment) }
        link(slot, .protected)
        while lists[Segment.protected.rawValue].bytes > protectedCapacity, lists[Segment.protected.rawValue].oldest != slot {
            let demoted = lists[Segment.protected.rawValue].oldest
            unlink(demoted)
            link(demoted, .probation)
        }
    }

    private mutating func makeRoom() -> Int {
        var evicted = 0
        // With admission the window hands over what it has too much; without, it is all there is.
        while lists[Segment.window.rawValue].bytes > windowCapacity {
            let candidate = lists[Segment.window.rawValue].oldest
            guard admission else {
                removeSlot(candidate)
                evicted += 1
                continue
            }
            unlink(candidate)
            link(candidate, .probation)
            evicted += settle(candidate)
        }
        // A value that grew in its place.
        while bytes > capacity { evicted += evictOldest() }
        return evicted
    }

    /// Finds room in the main part for what has just entered it, or throws it out again.
    private mutating func settle(_ candidate: Int) -> Int {
        var evicted = 0
        let mainCapacity = capacity - windowCapacity
        while lists[Segment.probation.rawValue].bytes + lists[Segment.protected.rawValue].bytes > mainCapacity {
            var victim = lists[Segment.probation.rawValue].oldest
            if victim == candidate { victim = lists[Segment.protected.rawValue].oldest }
            guard victim >= 0, let new = nodes[candidate], let old = nodes[victim] else {
                removeSlot(candidate)
                return evicted + 1
            }
            guard sketch.frequency(new.key.hashValue) > sketch.frequency(old.key.hashValue) else {
                removeSlot(candidate)
                return evicted + 1
            }
            removeSlot(victim)
            evicted += 1
        }
        return evicted
    }

    private mutating func evictOldest() -> Int {
        for segment in [Segment.probation, .protected, .window] where lists[segment.rawValue].oldest >= 0 {
            removeSlot(lists[segment.rawValue].oldest)
            return 1
        }
        return 0
    }

    private mutating func removeSlot(_ slot: Int) {
        unlink(slot)
        if let key = nodes[slot]?.key { index[key] = nil }
        nodes[slot] = nil
        free.append(slot)
    }

    private mutating func link(_ slot: Int, _ segment: Segment) {
        let newest = lists[segment.rawValue].newest
        nodes[slot]?.segment = segment
        nodes[slot]?.older = newest
        nodes[slot]?.newer = -1
        if newest >= 0 { nodes[newest]?.newer = slot } else { lists[segment.rawValue].oldest = slot }
        lists[segment.rawValue].newest = slot
        lists[segment.rawValue].bytes += nodes[slot]?.cost ?? 0
    }

    private mutating func unlink(_ slot: Int) {
        guard let node = nodes[slot] else { return }
        if node.newer >= 0 { nodes[node.newer]?.older = node.older } else { lists[node.segment.rawValue].newest = node.older }
        if node.older >= 0 { nodes[node.older]?.newer = node.newer } else { lists[node.segment.rawValue].oldest = node.newer }
        lists[node.segment.rawValue].bytes -= node.cost
    }
}
