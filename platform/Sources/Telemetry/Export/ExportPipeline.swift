internal import CoreMetrics
internal import Resilience
internal import Synchronization

/// All that exports in a process: the queue of spans, what empties it, and the clock of the metrics.
final class ExportPipeline: Sendable {
    private let exporter: SpanExporter?
    private let metrics: MetricExporter?
    private let transport: any OTLPTransport
    private let work: Mutex<Task<Void, Never>?>
    private let clocks: Mutex<[Task<Void, Never>]>

    /// Where spans go; nil where none are exported.
    var spans: (any SpanSink)? { exporter?.queue }

    /// nil where nothing is exported. Begins at once.
    convenience init?(_ configuration: TelemetryConfiguration, _ registry: MetricsRegistry) {
        guard !configuration.isDisabled, configuration.traces != nil || configuration.metrics != nil else { return nil }
        self.init(configuration, registry, HTTPTransport())
    }

    init(_ configuration: TelemetryConfiguration, _ registry: MetricsRegistry, _ transport: any OTLPTransport) {
        self.transport = transport
        let encoder = OTLPEncoder(resource: configuration.resource)
        exporter = configuration.traces.map { target in
            let counts = ExportCounts(registry, signal: "traces")
            let options = SpanExporter.Options(
                capacity: configuration.queueCapacity, batchSize: configuration.batchSize, delay: configuration.batchDelay)
            return SpanExporter(options, OTLPSender(target, transport, failed: { counts.failed($0) }), encoder, counts)
        }
        metrics = configuration.metrics.map { target in
            let counts = ExportCounts(registry, signal: "metrics")
            // One try: what is not told now is part of what is told at the next interval.
            let sender = OTLPSender(target, transport, retries: .init(attempts: 1), failed: { counts.failed($0) })
            return MetricExporter(registry, configuration.temporality, sender, encoder, counts)
        }
        if let queue = exporter?.queue { registry.observe(.telemetryQueueSize) { Double(queue.count) } }
        let (exporter, metrics) = (exporter, metrics)
        work = Mutex(exporter.map { exporter in Task.detached { await exporter.run() } })
        var clocks: [Task<Void, Never>] = []
        if let exporter { clocks.append(Self.every(configuration.batchDelay) { exporter.flush() }) }
        if let metrics { clocks.append(Self.every(configuration.metricInterval) { await metrics.export() }) }
        self.clocks = Mutex(clocks)
    }

    private static func every(_ interval: Duration, _ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        Task.detached {
            while (try? await Task.sleep(for: interval)) != nil { await body() }
        }
    }

    func flush() { exporter?.flush() }

    func shutdown(within time: Duration) async {
        let clocks = clocks.withLock { clocks in
            defer { clocks = [] }
            return clocks
        }
        for clock in clocks { clock.cancel() }
        metrics?.hurry()
        exporter?.stop()
        let work = work.withLock { $0 }
        let (exporting, last) = (metrics, Task.detached { for clock in clocks { await clock.value } })
        let all = Task.detached {
            await work?.value
            await last.value
            await exporting?.export()
        }
        _ = try? await withTimeout(time) {
            await withTaskCancellationHandler {
                await all.value
            } onCancel: {
                work?.cancel()
                all.cancel()
            }
        }
        await transport.shutdown()
    }
}
