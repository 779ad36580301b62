/// What an `ExportTraceServiceRequest` brought: each span in its own bytes, with what the store wants to know of it.
struct ReceivedSpan: Sendable {
    let traceID: TraceID
    let id: SpanID
    let parentID: SpanID?
    let name: String
    let start: UInt64
    let end: UInt64
    let isError: Bool
    /// The orders that its attributes name.
    let orderIDs: [String]
    /// The name of what instruments; empty where it has none.
    let scope: String
    let resource: ReceivedResource
    /// The message of type `Span`.
    let wire: [UInt8]
}

/// Who sent spans; shared by all of a batch.
final class ReceivedResource: Sendable {
    /// `service.name`.
    let service: String
    let attributes: [Attribute]
    /// Bytes on the wire.
    let size: Int

    init(_ attributes: [Attribute], size: Int) {
        self.attributes = attributes
        self.size = size
        // The name that OpenTelemetry's own kits give to what has none.
        service = attributes.first { $0.key == "service.name" }?.value.text ?? "unknown_service"
    }
}

/// An `ExportTraceServiceRequest`, taken apart.
struct TraceExport: Sendable {
    /// The attribute by which a span says which order it belongs to.
    static let orderKey = "shop.order.id"

    /// Bytes of one span on the wire; beyond it, one that somebody made by mistake.
    static let longestSpan = 256 << 10
    /// Orders that one span may name: the first ones count.
    static let mostOrders = 8

    private(set) var spans: [ReceivedSpan] = []
    /// Spans without valid ids, or too long.
    private(set) var rejected = 0

    init(_ body: [UInt8]) throws(ProtobufError) {
        var reader = ProtobufReader(body[...])
        while let field = try reader.next() {
            if field.number == 1, let bytes = field.value.bytes { try readResourceSpans(reader.nested(bytes)) }
        }
    }

    /// Twice over: the resource may stand behind the spans.
    private mutating func readResourceSpans(_ message: ProtobufReader) throws(ProtobufError) {
        var resource = ReceivedResource([], size: 0)
        var reader = message
        while let field = try reader.next() {
            if field.number == 1, let bytes = field.value.bytes {
                resource = ReceivedResource(try AttributeValue.attributes(in: reader.nested(bytes)), size: bytes.count)
            }
        }
        reader = message
        while let field = try reader.next() {
            if field.number == 2, let bytes = field.value.bytes { try readScopeSpans(reader.nested(bytes), resource) }
        }
    }

    private mutating func readScopeSpans(_ message: ProtobufReader, _ resource: ReceivedResource) throws(ProtobufError) {
        var scope = ""
        var reader = message
        while let field = try reader.next() {
            guard field.number == 1, let bytes = field.value.bytes else { continue }
            var inner = try reader.nested(bytes)
            while let field = try inner.next() { if field.number == 1, let name = field.value.string { scope = name } }
        }
        reader = message
        while let field = try reader.next() {
            if field.number == 2, let bytes = field.value.bytes { try add(bytes, reader.nested(bytes), scope, resource) }
        }
    }

    private mutating func add(
        _ wire: ArraySlice<UInt8>, _ message: ProtobufReader, _ scope: String, _ resource: ReceivedResource
    ) throws(ProtobufError) {
        let span = try RecordedSpan(reading: message)
        guard let traceID = span.traceID, let id = span.id, wire.count <= Self.longestSpan else {
            rejected += 1
            return
        }
        let orders = span.attributes.lazy.filter { $0.key == Self.orderKey }.compactMap(\.value.text).filter { !$0.isEmpty && $0.utf8.count <= 100 }
        spans.append(
            ReceivedSpan(
                traceID: traceID, id: id, parentID: span.parentID, name: span.name, start: span.start, end: max(span.start, span.end),
                isError: span.status == .error, orderIDs: Array(orders.prefix(Self.mostOrders)), scope: scope, resource: resource,
                wire: Array(wire)))
    }
}

extension AttributeValue {
    /// The value of a string attribute.
    var text: String? { if case .string(let text) = self { text } else { nil } }
}

/// What an `ExportMetricsServiceRequest` or an `ExportLogsServiceRequest` brought, counted: the console looks at traces, and keeps nothing else.
enum ExportCounts {
    /// Data points: resource_metrics → scope_metrics → metrics → gauge, sum, histogram, exponential histogram or summary → points.
    static func dataPoints(_ body: [UInt8]) throws(ProtobufError) -> Int {
        try count(ProtobufReader(body[...]), [[1], [2], [2], [5, 7, 9, 10, 11], [1]])
    }

    /// Log records: resource_logs → scope_logs → records.
    static func logRecords(_ body: [UInt8]) throws(ProtobufError) -> Int {
        try count(ProtobufReader(body[...]), [[1], [2], [2]])
    }

    /// The messages at the end of a path of field numbers. Each is read through, so that what is no message is noticed.
    private static func count(_ message: ProtobufReader, _ path: ArraySlice<Set<Int>>) throws(ProtobufError) -> Int {
        var reader = message
        var found = 0
        while let field = try reader.next() {
            guard let numbers = path.first, numbers.contains(field.number), let bytes = field.value.bytes else { continue }
            let below = try count(reader.nested(bytes), path.dropFirst())
            found += path.count == 1 ? 1 : below
        }
        return found
    }
}
