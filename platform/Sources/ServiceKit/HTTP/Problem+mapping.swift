import Database
public import HTTPPath
import Hummingbird
import NIOCore
import NIOHTTP1
import Resilience

extension Problem {
    /// Every error becomes what the caller sees here, and nowhere else.
    public init(mapping error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let refusal as any ProblemConvertible: self = refusal.problem
        case let error as InvalidInput: self = .invalidBody(error)
        case let error as JSONSyntaxError: self = .malformedJSON(error)
        case is DeadlineExceeded: self = .deadlineExceeded
        case let error as UpstreamError: self = Self.upstream(error)
        case let error as DatabaseError: self = Self.database(error)
        case let shed as LoadShed: self = .overloaded(shed)
        case HTTPParserError.headerOverflow:
            self = Problem(431, "headers_too_large", "The request's target and headers are longer, or more, than is read here.")
        case is HTTPParserError: self = Problem(400, "malformed_request", "The request broke off, or is not framed as HTTP says.")
        case is NIOTooManyBytesError: self = Problem(413, "body_too_large", "The body is too long.")
        case is CancellationError: self = .unavailable("The work was given up.")
        case let error as HTTPError: self = Problem(error.status.code, "http_\(error.status.code)", "The request cannot be answered.")
        default: self = Problem(500, "internal_error", "Something went wrong here, and it is logged under this trace id.")
        }
    }

    private static func upstream(_ error: UpstreamError) -> Problem {
        switch error.code {
        case .unreachable, .cancelled: .unavailable("The \(error.upstream) service cannot be reached.")
        case .rejected:
            .unavailable("The \(error.upstream) service is not asked now: \(error.detail).", retryAfterSeconds: Problem.seconds(error.retryAfter))
        case .timeout: Problem(504, "upstream_timeout", "The \(error.upstream) service did not answer in time.")
        case .interrupted, .answerTooLarge, .badAnswer:
            Problem(502, "bad_gateway", "The \(error.upstream) service gave no answer that can be used.", retryAfterSeconds: 1)
        }
    }

    /// 503: this service turns requests away so that it can answer the others.
    static func overloaded(_ shed: LoadShed) -> Problem {
        Problem(503, "overloaded", "This service has too much to do now.", retryAfterSeconds: seconds(shed.retryAfter))
    }

    /// A time as `Retry-After` says it: whole seconds, rounded up, so that who keeps to it is not refused again; at least one.
    static func seconds(_ time: Duration?) -> Int {
        guard let time else { return 1 }
        let (seconds, attoseconds) = time.components
        return max(1, Int(clamping: seconds) + (attoseconds > 0 ? 1 : 0))
    }

    private static func database(_ error: DatabaseError) -> Problem {
        switch error.code {
        case .timeout: .deadlineExceeded
        // The commit may have happened: only what is safe to repeat is to be sent again, which a create is by its Idempotency-Key.
        case .commitUnknown: .unavailable("The connection to the database was lost, and it is not known whether that was done.")
        case .busy, .poolExhausted, .connectionLost, .unavailable, .closed, .serializationFailure, .deadlock, .cancelled, .diskFull, .readOnly:
            .unavailable("The database cannot do that now.")
        default: Problem(500, "internal_error", "Something went wrong here, and it is logged under this trace id.")
        }
    }

    /// For logs: the type and what is known not to leak values.
    static func describe(_ error: any Error) -> String {
        switch error {
        case let problem as Problem: "\(problem.code): \(problem.detail)"
        case let error as DatabaseError: error.description
        case let error as UpstreamError: error.description
        default: String(reflecting: type(of: error))
        }
    }
}
