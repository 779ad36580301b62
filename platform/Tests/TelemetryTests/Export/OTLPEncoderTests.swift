import Foundation
import NIOCore
import Testing
import Tracing

@testable import Telemetry

/// Against bytes that opentelemetry-proto made of the same messages: tests/telemetry/golden.py.
@Suite("OTLP's bytes")
struct OTLPEncoderTests {
    private let encoder = OTLPEncoder(resource: Telemetry.Resource(service: "maker", version: "9", environment: "test"))
    private let trace = TraceID(high: 0x4bf9_2f35_77b3_4da6, low: 0xa3ce_929d_0e0e_4736)
    private let span = SpanID(0x00f0_67aa_0ba9_02b7)
    private let parent = SpanID(9)

    private static func golden(_ name: String) throws -> String {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/\(name)")
        return try String(contentsOf: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func hex(_ bytes: some Sequence<UInt8>) -> String { bytes.map { String(format: "%02x", $0) }.joined() }

    @Test("spans are encoded as opentelemetry-proto encodes them, byte for byte")
    func traces() throws {
        let context = SpanContext(traceID: trace, spanID: span, isSampled: true, carried: SpanContext.Carried(traceState: "dd=s:2"))
        var full = SpanRecord(
            context: context, parentID: parent, hasRemoteParent: true, kind: .server, name: "GET /things/{id} é", start: 1,
            end: 2_000_000_000_000_000_000 - 1000,
            attributes: [
                Attribute("text", "é"), Attribute("empty", ""), Attribute("number", -1), Attribute("zero", 0), Attribute("half", .double(0.5)),
                Attribute("flag", .bool(false)), Attribute("long", String(repeating: "x", count: 300)), Attribute("list", .array(["a", 300])),
            ])
        full.events = [SpanRecord.Event("waited", time: 500, attributes: [Attribute("seconds", .double(1.25))])]
        full.links = [
            SpanRecord.Link(SpanContext(traceID: trace, spanID: parent, isSampled: true), attributes: [Attribute("why", "batch")])
        ]
        full.status = .error("it failed")
        (full.droppedAttributes, full.droppedEvents, full.droppedLinks) = (2, 300, 1)
        var bare = SpanRecord(
            context: SpanContext(traceID: trace, spanID: parent, isSampled: true), parentID: nil, hasRemoteParent: false, kind: .internal,
            name: "bare",
            start: 0, end: 0, attributes: [])
        bare.status = .ok
        let bytes = encoder.traces([full, bare], offset: 1000)
        #expect(hex(bytes.readableBytesView) == (try Self.golden("traces.hex")))
    }

    @Test("metrics are encoded as opentelemetry-proto encodes them, byte for byte")
    func metrics() throws {
        func definition(_ name: String, _ unit: String, _ kind: MetricDefinition.Kind, _ description: String) -> MetricDefinition {
            MetricDefinition(name: name, unit: MetricUnit(unit), kind: kind, description: description)
        }
        func point(_ value: SeriesValue, _ label: String?) -> MetricExport.Point {
            MetricExport.Point(labels: LabelSet(label.map { [("label", $0)] } ?? []), value: value)
        }
        let histogram = HistogramSnapshot(
            bounds: [0.5, 1], counts: [1, 0, 2], sum: 4.5, exemplars: [Exemplar(value: 2, time: 1500, traceID: trace, spanID: span)])
        let metrics = [
            MetricExport(definition: definition("a.gauge", "By", .gauge, "A gauge."), points: [point(.number(0), nil)]),
            MetricExport(
                definition: definition("b.counter", "{thing}", .counter, "A counter."), points: [point(.number(2), "x"), point(.number(3), "y")]),
            MetricExport(definition: definition("c.updown", "{thing}", .upDownCounter, "Goes both ways."), points: [point(.number(-4), nil)]),
            MetricExport(definition: definition("d.histogram", "s", .histogram, "A distribution."), points: [point(.histogram(histogram), "x")]),
        ]
        let bytes = encoder.metrics(metrics, .delta, .init(begun: 1000, previous: 2000, now: 3000), offset: 1000)
        #expect(hex(bytes.readableBytesView) == (try Self.golden("metrics.hex")))
    }

    @Test("a message is written right whatever its length, and whatever length was expected", arguments: [0, 1, 127, 128, 16_383, 16_384, 3_000_000])
    func lengths(_ length: Int) {
        for width in 1...4 {
            var writer = ProtobufWriter(capacity: 1)
            let mark = writer.begin(1, width: width)
            writer.raw([UInt8](repeating: 7, count: length))
            writer.end(mark)
            writer.varint(2, 1)
            var reader = ProtobufReader(writer.buffer)
            guard case (1, .bytes(let body))? = reader.next(), case (2, .varint(1))? = reader.next() else {
                Issue.record("it cannot be read back")
                return
            }
            #expect(body.readableBytes == length)
            #expect(reader.next() == nil)
        }
    }
}
