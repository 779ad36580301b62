/// What of a span travels: to its children, to other services, and into logs.
public struct SpanContext: Sendable {
    public var traceID: TraceID
    public var spanID: SpanID
    /// Whether the trace is recorded, by the decision of whoever began it.
    public var isSampled: Bool
    /// Whether it came from another process.
    public var isRemote: Bool
    /// What came along with it and is handed on as it is.
    public var carried: Carried?

    public init(traceID: TraceID, spanID: SpanID, isSampled: Bool, isRemote: Bool = false, carried: Carried? = nil) {
        self.traceID = traceID
        self.spanID = spanID
        self.isSampled = isSampled
        self.isRemote = isRemote
        self.carried = carried
    }

    /// Another vendor's state and the caller's own baggage: most requests have none, so it is kept apart.
    public final class Carried: Sendable {
        /// `tracestate`, as it came.
        public let traceState: String?
        /// `baggage`, as it came.
        public let baggage: String?
        /// `x-datadog-origin`, `x-datadog-tags` and the priority, which says more than sampled or not.
        public let datadog: Datadog?

        public struct Datadog: Sendable, Hashable {
            public var priority: Int?
            public var origin: String?
            public var tags: String?

            public init(priority: Int? = nil, origin: String? = nil, tags: String? = nil) {
                self.priority = priority
                self.origin = origin
                self.tags = tags
            }
        }

        public init(traceState: String? = nil, baggage: String? = nil, datadog: Datadog? = nil) {
            self.traceState = traceState
            self.baggage = baggage
            self.datadog = datadog
        }
    }

    /// As W3C writes it, for what is stored and continued later: `00-TRACE-SPAN-01`.
    public var traceparent: String { W3CTraceContext.traceparent(self) }

    /// nil unless `traceparent` is valid by W3C's rules.
    public init?(traceparent: String) {
        guard let context = W3CTraceContext.parse(traceparent) else { return nil }
        self = context
    }
}

extension SpanContext: Hashable {
    public static func == (a: SpanContext, b: SpanContext) -> Bool {
        a.spanID == b.spanID && a.traceID == b.traceID && a.isSampled == b.isSampled
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(traceID)
        hasher.combine(spanID)
    }
}
