/// Exponential back-off with full jitter: attempt `n` waits a random time between zero and `base · 2ⁿ`, at most `cap`.
/// Jitter spreads out callers that failed together (source: M. Brooker, "Exponential Backoff And Jitter").
public struct Backoff: Hashable, Sendable {
    public var base: Duration
    public var cap: Duration

    /// - Parameters:
    ///   - base: the bound of the first wait; positive.
    ///   - cap: the bound that no wait exceeds; at least `base`.
    public init(base: Duration = .milliseconds(25), cap: Duration = .seconds(5)) {
        precondition(base > .zero && cap >= base, "a back-off needs 0 < base <= cap")
        self.base = base
        self.cap = cap
    }

    /// The upper bound of the wait before retry `attempt` (0 for the first retry).
    public func bound(_ attempt: Int) -> Duration {
        var bound = base
        for _ in 0..<max(0, attempt) {
            if bound >= cap { return cap }
            bound = bound * 2
        }
        return min(bound, cap)
    }

    /// A wait before retry `attempt` (0 for the first retry).
    public func delay(_ attempt: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        bound(attempt) * Double.random(in: 0...1, using: &generator)
    }

    public func delay(_ attempt: Int) -> Duration {
        var generator = SystemRandomNumberGenerator()
        return delay(attempt, using: &generator)
    }
}
