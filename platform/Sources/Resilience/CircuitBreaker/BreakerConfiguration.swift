/// When a circuit breaker opens and how it closes again.
public struct BreakerConfiguration: Hashable, Sendable {
    /// What is counted: outcomes of the last while.
    public var window = Duration.seconds(10)
    /// Fewer outcomes than this in the window prove nothing.
    public var minimumCalls = 20
    /// Opens at this share of failures, above 0 and up to 1.
    public var failureShare = 0.5
    /// Opens at this share of slow calls, above 0 and up to 1.
    public var slowShare = 0.5
    /// A call that took longer is slow, whatever its outcome.
    public var slowAfter = Duration.seconds(1)
    /// How long it stays open the first time; each further time that a probe fails it is twice as long.
    public var openTime = Duration.seconds(5)
    /// The bound of the doubling.
    public var longestOpenTime = Duration.seconds(60)
    /// Successful probes that close it; as many may be under way at once.
    public var probes = 3

    public init() {}

    /// Whether a breaker can work by it.
    public var isValid: Bool {
        window > .zero && minimumCalls > 0 && failureShare > 0 && failureShare <= 1 && slowShare > 0 && slowShare <= 1 && slowAfter > .zero
            && openTime > .zero && longestOpenTime >= openTime && probes > 0
    }
}

/// What an operator can make of a breaker.
public enum BreakerMode: String, CaseIterable, Hashable, Sendable {
    /// It judges by itself.
    case automatic
    /// Nothing passes.
    case forcedOpen = "forced-open"
    /// Everything passes and nothing is counted.
    case disabled
    /// Everything passes, and what is counted is only shown.
    case metricsOnly = "metrics-only"
}

/// Where a breaker stands.
public enum BreakerState: String, CaseIterable, Hashable, Sendable {
    case closed, open
    case halfOpen = "half-open"
    case forcedOpen = "forced-open"
    case disabled
    case metricsOnly = "metrics-only"
}

/// The breaker lets nothing through: the callee failed too often a moment ago, or an operator said so.
public struct CircuitOpen: Error, Hashable, Sendable, CustomStringConvertible {
    public let state: BreakerState
    /// When it is worth asking again.
    public let retryAfter: Duration

    public init(state: BreakerState, retryAfter: Duration) {
        self.state = state
        self.retryAfter = retryAfter
    }

    public var description: String { "the circuit breaker is \(state.rawValue)" }
}
