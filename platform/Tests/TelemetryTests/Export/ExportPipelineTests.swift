import CoreMetrics
import NIOCore
import Testing
import Tracing

@testable import Telemetry

@Suite("The export pipeline")
struct ExportPipelineTests {
    private let registry = MetricsRegistry()

    private func configuration() -> TelemetryConfiguration {
        var configuration = TelemetryConfiguration(resource: Telemetry.Resource(service: "maker", version: "9", environment: "test"))
        configuration.traces = ExportTarget(url: "http://c/v1/traces")
        configuration.batchDelay = .seconds(3600)
        configuration.metricInterval = .seconds(3600)
        return configuration
    }

    private func counter(_ name: String, _ label: (String, String)? = nil) -> Double? {
        for metric in registry.collect() where metric.definition.name == name {
            for (labels, value) in metric.series
            where label.map({ wanted in labels.labels.contains { $0.name == wanted.0 && $0.value == wanted.1 } }) ?? true {
                if case .number(let number) = value { return number }
            }
        }
        return nil
    }

    private func spans(_ count: Int, to pipeline: ExportPipeline) {
        let root = TelemetryTracer(sink: pipeline.spans).begin("root")
        for index in 0..<count { root.record(child: "span \(index)", kind: .internal, start: 1, end: 2, attributes: []) }
    }

    @Test("what waits goes out at shutdown, and is counted as exported")
    func shutdown() async {
        let collector = ScriptedCollector([.answer(200)])
        let pipeline = ExportPipeline(configuration(), registry, collector)
        spans(700, to: pipeline)
        await pipeline.shutdown(within: .seconds(60))
        #expect(collector.bodies.count == 2)
        #expect(counter("telemetry.exported") == 700)
        #expect(counter("telemetry.dropped", ("reason", "shutdown")) == 0)
        spans(1, to: pipeline)
        #expect(counter("telemetry.dropped", ("reason", "queue_full")) == 1, "afterwards nothing is taken any more")
    }

    @Test("a collector that is not there costs its spans, which are counted, and nothing else")
    func gone() async {
        let pipeline = ExportPipeline(configuration(), registry, ScriptedCollector([.fail]))
        spans(3, to: pipeline)
        await pipeline.shutdown(within: .seconds(60))
        #expect(counter("telemetry.exported") == 0)
        #expect(counter("telemetry.dropped", ("reason", "retries_exhausted")) == 3)
        #expect(counter("telemetry.export.failures") == 5)
    }

    @Test("spans that the collector refuses are counted as that")
    func refused() async {
        let pipeline = ExportPipeline(configuration(), registry, ScriptedCollector([.answer(400)]))
        spans(3, to: pipeline)
        await pipeline.shutdown(within: .seconds(60))
        #expect(counter("telemetry.dropped", ("reason", "rejected")) == 3)
    }

    @Test("metrics that were not taken are part of the next export")
    func deltas() async {
        let collector = ScriptedCollector([.answer(200), .fail, .answer(200)])
        let exporter = MetricExporter(
            registry, .delta, OTLPSender(ExportTarget(url: "http://c"), collector, retries: .init(attempts: 1), failed: { _ in }),
            OTLPEncoder(resource: configuration().resource), ExportCounts(registry, signal: "metrics"))
        let counter = registry.makeCounter(label: "things", dimensions: [])
        var told: [Double?] = []
        for amount in [3, 4, 5, 0] as [Int64] {
            counter.increment(by: amount)
            await exporter.export()
            told.append(collector.bodies.last.flatMap { Self.value(of: "things", in: $0) })
        }
        #expect(told == [3, 4, 9, nil], "3 taken; 4 not taken; 4 + 5 taken; nothing new")
    }

    /// The value of a sum's first point, read as a collector reads it.
    private static func value(of name: String, in body: ByteBuffer) -> Double? {
        func all(_ number: Int, _ message: ByteBuffer) -> [ByteBuffer] {
            var reader = ProtobufReader(message)
            var found: [ByteBuffer] = []
            while let field = reader.next() { if field.number == number, case .bytes(let bytes) = field.value { found.append(bytes) } }
            return found
        }
        let metrics = all(1, body).flatMap { all(2, $0) }.flatMap { all(2, $0) }
        guard let metric = metrics.first(where: { all(1, $0).first == ByteBuffer(string: name) }),
            let point = all(7, metric).flatMap({ all(1, $0) }).first
        else { return nil }
        var reader = ProtobufReader(point)
        while let field = reader.next() { if field.number == 4, case .fixed(let bits) = field.value { return Double(bitPattern: bits) } }
        return nil
    }
}
