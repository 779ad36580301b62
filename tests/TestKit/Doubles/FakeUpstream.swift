public import HTTPPath
public import HTTPTypes
import NIOCore
public import Resilience
import Synchronization
import Testing

/// An upstream that does what a test wrote down, and remembers what it was asked.
public final class FakeUpstream: Upstream {
    /// What a call gets.
    public enum Step: Sendable {
        case answer(UpstreamResponse)
        case fail(UpstreamError.Code)
        /// Waits at the gate first, as long as the caller's deadline allows.
        indirect case held(Gate, Step)

        public static func json(_ status: Int, _ json: JSON, headers: HTTPFields = [:]) -> Step {
            var headers = headers
            headers[.contentType] = status >= 400 ? Problem.mediaType : "application/json"
            return .answer(UpstreamResponse(status: status, headers: headers, body: ByteBuffer(bytes: json.bytes)))
        }

        public static func problem(_ problem: Problem) -> Step {
            var headers: HTTPFields = [.contentType: Problem.mediaType]
            if let seconds = problem.retryAfterSeconds { headers[.retryAfter] = String(seconds) }
            return .answer(UpstreamResponse(status: problem.status, headers: headers, body: problem.body(traceID: nil)))
        }
    }

    /// One call as it arrived.
    public struct Call: Sendable {
        public let request: UpstreamRequest
        /// The deadline in force.
        public let deadline: Deadline?
        public let context: CallContext?

        /// The body, read as JSON; `.null` without one.
        public var json: JSON { request.body.flatMap { try? JSON.parse($0.readableBytesView) } ?? .null }
    }

    public let name: String
    private let decide: @Sendable (UpstreamRequest) -> Step
    private let recorded = Mutex<[Call]>([])

    /// Decides by the request.
    public init(_ name: String = "upstream", _ decide: @escaping @Sendable (UpstreamRequest) -> Step) {
        self.name = name
        self.decide = decide
    }

    /// Answers in this order; a call beyond the script is an issue and gets `unreachable`.
    public convenience init(_ name: String = "upstream", script: [Step]) {
        let rest = Rest(script)
        self.init(name) { request in
            if let step = rest.next() { return step }
            Issue.record("\(name) was called once more than the test expects: \(request.method.rawValue) \(request.path)")
            return .fail(.unreachable)
        }
    }

    public var calls: [Call] { recorded.withLock { $0 } }

    public func send(_ request: UpstreamRequest) async throws(UpstreamError) -> UpstreamResponse {
        recorded.withLock { $0.append(Call(request: request, deadline: Deadline.current, context: CallContext.current)) }
        return try await perform(decide(request))
    }

    public func stream(_ request: UpstreamRequest, body: UpstreamBody?) async throws(UpstreamError) -> UpstreamStream {
        var request = request
        if let body {
            var collected = ByteBuffer()
            do { for try await part in body { collected.writeImmutableBuffer(part) } } catch {
                throw UpstreamError(.interrupted, upstream: name, detail: "the body broke off")
            }
            request.body = collected
        }
        let answer = try await send(request)
        let (parts, continuation) = AsyncThrowingStream<ByteBuffer, any Error>.makeStream()
        continuation.yield(answer.body)
        continuation.finish()
        return UpstreamStream(status: answer.status, headers: answer.headers, body: parts)
    }

    private func perform(_ step: Step) async throws(UpstreamError) -> UpstreamResponse {
        switch step {
        case .answer(let response): return response
        case .fail(let code): throw UpstreamError(code, upstream: name, detail: "as the test wants it")
        case .held(let gate, let then):
            do {
                if let deadline = Deadline.current {
                    try await withTimeout(deadline.remaining) { try await gate.pass() }
                } else {
                    try await gate.pass()
                }
            } catch is DeadlineExceeded {
                throw UpstreamError(.timeout, upstream: name, detail: "no answer in time")
            } catch {
                throw UpstreamError(.cancelled, upstream: name, detail: "the caller gave up")
            }
            return try await perform(then)
        }
    }

    private final class Rest: Sendable {
        private let steps: Mutex<ArraySlice<Step>>

        init(_ steps: [Step]) { self.steps = Mutex(steps[...]) }

        func next() -> Step? { steps.withLock { $0.popFirst() } }
    }
}
