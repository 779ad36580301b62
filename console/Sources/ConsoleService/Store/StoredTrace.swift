/// A span as the store holds it: its own bytes, taken apart again when somebody looks, and what is needed without looking.
struct StoredSpan: Sendable {
    let id: SpanID
    let parentID: SpanID?
    let scope: String
    let resource: ReceivedResource
    /// The message of type `Span`.
    let wire: [UInt8]

    /// Bytes beside the wire's that a span takes in here: its fields, the head of its array, its id a second time.
    static let overhead = 128
}

/// The spans of one trace, and what a list says of it.
struct StoredTrace: Sendable {
    let id: TraceID
    private(set) var spans: [StoredSpan] = []
    /// What it counts against the store's bound.
    private(set) var bytes = 0
    /// Spans that came when it was full.
    private(set) var dropped = 0
    /// Nanoseconds since 1970: of the earliest span, and of the last one to end.
    private(set) var start = UInt64.max
    private(set) var end: UInt64 = 0
    private(set) var errors = 0
    /// In the order in which they were heard of.
    private(set) var services: [String] = []
    private(set) var orderIDs: [String] = []
    /// Of the root, or as long as it has not come, of the earliest span.
    private(set) var name = ""
    private(set) var service = ""

    private var ids: Set<SpanID> = []
    private var nameIsRoots = false
    private var nameStart = UInt64.max

    /// Names in `services` and in `orderIDs`, each: a trace of more has more than a list can show.
    private static let mostNames = 32

    init(id: TraceID) { self.id = id }

    var duration: UInt64 { end > start ? end - start : 0 }

    enum Outcome {
        /// The bytes that it counts for.
        case added(Int)
        /// It was there: a sender that got no answer sends again.
        case known
        /// The trace is full.
        case dropped
    }

    /// - Parameter newResourceBytes: of a resource that is counted with this span.
    mutating func add(_ span: ReceivedSpan, resource: ReceivedResource, newResourceBytes: Int, mostSpans: Int, mostBytes: Int) -> Outcome {
        guard !ids.contains(span.id) else { return .known }
        let size = span.wire.count + span.scope.utf8.count + StoredSpan.overhead + newResourceBytes
        guard spans.count < mostSpans, bytes + size <= mostBytes else {
            dropped += 1
            return .dropped
        }
        ids.insert(span.id)
        bytes += size
        spans.append(StoredSpan(id: span.id, parentID: span.parentID, scope: span.scope, resource: resource, wire: span.wire))
        start = min(start, span.start)
        end = max(end, span.end)
        if span.isError { errors += 1 }
        Self.add(resource.service, to: &services)
        for order in span.orderIDs { Self.add(order, to: &orderIDs) }
        let isRoot = span.parentID == nil
        if isRoot && !nameIsRoots || isRoot == nameIsRoots && span.start < nameStart {
            (name, service, nameIsRoots, nameStart) = (span.name, resource.service, isRoot, span.start)
        }
        return .added(size)
    }

    private static func add(_ text: String, to list: inout [String]) {
        if list.count < mostNames, !list.contains(text) { list.append(text) }
    }
}
