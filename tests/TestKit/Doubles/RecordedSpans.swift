import Synchronization
public import Telemetry

/// Keeps the spans of one or several services, in the order in which they ended.
public final class RecordedSpans: Sendable {
    private let kept = Mutex<[(service: String, span: SpanRecord)]>([])

    public init() {}

    public var all: [SpanRecord] { kept.withLock { $0.map(\.span) } }

    public func named(_ name: String) -> [SpanRecord] { all.filter { $0.name == name } }

    public func of(_ service: String) -> any SpanSink { Sink(spans: self, service: service) }

    /// The trees of all traces, a line for each span, children indented below their parents, in the order in which they began.
    public var trees: [String] {
        let spans = kept.withLock { $0 }.sorted { $0.span.start < $1.span.start }
        let known = Set(spans.map(\.span.context.spanID))
        func lines(_ parent: SpanID?, _ depth: Int) -> [String] {
            spans.filter { entry in depth == 0 ? entry.span.parentID.map { !known.contains($0) } ?? true : entry.span.parentID == parent }
                .flatMap { entry in
                    let error = if case .error = entry.span.status { " !" } else { "" }
                    return ["\(String(repeating: "  ", count: depth))\(entry.service): \(entry.span.name)\(error)"]
                        + lines(entry.span.context.spanID, depth + 1)
                }
        }
        return lines(nil, 0)
    }

    private struct Sink: SpanSink {
        let spans: RecordedSpans
        let service: String

        func take(_ span: consuming SpanRecord) {
            let span = span
            spans.kept.withLock { $0.append((service, span)) }
        }
    }
}
