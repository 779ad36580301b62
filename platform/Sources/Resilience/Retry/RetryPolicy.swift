/// How often and when a call is tried again.
public struct RetryPolicy: Hashable, Sendable {
    /// Attempts at most, the first included; hedges do not count.
    public var attempts = 3
    public var backoff = Backoff(base: .milliseconds(25), cap: .seconds(1))

    public init() {}

    /// One attempt.
    public static let never: RetryPolicy = {
        var policy = RetryPolicy()
        policy.attempts = 1
        return policy
    }()
}
