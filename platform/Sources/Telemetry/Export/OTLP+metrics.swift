internal import NIOCore

/// How a sum is told: what came since the last time, or what there is in all.
public enum Temporality: String, Sendable, CaseIterable {
    /// What the Datadog Agent wants, and the default here. Sums that also fall are cumulative in either case.
    case delta
    case cumulative
}

/// A metric as it goes into one export.
struct MetricExport {
    struct Point {
        let labels: LabelSet
        let value: SeriesValue
    }

    let definition: MetricDefinition
    let points: [Point]
}

extension OTLPEncoder {
    /// The moments that points carry: Unix time in nanoseconds.
    struct Times {
        /// When the process began to count.
        var begun: UInt64
        /// The end of the export before.
        var previous: UInt64
        var now: UInt64
    }

    /// An `ExportMetricsServiceRequest`.
    func metrics(_ metrics: [MetricExport], _ temporality: Temporality, _ times: Times, offset: Int64) -> ByteBuffer {
        var writer = ProtobufWriter(capacity: 64 << 10)
        envelope(&writer) { writer in
            for metric in metrics where !metric.points.isEmpty { Self.metric(metric, temporality, times, offset, &writer) }
        }
        return writer.buffer
    }

    private static func metric(
        _ metric: MetricExport, _ temporality: Temporality, _ times: Times, _ offset: Int64, _ writer: inout ProtobufWriter
    ) {
        let definition = metric.definition
        let message = writer.begin(2, width: 2)
        writer.string(1, definition.name)
        writer.string(2, definition.description)
        writer.string(3, definition.unit.symbol)
        let isDelta = temporality == .delta && (definition.kind == .counter || definition.kind == .histogram)
        let start = isDelta ? times.previous : times.begun
        let data =
            switch definition.kind {
            case .gauge: writer.begin(5, width: 2)
            case .counter, .upDownCounter: writer.begin(7, width: 2)
            case .histogram: writer.begin(9, width: 2)
            }
        for point in metric.points {
            switch point.value {
            case .number(let number):
                let mark = writer.begin(1)
                if definition.kind != .gauge { writer.fixed64(2, start) }
                writer.fixed64(3, times.now)
                writer.variant(4, fixed64: number.bitPattern)
                labels(7, point.labels, &writer)
                writer.end(mark)
            case .histogram(let histogram):
                let mark = writer.begin(1, width: 2)
                writer.fixed64(2, start)
                writer.fixed64(3, times.now)
                writer.fixed64(4, histogram.count)
                writer.variant(5, fixed64: histogram.sum.bitPattern)
                writer.packed(6, histogram.counts)
                writer.packed(7, histogram.bounds.map(\.bitPattern))
                for exemplar in histogram.exemplars { self.exemplar(8, exemplar, offset, &writer) }
                labels(9, point.labels, &writer)
                writer.end(mark)
            }
        }
        switch definition.kind {
        case .gauge: break
        case .counter:
            writer.varint(2, isDelta ? 1 : 2)
            writer.varint(3, 1)
        case .upDownCounter: writer.varint(2, 2)
        case .histogram: writer.varint(2, isDelta ? 1 : 2)
        }
        writer.end(data)
        writer.end(message)
    }

    private static func exemplar(_ field: Int, _ exemplar: Exemplar, _ offset: Int64, _ writer: inout ProtobufWriter) {
        let mark = writer.begin(field)
        writer.fixed64(2, time(exemplar.time, offset))
        writer.variant(3, fixed64: exemplar.value.bitPattern)
        writer.identity(4, exemplar.spanID)
        writer.identity(5, exemplar.traceID)
        writer.end(mark)
    }

    private static func labels(_ field: Int, _ labels: LabelSet, _ writer: inout ProtobufWriter) {
        for label in labels.labels { writer.attribute(field, label.name, .string(label.value)) }
    }
}
