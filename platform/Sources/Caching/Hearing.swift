internal import Basics
internal import Synchronization

/// Whether this process hears what others invalidate.
///
/// Time is cut into epochs, in each of which it either hears or does not. What was read in an epoch of hearing is believed as long as that
/// epoch lasts; so the loss of the connection, and its return, are each a flush that costs nothing, however much memory holds.
final class Hearing: Sendable {
    /// Odd: it hears.
    private let epoch: Atomic<UInt64>
    /// The time of the last loss or return, in microseconds.
    private let turn = Atomic<Int64>(.min)
    private let believesAll: Bool

    /// - Parameters:
    ///   - isAlone: there is nobody else to be heard.
    init(isAlone: Bool, mutations: CacheMutations) {
        epoch = Atomic(isAlone ? 1 : 0)
        believesAll = mutations.contains(.hearing)
    }

    var now: UInt64 { epoch.load(ordering: .acquiring) }

    var hears: Bool { !now.isMultiple(of: 2) }

    /// Whether what was read in an epoch can be believed by this alone.
    func believes(_ epoch: UInt64) -> Bool { !epoch.isMultiple(of: 2) && (epoch == now || believesAll) }

    /// Whether what others have written into the shared tier can be: what they wrote before this process was deaf may have been
    /// invalidated by somebody whose word did not get there.
    func trusts(loadedAt: Timestamp) -> Bool { loadedAt.microseconds > turn.load(ordering: .relaxed) || believesAll }

    /// - Returns: whether that is news.
    func begin(at now: Timestamp) -> Bool { change(to: true, now) }
    func lose(at now: Timestamp) -> Bool { change(to: false, now) }

    /// All that is known was invalidated at once.
    func forget(at now: Timestamp) {
        guard hears else { return }
        turn.store(now.microseconds, ordering: .relaxed)
        epoch.add(2, ordering: .acquiringAndReleasing)
    }

    /// Called by one listener, in order.
    private func change(to hears: Bool, _ now: Timestamp) -> Bool {
        guard hears != self.hears else { return false }
        // Before it has ever heard, nothing was missed that memory could hold.
        if epoch.load(ordering: .relaxed) > 0 { turn.store(now.microseconds, ordering: .relaxed) }
        epoch.add(1, ordering: .acquiringAndReleasing)
        return true
    }
}
