public import HTTPTypes
public import Telemetry

extension PropagationHeader {
    /// As a field of a message.
    public var field: HTTPField.Name {
        switch self {
        case .traceparent: .traceparent
        case .tracestate: .tracestate
        case .baggage: .baggage
        case .datadogTraceID: .datadogTraceID
        case .datadogParentID: .datadogParentID
        case .datadogPriority: .datadogPriority
        case .datadogOrigin: .datadogOrigin
        case .datadogTags: .datadogTags
        }
    }

    /// All of them: each service writes its own, and passes on nobody else's.
    public static let fields = Set(allCases.map(\.field))
}

extension Propagation {
    /// What the headers of a request say of the trace it belongs to.
    public func extract(_ headers: HTTPFields) -> (context: SpanContext?, carried: SpanContext.Carried?) { extract { headers[$0.field] } }

    /// Sets the headers of a call.
    public func inject(_ context: SpanContext, into headers: inout HTTPFields) { inject(context) { headers[$0.field] = $1 } }
}

extension HTTPField.Name {
    public static let baggage = HTTPField.Name("baggage")!
    static let datadogTraceID = HTTPField.Name(PropagationHeader.datadogTraceID.rawValue)!
    static let datadogParentID = HTTPField.Name(PropagationHeader.datadogParentID.rawValue)!
    static let datadogPriority = HTTPField.Name(PropagationHeader.datadogPriority.rawValue)!
    static let datadogOrigin = HTTPField.Name(PropagationHeader.datadogOrigin.rawValue)!
    static let datadogTags = HTTPField.Name(PropagationHeader.datadogTags.rawValue)!
}
