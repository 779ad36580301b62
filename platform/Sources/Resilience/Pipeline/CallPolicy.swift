/// What surrounds the calls to one callee. Each part can be left out, and changed while calls are under way.
public struct CallPolicy: Hashable, Sendable {
    /// Calls in the pipeline at once, those that wait for their next attempt included; nil for no bound.
    public var mostInside: Int? = 1024
    /// The longest a call takes with all its attempts; the caller's own deadline counts where it is nearer. nil for the caller's only.
    public var deadline: Duration? = .seconds(2)
    public var retry = RetryPolicy()
    /// One for retries and hedges together.
    public var budget = RetryBudgetConfiguration()
    public var hedge: HedgePolicy? = HedgePolicy()
    public var breaker: BreakerConfiguration? = BreakerConfiguration()
    public var concurrency: ConcurrencyConfiguration? = ConcurrencyConfiguration()
    /// The longest an attempt takes that can be followed by another; nil for all that is left. One that cannot be repeated gets that anyway.
    public var attemptTimeout: Duration? = .seconds(1)

    public init() {}

    /// Nothing at all: a beginning for whoever wants a single part.
    public static let none: CallPolicy = {
        var policy = CallPolicy()
        (policy.mostInside, policy.deadline, policy.attemptTimeout) = (nil, nil, nil)
        (policy.hedge, policy.breaker, policy.concurrency, policy.retry) = (nil, nil, nil, .never)
        return policy
    }()

    public var isValid: Bool {
        (mostInside ?? 1) >= 1 && (deadline ?? .seconds(1)) > .zero && (attemptTimeout ?? .seconds(1)) > .zero && retry.attempts >= 1
            && budget.isValid && breaker?.isValid ?? true && concurrency?.isValid ?? true
    }
}

/// What kind of call it is: what may be done with it.
public struct CallKind: Hashable, Sendable {
    /// Sending it twice does no more than sending it once: by its method, or because it carries a key.
    public var isRepeatable: Bool
    /// It only reads, so that two attempts may be under way at once.
    public var isHedgeable: Bool
    /// It lasts as long as its source does: only the caller's deadline bounds it, and how long it takes says nothing about the callee.
    public var isOpenEnded: Bool

    public init(isRepeatable: Bool, isHedgeable: Bool = false, isOpenEnded: Bool = false) {
        self.isRepeatable = isRepeatable
        self.isHedgeable = isHedgeable
        self.isOpenEnded = isOpenEnded
    }

    public static let once = CallKind(isRepeatable: false)
    public static let repeatable = CallKind(isRepeatable: true)
    public static let read = CallKind(isRepeatable: true, isHedgeable: true)
    public static let openEnded = CallKind(isRepeatable: false, isOpenEnded: true)
}

/// One attempt at a call.
public struct Attempt: Hashable, Sendable {
    /// From 1.
    public let number: Int
    /// Whether another attempt is under way.
    public let isHedge: Bool
    /// When nobody waits for it any more; the same as `Deadline.current` in the attempt.
    public let deadline: Deadline?
    /// Whether it has as much time as the callee may take: only then a time-out says something about the callee.
    public let isGivenTime: Bool
}

/// What an attempt's error means.
public enum Verdict: Hashable, Sendable {
    /// The callee works, and will not do what was asked: no failure, and no use in asking again.
    case refused
    /// The callee failed.
    case failed
    /// The callee turned it away because it has too much to do, and says when to come back.
    case overloaded(retryAfter: Duration? = nil)
    /// This client asks too often; the callee is well.
    case throttled(retryAfter: Duration? = nil)
    /// No answer in the time that the attempt was given.
    case timedOut
    /// The caller gave up.
    case abandoned

    var isRetryable: Bool {
        switch self {
        case .refused, .abandoned: false
        case .failed, .overloaded, .throttled, .timedOut: true
        }
    }

    var retryAfter: Duration? {
        switch self {
        case .overloaded(let time), .throttled(let time): time
        default: nil
        }
    }

    /// What the breaker makes of it.
    var outcome: BreakerMachine.Outcome {
        switch self {
        case .refused: .success
        case .failed, .overloaded, .timedOut: .failure
        case .throttled, .abandoned: .ignored
        }
    }

    /// What the concurrency limit makes of it. A failure may be fast or slow for reasons of its own.
    var load: ConcurrencyMachine.Outcome {
        switch self {
        case .refused: .success
        case .overloaded, .throttled, .timedOut: .overload
        case .failed, .abandoned: .ignored
        }
    }
}
