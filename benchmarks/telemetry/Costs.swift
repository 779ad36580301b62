import CoreMetrics
import NIOCore
import Telemetry
import Tracing

/// What one span costs: to record, and to encode. Medians of many rounds, on one thread.
enum Costs {
    private static let rounds = 41
    private static let spans = 2000

    static func measure() {
        let queue = SpanQueue(capacity: spans * 2, batchSize: spans * 2, dropped: NOOPMetricsHandler.instance, wake: {})
        let tracer = TelemetryTracer(sink: queue)
        let root = tracer.begin("root")
        let statement = "SELECT id, sku, name, category, version FROM products WHERE id = $1 AND archived_at IS NULL"
        let report: [(String, () -> Void)] = [
            ("record a statement (no object, 5 attributes)", { statementSpan(root, statement) }),
            ("record a call (its id is sent before, 8 attributes)", { callSpan(root) }),
            ("begin, make current, and end a request (7 attributes)", { requestSpan(tracer) }),
            ("the same with tracing off", { requestSpan(.off) }),
            ("a statement outside of a trace", { if TraceSpan.current != nil { statementSpan(root, statement) } }),
        ]
        for (name, body) in report {
            let nanoseconds = median {
                for _ in 0..<spans { body() }
                _ = queue.next()
            }
            print("\(name): \(nanoseconds) ns")
        }
        for _ in 0..<spans { callSpan(root) }
        let batch = queue.next()
        let encoder = OTLPEncoder(resource: Telemetry.Resource(service: "bench", version: "1", environment: "bench"))
        var bytes = 0
        let nanoseconds = median { bytes = encoder.traces(batch, offset: 0).readableBytes }
        print("encode a span (\(bytes / batch.count) bytes): \(nanoseconds) ns")
    }

    /// Nanoseconds for one of the ``spans`` of a round.
    private static func median(_ round: () -> Void) -> Int64 {
        var times: [Int64] = []
        for index in 0...rounds {
            let begun = Ticks.now()
            round()
            // The first one is to get warm.
            if index > 0 { times.append((Ticks.now() - begun) / Int64(spans)) }
        }
        return times.sorted()[rounds / 2]
    }

    private static func statementSpan(_ parent: TraceSpan, _ statement: String) {
        let begun = Ticks.now()
        parent.record(
            child: "SELECT products", kind: .client, start: begun, end: Ticks.now(),
            attributes: [
                Attribute(.dbSystem, "postgresql"), Attribute(.dbNamespace, "inventory_service"), Attribute(.dbOperation, "SELECT"),
                Attribute(.dbQuerySummary, "products"), Attribute(.dbQueryText, statement),
            ])
    }

    private static func callSpan(_ parent: TraceSpan) {
        let identity = parent.childIdentity()
        let begun = Ticks.now()
        parent.record(
            child: "GET /api/v1/products/{id}", kind: .client, id: identity.spanID, start: begun, end: Ticks.now(),
            attributes: [
                Attribute(.httpRequestMethod, "GET"), Attribute(.peerService, "inventory"), Attribute(.serverAddress, "127.0.0.1"),
                Attribute(.serverPort, 8001), Attribute(.urlFull, "http://127.0.0.1:8001/api/v1/products/LAPTOP-001"),
                Attribute(.urlPath, "/api/v1/products/LAPTOP-001"), Attribute(.httpRoute, "/api/v1/products/{id}"), Attribute(.httpStatus, 200),
            ])
    }

    private static func requestSpan(_ tracer: TelemetryTracer) {
        let span = tracer.begin("GET /api/v1/products/{id}", kind: .server)
        InstrumentationContext.$current.withValue(span.context) {
            guard span.isRecording else { return }
            span.end(
                time: Ticks.now(),
                attributes: [
                    Attribute(.httpRequestMethod, "GET"), Attribute(.urlScheme, "http"), Attribute(.urlPath, "/api/v1/products/LAPTOP-001"),
                    Attribute(.httpRoute, "/api/v1/products/{id}"), Attribute(.httpStatus, 200), Attribute(.userAgent, "bench"),
                    Attribute(.protocolVersion, "1.1"),
                ])
        }
    }
}
