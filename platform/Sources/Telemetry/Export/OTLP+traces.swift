package import NIOCore
internal import Tracing

/// OTLP's messages (opentelemetry-proto 1.x), written field by field in the order of their numbers.
package struct OTLPEncoder: Sendable {
    /// The message `Resource`, and `InstrumentationScope`: the same in every request, so encoded once.
    private let resource: [UInt8]
    private let scope: [UInt8]

    package init(resource: Telemetry.Resource) {
        var writer = ProtobufWriter(capacity: 1024)
        for (key, value) in resource.attributes { writer.attribute(1, key, value) }
        self.resource = writer.bytes
        writer.removeAll()
        writer.string(1, "hello-dd/platform/Telemetry")
        writer.string(2, Telemetry.libraryVersion)
        scope = writer.bytes
    }

    /// An `ExportTraceServiceRequest`.
    /// - Parameter offset: from ``Ticks`` to Unix time.
    package func traces(_ spans: [SpanRecord], offset: Int64) -> ByteBuffer {
        var writer = ProtobufWriter(capacity: 512 * (spans.count + 2))
        envelope(&writer) { writer in
            for span in spans { Self.span(span, offset, &writer) }
        }
        return writer.buffer
    }

    /// Request → resource → scope → `body`; the same shape for traces and for metrics.
    func envelope(_ writer: inout ProtobufWriter, _ body: (inout ProtobufWriter) -> Void) {
        let request = writer.begin(1, width: 3)
        let resource = writer.begin(1, width: 2)
        writer.raw(self.resource)
        writer.end(resource)
        let scoped = writer.begin(2, width: 3)
        let scope = writer.begin(1)
        writer.raw(self.scope)
        writer.end(scope)
        body(&writer)
        writer.end(scoped)
        writer.end(request)
    }

    static func span(_ span: borrowing SpanRecord, _ offset: Int64, _ writer: inout ProtobufWriter) {
        let message = writer.begin(2, width: 2)
        writer.identity(1, span.context.traceID)
        writer.identity(2, span.context.spanID)
        if let state = span.context.carried?.traceState { writer.string(3, state) }
        if let parent = span.parentID { writer.identity(4, parent) }
        writer.string(5, span.name)
        writer.varint(6, kind(span.kind))
        writer.fixed64(7, time(span.start, offset))
        writer.fixed64(8, time(span.end, offset))
        for attribute in span.attributes { writer.attribute(9, attribute.key, attribute.value) }
        writer.varint(10, UInt64(span.droppedAttributes))
        for event in span.events {
            let mark = writer.begin(11)
            writer.fixed64(1, time(event.time, offset))
            writer.string(2, event.name)
            for attribute in event.attributes { writer.attribute(3, attribute.key, attribute.value) }
            writer.end(mark)
        }
        writer.varint(12, UInt64(span.droppedEvents))
        for link in span.links {
            let mark = writer.begin(13)
            writer.identity(1, link.context.traceID)
            writer.identity(2, link.context.spanID)
            if let state = link.context.carried?.traceState { writer.string(3, state) }
            for attribute in link.attributes { writer.attribute(4, attribute.key, attribute.value) }
            writer.fixed32(6, link.context.isSampled ? 0x101 : 0x100)
            writer.end(mark)
        }
        writer.varint(14, UInt64(span.droppedLinks))
        switch span.status {
        case .unset: break
        case .ok:
            let status = writer.begin(15)
            writer.varint(3, 1)
            writer.end(status)
        case .error(let text):
            let status = writer.begin(15)
            writer.string(2, text)
            writer.varint(3, 2)
            writer.end(status)
        }
        // Bit 8 says that bit 9, whether the parent is of another process, is known. All that is exported counts as sampled.
        writer.fixed32(16, span.hasRemoteParent ? 0x301 : 0x101)
        writer.end(message)
    }

    static func time(_ ticks: Int64, _ offset: Int64) -> UInt64 { UInt64(clamping: ticks + offset) }

    private static func kind(_ kind: SpanKind) -> UInt64 {
        switch kind {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
    }
}

extension ProtobufWriter {
    /// A `KeyValue`.
    mutating func attribute(_ field: Int, _ key: String, _ value: AttributeValue) {
        let mark = begin(field)
        string(1, key)
        let any = begin(2)
        put(value)
        end(any)
        end(mark)
    }

    private mutating func put(_ value: AttributeValue) {
        switch value {
        case .string(let text): variant(1, string: text)
        case .bool(let flag): variant(2, varint: flag ? 1 : 0)
        case .int(let number): variant(3, varint: UInt64(bitPattern: number))
        case .double(let number): variant(4, fixed64: number.bitPattern)
        case .array(let values):
            let list = begin(5)
            for value in values {
                let any = begin(1)
                put(value)
                end(any)
            }
            end(list)
        }
    }
}
