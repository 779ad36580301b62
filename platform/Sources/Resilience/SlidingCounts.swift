/// Counts of the last while, in a ring of equal slots: what is older than the window falls out slot by slot.
///
/// `Slot` holds the counts; adding to a slot is the caller's. The error of the window's length is at most one slot.
struct SlidingCounts<Slot: SlidingSlot>: Sendable {
    private let slotLength: Duration
    private var slots: [Slot]
    /// When the newest slot began, and when the next begins.
    private var newest: ContinuousClock.Instant?
    private var next: ContinuousClock.Instant?
    private var index = 0
    private(set) var total = Slot()

    /// - Parameters:
    ///   - window: longer than zero.
    ///   - count: slots; at least 2.
    init(window: Duration, slots count: Int = 10) {
        precondition(window > .zero && count >= 2, "a window has a length and at least two slots")
        slotLength = window / count
        slots = Array(repeating: Slot(), count: count)
    }

    /// Lets what is too old fall out. A clock that went back is taken as one that stood still.
    mutating func advance(to now: ContinuousClock.Instant) {
        // Nearly always the same slot as before: one comparison, no division.
        if let next, now < next { return }
        guard let begun = newest else {
            (newest, next) = (now, now + slotLength)
            return
        }
        let steps = Int((now - begun) / slotLength)
        guard steps > 0 else { return }
        for _ in 0..<min(steps, slots.count) {
            index = index + 1 == slots.count ? 0 : index + 1
            total.subtract(slots[index])
            slots[index] = Slot()
        }
        (newest, next) = (begun + slotLength * steps, begun + slotLength * (steps + 1))
    }

    mutating func add(_ counts: Slot, at now: ContinuousClock.Instant) {
        advance(to: now)
        slots[index].add(counts)
        total.add(counts)
    }

    mutating func reset() {
        for slot in slots.indices { slots[slot] = Slot() }
        total = Slot()
        (newest, next) = (nil, nil)
    }
}

protocol SlidingSlot: Sendable {
    init()
    mutating func add(_ other: Self)
    mutating func subtract(_ other: Self)
}
