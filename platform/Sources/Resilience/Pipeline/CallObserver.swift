/// Something happened on a call's way through its pipeline.
public enum CallEvent: Hashable, Sendable {
    /// Refused here; nothing was sent.
    case rejected(Rejection)
    /// Attempt `number` is made after a wait, because the one before it failed.
    case retried(number: Int, after: Duration)
    case retryBudgetExhausted
    /// A second attempt was sent beside one that is late.
    case hedged
    /// The second attempt answered first.
    case hedgeWon
    /// The breaker changed its state.
    case breaker(BreakerMachine.Transition)
}

/// Sees what happens in pipelines: turns it into metrics, span events, and logs.
///
/// Called on the task that makes the call, so that the current span is the call's; it must be quick and never wait.
public protocol CallObserver: Sendable {
    /// - Parameter pipeline: the name of the callee.
    func observe(_ event: CallEvent, in pipeline: String)
}
