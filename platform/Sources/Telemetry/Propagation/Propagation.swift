/// A header that carries a trace from one process to the next.
public enum PropagationHeader: String, Sendable, CaseIterable {
    case traceparent, tracestate, baggage
    case datadogTraceID = "x-datadog-trace-id"
    case datadogParentID = "x-datadog-parent-id"
    case datadogPriority = "x-datadog-sampling-priority"
    case datadogOrigin = "x-datadog-origin"
    case datadogTags = "x-datadog-tags"
}

/// How a trace is read from a caller's headers, and written into those of a call.
///
/// Reading: the styles are asked in order, and the first that is there and valid says which trace it is; what the others say is used only
/// where it is about the same trace (Datadog's priority, origin and tags beside a `traceparent`). What is not valid counts as not there,
/// never as an error. Writing: every style.
public struct Propagation: Hashable, Sendable, CustomStringConvertible {
    /// The raw values are those of `OTEL_PROPAGATORS`.
    public enum Style: String, Sendable, CaseIterable {
        case tracecontext, baggage, datadog
    }

    public var styles: [Style]

    /// W3C first: it says all that Datadog's headers say, in one header, and both worlds write it by default.
    public init(_ styles: [Style] = [.tracecontext, .baggage, .datadog]) { self.styles = styles }

    public var description: String { styles.isEmpty ? "none" : styles.map(\.rawValue).joined(separator: ",") }

    /// - Returns: the caller's span; and what is carried along where there is no span to carry it, such as baggage alone.
    public func extract(_ header: (PropagationHeader) -> String?) -> (context: SpanContext?, carried: SpanContext.Carried?) {
        var found: SpanContext?
        var foundState: String?
        var datadog: SpanContext.Carried.Datadog?
        var baggage: String?
        for style in styles {
            switch style {
            case .tracecontext:
                guard found == nil, let context = header(.traceparent).flatMap(W3CTraceContext.parse) else { continue }
                found = context
                foundState = header(.tracestate).flatMap { W3CTraceContext.bounded($0, W3CTraceContext.longestState) }
            case .baggage:
                baggage = header(.baggage).flatMap { W3CTraceContext.bounded($0, W3CTraceContext.longestBaggage) }
            case .datadog:
                guard let (context, extra) = DatadogHeaders.extract(header) else { continue }
                if let known = found {
                    if known.traceID.low == context.traceID.low { datadog = extra }
                } else {
                    found = context
                    datadog = extra
                }
            }
        }
        guard foundState != nil || datadog != nil || baggage != nil else { return (found, nil) }
        let carried = SpanContext.Carried(traceState: foundState, baggage: baggage, datadog: datadog)
        found?.carried = carried
        return (found, carried)
    }

    /// Calls `set` with each header and its value.
    public func inject(_ context: SpanContext, _ set: (PropagationHeader, String) -> Void) {
        for style in styles {
            switch style {
            case .tracecontext:
                set(.traceparent, W3CTraceContext.traceparent(context))
                if let state = context.carried?.traceState { set(.tracestate, state) }
            case .baggage:
                if let baggage = context.carried?.baggage { set(.baggage, baggage) }
            case .datadog: DatadogHeaders.inject(context, set)
            }
        }
    }
}

/// W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context/).
enum W3CTraceContext {
    /// Bytes; the standard asks for at least 512.
    static let longestState = 512
    /// Bytes; the standard for baggage asks for 8,192.
    static let longestBaggage = 8192

    static func traceparent(_ context: SpanContext) -> String {
        String(unsafeUninitializedCapacity: 55) { buffer in
            let dash = UInt8(ascii: "-")
            let zero = UInt8(ascii: "0")
            (buffer[0], buffer[1], buffer[2]) = (zero, zero, dash)
            Hex.write(context.traceID.high, to: buffer, at: 3)
            Hex.write(context.traceID.low, to: buffer, at: 19)
            buffer[35] = dash
            Hex.write(context.spanID.value, to: buffer, at: 36)
            (buffer[52], buffer[53], buffer[54]) = (dash, zero, context.isSampled ? zero + 1 : zero)
            return 55
        }
    }

    /// A later version may add to the end, after another dash; version ff is not valid, nor are identities of zeros only.
    static func parse(_ text: String) -> SpanContext? {
        guard text.utf8.count >= 55 else { return nil }
        var text = text
        return text.withUTF8 { bytes in
            let dash = UInt8(ascii: "-")
            guard bytes[2] == dash, bytes[35] == dash, bytes[52] == dash, let version = Hex.number(bytes, at: 0, digits: 2), version != 0xFF,
                version == 0 ? bytes.count == 55 : bytes.count == 55 || bytes[55] == dash,
                let high = Hex.word(bytes, at: 3), let low = Hex.word(bytes, at: 19), high | low != 0,
                let span = Hex.word(bytes, at: 36), span != 0, let flags = Hex.number(bytes, at: 53, digits: 2)
            else { return nil }
            return SpanContext(traceID: TraceID(high: high, low: low), spanID: SpanID(span), isSampled: flags & 1 == 1, isRemote: true)
        }
    }

    /// Too long, or not printable: left out, since it is written into other requests as it is.
    static func bounded(_ text: String, _ limit: Int) -> String? {
        !text.isEmpty && text.utf8.count <= limit && text.utf8.allSatisfy { (0x20...0x7E).contains($0) || $0 == 0x09 } ? text : nil
    }
}
