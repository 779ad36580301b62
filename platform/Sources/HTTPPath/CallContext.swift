public import HTTPTypes
public import Telemetry

/// What travels with a request through every service it touches, besides its deadline and its trace: so that one search finds all its log
/// lines, also those of calls that are no part of its trace.
public struct CallContext: Hashable, Sendable {
    /// `X-Correlation-ID`: taken from the caller; where it sent none, the id of the trace.
    public var correlationID: String
    /// On whose behalf a service calls another: the verified subject of the first caller's token.
    public var subject: String?

    @TaskLocal public static var current: CallContext?

    public init(correlationID: String, subject: String? = nil) {
        self.correlationID = correlationID
        self.subject = subject
    }

    /// Continues what the caller sent, where that is valid.
    /// - Parameter traceID: the request's trace.
    public init(continuing headers: HTTPFields, traceID: TraceID) {
        let given = (headers[.correlationID] ?? headers[.requestID]).flatMap { Self.isToken($0) ? $0 : nil }
        self.init(correlationID: given ?? traceID.description)
    }

    /// Sets the headers of a call to another service.
    public func inject(into headers: inout HTTPFields) {
        headers[.correlationID] = correlationID
        if let subject { headers[.onBehalfOf] = subject }
    }

    /// A correlation id goes into logs and headers, so only harmless ones are taken: 1–128 letters, digits, `-`, `_`, `.`, `:`.
    static func isToken(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (48...58).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45 || $0 == 46 || $0 == 95
            }
    }
}

extension HTTPField.Name {
    public static let correlationID = HTTPField.Name("X-Correlation-ID")!
    public static let requestID = HTTPField.Name("X-Request-ID")!
    /// Remaining time, whole milliseconds, that the caller still waits.
    public static let requestTimeout = HTTPField.Name("X-Request-Timeout-Ms")!
    public static let idempotencyKey = HTTPField.Name("Idempotency-Key")!
    public static let idempotencyReplayed = HTTPField.Name("Idempotency-Replayed")!
    public static let onBehalfOf = HTTPField.Name("X-On-Behalf-Of")!
}
