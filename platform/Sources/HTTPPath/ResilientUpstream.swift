import Basics
import HTTPTypes
public import Resilience
import Synchronization

/// A service that is called through a ``CallPipeline``, at whichever of its addresses is best.
///
/// - A request is sent again only if it is idempotent, to another address if there is one, and hedged only if it reads.
/// - An answer with an error status is an answer: after the last attempt it is handed on as it came. 500, 502 and 503 count as failures, 503
///   and 429 besides as too much load; other statuses below 500 are the callee doing its work.
/// - A stream is not hedged, and is sent again only before its answer's head came, and if no body was streamed to the callee.
public final class ResilientUpstream: Upstream {
    public let name: String
    public let pipeline: CallPipeline
    public let endpoints: Endpoints<ServiceAddress>
    private let connect: @Sendable (ServiceAddress) -> any Upstream
    /// One for each address that there is.
    private let transports = Mutex<[ServiceAddress: any Upstream]>([:])

    /// - Parameters:
    ///   - endpoints: of the service's addresses.
    ///   - connect: makes the transport to one address. It must honour `Deadline.current`.
    public init(_ pipeline: CallPipeline, _ endpoints: Endpoints<ServiceAddress>, connect: @escaping @Sendable (ServiceAddress) -> any Upstream) {
        name = pipeline.name
        self.pipeline = pipeline
        self.endpoints = endpoints
        self.connect = connect
    }

    public var isRefusing: Bool { pipeline.isRefusing }

    /// Takes the addresses that there are now.
    public func update(_ addresses: [ServiceAddress]) {
        guard !addresses.isEmpty else { return }
        endpoints.update(addresses)
        transports.withLock { transports in transports = transports.filter { addresses.contains($0.key) } }
    }

    public func send(_ request: UpstreamRequest) async throws(UpstreamError) -> UpstreamResponse {
        let kind = CallKind(isRepeatable: request.isIdempotent, isHedgeable: request.isRead)
        return try await call(request, kind) { upstream, request throws(UpstreamError) in try await upstream.send(request) }
    }

    public func stream(_ request: UpstreamRequest, body: UpstreamBody?) async throws(UpstreamError) -> UpstreamStream {
        // A streamed body lasts as long as its source does, and has gone when it was sent once.
        let kind = body == nil ? CallKind(isRepeatable: request.isIdempotent) : .openEnded
        return try await call(request, kind) { upstream, request throws(UpstreamError) in try await upstream.stream(request, body: body) }
    }

    private func call<Answer: UpstreamAnswer>(
        _ request: UpstreamRequest, _ kind: CallKind,
        _ send: @escaping @Sendable (any Upstream, UpstreamRequest) async throws(UpstreamError) -> Answer
    ) async throws(UpstreamError) -> Answer {
        let trace = CallTrace()
        do throws(CallFailure<Miss<Answer>>) {
            return try await pipeline.call(kind, verdict: \.verdict) { attempt throws(Miss<Answer>) in
                var request = request
                request.resendCount = attempt.number - 1
                return try await self.attempt(request, attempt, trace, send)
            }
        } catch {
            switch error {
            case .rejected(let rejection):
                if rejection == .deadline { throw .notSent(upstream: name, detail: rejection.description) }
                throw UpstreamError(.rejected, upstream: name, detail: rejection.description, retryAfter: rejection.retryAfter)
            case .failed(.answer(let answer)), .retryBudgetExhausted(last: .answer(let answer)): return answer
            case .failed(.error(var error)), .retryBudgetExhausted(last: .error(var error)):
                // It may have been done by an attempt before the last.
                if trace.mayHaveExecuted { error.mayHaveExecuted = true }
                throw error
            }
        }
    }

    private func attempt<Answer: UpstreamAnswer>(
        _ request: UpstreamRequest, _ attempt: Attempt, _ trace: CallTrace,
        _ send: (any Upstream, UpstreamRequest) async throws(UpstreamError) -> Answer
    ) async throws(Miss<Answer>) -> Answer {
        let address = endpoints.pick(avoiding: trace.addresses)
        trace.note(address)
        let answer: Answer
        do throws(UpstreamError) {
            answer = try await send(transport(address), request)
        } catch {
            if error.mayHaveExecuted { trace.noteExecution() }
            endpoints.ended(address, Task.isCancelled || error.code == .timeout && !attempt.isGivenTime ? .ignored : error.outcome)
            throw .error(error)
        }
        guard let verdict = answer.failure else {
            endpoints.ended(address, .success)
            return answer
        }
        trace.noteExecution()
        // One that has too much to do is no outlier: its share must not fall on the others at once.
        endpoints.ended(address, verdict == .failed ? .failure : .ignored)
        throw .answer(answer)
    }

    private func transport(_ address: ServiceAddress) -> any Upstream {
        transports.withLock { transports in
            if let known = transports[address] { return known }
            let made = connect(address)
            transports[address] = made
            return made
        }
    }
}

/// What the attempts of one call did.
private final class CallTrace: Sendable {
    private let state = Mutex<(addresses: [ServiceAddress], mayHaveExecuted: Bool)>(([], false))

    var addresses: [ServiceAddress] { state.withLock { $0.addresses } }
    var mayHaveExecuted: Bool { state.withLock { $0.mayHaveExecuted } }
    func note(_ address: ServiceAddress) { state.withLock { $0.addresses.append(address) } }
    func noteExecution() { state.withLock { $0.mayHaveExecuted = true } }
}

/// An attempt that may be worth another.
private enum Miss<Answer: UpstreamAnswer>: Error {
    case error(UpstreamError)
    case answer(Answer)

    var verdict: Verdict {
        switch self {
        case .answer(let answer): answer.failure ?? .refused
        case .error(let error):
            switch error.code {
            case .unreachable, .interrupted, .badAnswer: .failed
            case .timeout: .timedOut
            // The callee did its work, and would do the same again.
            case .answerTooLarge: .refused
            case .cancelled, .rejected: .abandoned
            }
        }
    }
}

extension UpstreamError {
    /// No time was left, so nothing was sent.
    fileprivate static func notSent(upstream: String, detail: String) -> UpstreamError {
        var error = UpstreamError(.timeout, upstream: upstream, detail: detail)
        error.mayHaveExecuted = false
        return error
    }

    fileprivate var outcome: BreakerMachine.Outcome {
        switch code {
        case .unreachable, .interrupted, .badAnswer, .timeout: .failure
        case .answerTooLarge: .success
        case .cancelled, .rejected: .ignored
        }
    }
}

private protocol UpstreamAnswer: Sendable {
    var status: Int { get }
    var headers: HTTPFields { get }
}

extension UpstreamResponse: UpstreamAnswer {}
extension UpstreamStream: UpstreamAnswer {}

extension UpstreamAnswer {
    /// What is wrong with the callee, by the status; nil where nothing is.
    fileprivate var failure: Verdict? {
        switch status {
        case 429: .throttled(retryAfter: retryAfter)
        case 503: .overloaded(retryAfter: retryAfter)
        // The callee gave up because the time it was given was over.
        case 504: .timedOut
        case 500, 502: .failed
        default: nil
        }
    }

    private var retryAfter: Duration? { headers[.retryAfter].flatMap { Int64($0) }.map { .seconds(min(max($0, 0), 3600)) } }
}
