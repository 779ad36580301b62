/// Datadog's own headers: decimal numbers of 64 bits; the upper half of a trace's identity is a tag.
enum DatadogHeaders {
    /// The tag that holds the upper 64 bits of the trace's identity, as 16 hexadecimal digits.
    static let upperTag = "_dd.p.tid"
    /// Bytes; Datadog's own bound.
    static let longestTags = 512
    static let longestOrigin = 128

    static func extract(_ header: (PropagationHeader) -> String?) -> (SpanContext, SpanContext.Carried.Datadog)? {
        guard let low = header(.datadogTraceID).flatMap({ UInt64($0) }), low != 0 else { return nil }
        // A caller without a span of its own, such as a browser's first request, sends no parent or 0.
        guard let parent = header(.datadogParentID).flatMap({ UInt64($0) }), parent != 0 else { return nil }
        let priority = header(.datadogPriority).flatMap { Int($0) }.flatMap { (-1...2).contains($0) ? $0 : nil }
        let tags = header(.datadogTags).flatMap { W3CTraceContext.bounded($0, longestTags) }
        let origin = header(.datadogOrigin).flatMap { W3CTraceContext.bounded($0, longestOrigin) }
        let context = SpanContext(
            traceID: TraceID(high: tags.flatMap(upper) ?? 0, low: low), spanID: SpanID(parent), isSampled: priority ?? 1 > 0, isRemote: true)
        return (context, SpanContext.Carried.Datadog(priority: priority, origin: origin, tags: tags.flatMap(withoutUpper)))
    }

    static func inject(_ context: SpanContext, _ set: (PropagationHeader, String) -> Void) {
        let carried = context.carried?.datadog
        set(.datadogTraceID, String(context.traceID.low))
        set(.datadogParentID, String(context.spanID.value))
        // A person's decision to keep (2) or to drop (-1) stays one; anything else is what was decided here.
        let given = carried?.priority
        let priority = given.map { ($0 > 0) == context.isSampled } == true ? given! : context.isSampled ? 1 : 0
        set(.datadogPriority, String(priority))
        if let origin = carried?.origin { set(.datadogOrigin, origin) }
        let upper = context.traceID.high == 0 ? nil : "\(upperTag)=\(Hex.text(context.traceID.high))"
        let tags = [upper, carried?.tags].compactMap { $0 }
        if !tags.isEmpty { set(.datadogTags, tags.joined(separator: ",")) }
    }

    private static func upper(_ tags: String) -> UInt64? {
        for tag in tags.split(separator: ",") where tag.hasPrefix(upperTag + "=") {
            return SpanID(hex: String(tag.dropFirst(upperTag.count + 1)))?.value
        }
        return nil
    }

    private static func withoutUpper(_ tags: String) -> String? {
        let rest = tags.split(separator: ",").filter { !$0.hasPrefix(upperTag + "=") }
        return rest.isEmpty ? nil : rest.joined(separator: ",")
    }
}
