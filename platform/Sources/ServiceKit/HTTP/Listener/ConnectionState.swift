import HTTPPath
import NIOHTTP1

/// Where a connection is in its requests and answers, and what follows from each event. Does no I/O.
struct ConnectionState {
    enum ReadAction {
        case pass
        case passThenClose
        /// Nobody waits for it any more.
        case drop
        /// Answer this now, then close.
        case refuse(Problem)
    }

    enum ErrorAction {
        /// Whoever reads the body learns it and answers.
        case pass
        case drop
        case refuse(Problem)
        case close
    }

    enum WriteAction {
        case pass
        /// The answer says that it is the connection's last.
        case passAsLast
        /// An answer to nothing.
        case drop
        case passThenRefuse(Problem)
        case passThenClose
    }

    /// Requests handed on whose answer has not ended.
    private var unanswered = 0
    private var isInBody = false
    /// Nothing more is read: the framing is broken, or the last request has come.
    private var isOver = false
    /// The answer to what came after the requests that are still being answered.
    private var refusal: Problem?
    /// The request that is being read, or was read last, is the connection's last.
    private var isLast = false
    private var isClosed = false

    mutating func read(head: HTTPRequestHead) -> ReadAction {
        guard !isOver else { return .drop }
        if let objection = RequestFraming.objection(to: head) { return refuse(Problem(400, "malformed_request", "The request \(objection).")) }
        unanswered += 1
        isInBody = true
        // Keep-alive of HTTP/1.0 would have to be agreed on, and nobody asks for it any more.
        isLast = !head.isKeepAlive || head.version == .http1_0
        return .pass
    }

    mutating func readBody() -> ReadAction { isInBody ? .pass : .drop }

    mutating func readEnd() -> ReadAction {
        guard isInBody else { return .drop }
        isInBody = false
        isOver = isLast
        guard isOver, unanswered == 0, !isClosed else { return .pass }
        isClosed = true
        return .passThenClose
    }

    /// Bytes that are not HTTP, or an end in the middle of a request.
    mutating func parserFailed(_ error: any Error) -> ErrorAction {
        guard !isOver else { return .drop }
        guard isInBody else {
            return switch refuse(Problem(mapping: error)) {
            case .refuse(let problem): .refuse(problem)
            default: .drop
            }
        }
        isInBody = false
        isOver = true
        isLast = true
        // It has its answer already: a second one would be taken for the next request's.
        guard unanswered > 0 else {
            isClosed = true
            return .close
        }
        return .pass
    }

    func writeHead() -> WriteAction {
        guard unanswered > 0, !isClosed else { return .drop }
        return isLast && unanswered == 1 && refusal == nil ? .passAsLast : .pass
    }

    func writeBody() -> WriteAction { unanswered > 0 && !isClosed ? .pass : .drop }

    mutating func writeEnd() -> WriteAction {
        guard unanswered > 0, !isClosed else { return .drop }
        unanswered -= 1
        guard unanswered == 0, !isInBody else { return .pass }
        if let refusal {
            isClosed = true
            return .passThenRefuse(refusal)
        }
        guard isOver else { return .pass }
        isClosed = true
        return .passThenClose
    }

    private mutating func refuse(_ problem: Problem) -> ReadAction {
        isOver = true
        isInBody = false
        guard unanswered == 0 else {
            refusal = problem
            return .drop
        }
        isClosed = true
        return .refuse(problem)
    }
}
