public import HTTPTypes

/// What travels with a request through every service it touches, besides its deadline: so that one search finds all its log lines
/// and one trace shows all its spans.
public struct CallContext: Hashable, Sendable {
    /// `X-Correlation-ID`: taken from the caller or made at the first service.
    public var correlationID: String
    /// W3C trace id, 32 hexadecimal digits.
    public var traceID: String
    /// W3C id of the span that is current, 16 hexadecimal digits.
    public var spanID: String
    /// Whether the caller wants this trace recorded.
    public var sampled: Bool
    public var traceState: String?
    public var baggage: String?
    /// On whose behalf a service calls another: the verified subject of the first caller's token.
    public var subject: String?

    @TaskLocal public static var current: CallContext?

    public init(
        correlationID: String, traceID: String, spanID: String, sampled: Bool = true, traceState: String? = nil, baggage: String? = nil,
        subject: String? = nil
    ) {
        self.correlationID = correlationID
        self.traceID = traceID
        self.spanID = spanID
        self.sampled = sampled
        self.traceState = traceState
        self.baggage = baggage
        self.subject = subject
    }

    /// Continues what the caller sent, or begins anew where it sent nothing or nothing valid.
    public init(continuing headers: HTTPFields, using random: inout some RandomNumberGenerator) {
        let parent = headers[.traceparent].flatMap(Self.parse)
        let correlation = (headers[.correlationID] ?? headers[.requestID]).flatMap { Self.isToken($0) ? $0 : nil }
        self.init(
            correlationID: correlation ?? Self.hex(random.next()) + Self.hex(random.next()),
            traceID: parent?.traceID ?? Self.hex(random.next() | 1) + Self.hex(random.next() | 1),
            spanID: Self.hex(random.next() | 1),
            sampled: parent?.sampled ?? true,
            traceState: parent == nil ? nil : headers[.tracestate].flatMap { $0.utf8.count <= 512 ? $0 : nil },
            baggage: headers[.baggage].flatMap { $0.utf8.count <= 2048 ? $0 : nil }
        )
    }

    /// Sets the headers of a call to another service.
    public func inject(into headers: inout HTTPFields) {
        headers[.correlationID] = correlationID
        headers[.traceparent] = "00-\(traceID)-\(spanID)-\(sampled ? "01" : "00")"
        headers[.tracestate] = traceState
        headers[.baggage] = baggage
        headers[.onBehalfOf] = subject
    }

    /// A correlation id goes into logs and headers, so only harmless ones are taken: 1–128 letters, digits, `-`, `_`, `.`, `:`.
    static func isToken(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (48...58).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45 || $0 == 46 || $0 == 95
            }
    }

    private static func parse(_ text: String) -> (traceID: String, sampled: Bool)? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[0].count == 2, parts[0] != "ff", parts[0] != "00" || parts.count == 4, isHex(parts[0], 2),
            isHex(parts[1], 32), isHex(parts[2], 16), isHex(parts[3], 2), parts[1].contains(where: { $0 != "0" }),
            parts[2].contains(where: { $0 != "0" }), let flags = UInt8(parts[3], radix: 16)
        else { return nil }
        return (String(parts[1]), flags & 1 == 1)
    }

    private static func isHex(_ text: Substring, _ count: Int) -> Bool {
        text.utf8.count == count && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    private static func hex(_ number: UInt64) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: 16 - text.utf8.count) + text
    }
}

extension HTTPField.Name {
    public static let correlationID = HTTPField.Name("X-Correlation-ID")!
    public static let requestID = HTTPField.Name("X-Request-ID")!
    public static let baggage = HTTPField.Name("baggage")!
    /// Remaining time, whole milliseconds, that the caller still waits.
    public static let requestTimeout = HTTPField.Name("X-Request-Timeout-Ms")!
    public static let idempotencyKey = HTTPField.Name("Idempotency-Key")!
    public static let idempotencyReplayed = HTTPField.Name("Idempotency-Replayed")!
    public static let onBehalfOf = HTTPField.Name("X-On-Behalf-Of")!
}
