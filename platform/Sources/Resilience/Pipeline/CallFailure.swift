/// A call was refused here: nothing was sent.
public enum Rejection: Error, Hashable, Sendable, CustomStringConvertible {
    case admission(AdmissionLimitReached)
    case circuitOpen(CircuitOpen)
    case concurrency(ConcurrencyLimitReached)
    /// No time was left to call.
    case deadline

    /// For metrics: few values, all of them lower case.
    public var reason: String {
        switch self {
        case .admission: "admission"
        case .circuitOpen: "circuit-open"
        case .concurrency(let error): error.expected == nil ? "concurrency" : "wait"
        case .deadline: "deadline"
        }
    }

    /// When it is worth asking again; nil where nothing is known.
    public var retryAfter: Duration? {
        switch self {
        case .circuitOpen(let open): open.retryAfter
        // By then what stands in the queue now has been done.
        case .concurrency(let error): error.expected
        case .admission, .deadline: nil
        }
    }

    public var description: String {
        switch self {
        case .admission(let error): error.description
        case .circuitOpen(let error): error.description
        case .concurrency(let error): error.description
        case .deadline: "no time was left to call it"
        }
    }
}

/// Why a call gave no value.
public enum CallFailure<E: Error>: Error {
    /// Refused here: what was asked has certainly not been done. Nothing was sent, or only reads were.
    case rejected(Rejection)
    /// What the last attempt threw. It, or an attempt before it, may have been done.
    case failed(E)
    /// What the last attempt threw; another would have been made if the budget had not been spent.
    case retryBudgetExhausted(last: E)
}

extension CallFailure: Sendable where E: Sendable {}
extension CallFailure: Equatable where E: Equatable {}
extension CallFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .rejected(let rejection): rejection.description
        case .failed(let error): "\(error)"
        case .retryBudgetExhausted(let last): "no retry was left in the budget after: \(last)"
        }
    }
}
