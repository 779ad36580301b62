internal import Resilience

/// Decides what follows when a service ends without having been asked to. Knows nothing of processes or clocks.
struct RestartPolicy: Hashable, Sendable {
    /// The pauses before a restart: they double from 200 ms (long enough for a port to be given back, short enough not to be
    /// noticed) to 10 s (often enough that a service is back soon after its cause is gone).
    var backoff = Backoff(base: .milliseconds(200), cap: .seconds(10))
    /// Having been ready for so long, a service counts as recovered: its crashes before are forgotten.
    var recoveredAfter: Duration = .seconds(30)
    /// So many crashes in a row, and it is not started again: nobody would find the cause in ever the same lines.
    var limit = 10

    /// Crashes since the service was last well.
    private(set) var crashes = 0

    enum Verdict: Hashable, Sendable {
        case restart(after: Duration)
        /// It crashed `limit` times in a row.
        case giveUp(crashes: Int)
        /// It said that another start would end the same way.
        case hopeless
    }

    /// - Parameters:
    ///   - exit: how it ended. Exit code 0 is a crash too: nobody had asked it to end.
    ///   - readyFor: how long it had been ready, or nil if it never was since it was last started.
    ///   - hasServed: whether any of its starts succeeded. Before that, an unavailable port will not become free by waiting.
    ///   - jitter: a random number in 0...1.
    mutating func verdict(on exit: Exit, readyFor: Duration?, hasServed: Bool, jitter: Double) -> Verdict {
        if exit == .badConfiguration || (exit == .unavailable && !hasServed) { return .hopeless }
        if let readyFor, readyFor >= recoveredAfter { crashes = 0 }
        crashes += 1
        if crashes >= limit { return .giveUp(crashes: crashes) }
        // Half of the pause is fixed: here jitter only keeps services that fell together from starting together, and a pause
        // near zero would be a busy loop.
        return .restart(after: backoff.bound(crashes - 1) * (0.5 + 0.5 * min(1, max(0, jitter))))
    }
}
