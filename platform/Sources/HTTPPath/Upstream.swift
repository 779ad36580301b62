public import HTTPTypes
public import NIOCore

/// A service that this one calls. Everything that calls another service does so through this protocol, so that a test can put
/// another transport in its place, and the gateway's own client can replace the library's later.
public protocol Upstream: Sendable {
    /// The name in errors, logs and metrics.
    var name: String { get }

    /// Whether a call would be refused here now, before anything is sent: for who would ask others at the same time. No promise.
    var isRefusing: Bool { get }

    /// Sends a request and collects the whole answer, whatever its status.
    /// - Throws: `UpstreamError`. An answer with an error status is an answer, and not thrown here.
    func send(_ request: UpstreamRequest) async throws(UpstreamError) -> UpstreamResponse

    /// Sends a request whose bodies are streamed both ways with back-pressure, for pass-through.
    func stream(_ request: UpstreamRequest, body: UpstreamBody?) async throws(UpstreamError) -> UpstreamStream
}

extension Upstream {
    public var isRefusing: Bool { false }
}

public struct UpstreamRequest: Sendable {
    public var method: HTTPRequest.Method
    /// Path and query, already percent-encoded, beginning with `/`.
    public var path: String
    public var headers: HTTPFields
    public var body: ByteBuffer?
    /// It changes nothing at the callee, whatever its method: a question too long for a query.
    public var isRead: Bool
    /// The path without what varies in it, such as `/api/v1/things/{id}`: the name of its span. Where there is none, the upstream's name
    /// has to do.
    public var template: String?
    /// How often it was sent before: told in the span of this attempt.
    package var resendCount = 0

    public init(_ method: HTTPRequest.Method, _ path: String, template: String? = nil, headers: HTTPFields = [:], body: ByteBuffer? = nil) {
        self.method = method
        self.path = path
        self.template = template
        self.headers = headers
        self.body = body
        isRead = method == .get || method == .head || method == .options
        if body != nil, headers[.contentType] == nil { self.headers[.contentType] = "application/json" }
    }

    /// Whether sending it twice does no more than sending it once, and is answered alike: by its method, or because it only reads or
    /// carries a key. A condition is broken by the first that meets it, so the second would be refused.
    public var isIdempotent: Bool {
        switch method {
        case _ where isRead: true
        case _ where headers[.ifMatch] != nil: false
        case .put, .delete: true
        default: headers[.idempotencyKey] != nil
        }
    }
}

public struct UpstreamResponse: Sendable {
    public var status: Int
    public var headers: HTTPFields
    public var body: ByteBuffer

    public init(status: Int, headers: HTTPFields, body: ByteBuffer) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Reads a successful answer, or throws the `Problem` that was answered instead.
    public func value<T>(_ read: (Fields) -> T) throws -> T {
        guard (200..<300).contains(status) else { throw Problem(self) }
        do throws(Problem) {
            return try Problem.reading(body, strict: false, read)
        } catch {
            throw UpstreamError(.badAnswer, upstream: "", detail: error.errors.first.map { "\($0.pointer) \($0.detail)" } ?? error.detail)
        }
    }
}

/// A body that is read once.
public typealias UpstreamBody = any AsyncSequence<ByteBuffer, any Error> & Sendable

public struct UpstreamStream: Sendable {
    public var status: Int
    public var headers: HTTPFields
    public var body: UpstreamBody

    public init(status: Int, headers: HTTPFields, body: UpstreamBody) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// A call that got no answer.
public struct UpstreamError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// No connection: the request was never sent.
        case unreachable
        /// No answer in time.
        case timeout
        /// The connection ended before the answer did.
        case interrupted
        /// The answer is larger than the bound.
        case answerTooLarge
        /// The answer cannot be read.
        case badAnswer
        /// The caller gave up.
        case cancelled
        /// This side did not send it: the service fails, or has enough to do, or no time was left.
        case rejected
    }

    public let code: Code
    public var upstream: String
    public let detail: String
    /// When it is worth asking again; nil where nothing is known.
    public var retryAfter: Duration?
    /// False only where the callee certainly never saw the request, in no attempt. Whoever undoes or repeats work must know.
    public var mayHaveExecuted: Bool

    public init(_ code: Code, upstream: String, detail: String, retryAfter: Duration? = nil) {
        self.code = code
        self.upstream = upstream
        self.detail = detail
        self.retryAfter = retryAfter
        mayHaveExecuted = code != .unreachable && code != .rejected
    }

    public var description: String { "\(upstream) \(code.rawValue): \(detail)" }
}

extension String {
    /// One segment of a path, or a query value, percent-encoded (RFC 3986: all but the unreserved characters).
    public var percentEncoded: String {
        var out = ""
        for byte in utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                out.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                out += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return out
    }
}
