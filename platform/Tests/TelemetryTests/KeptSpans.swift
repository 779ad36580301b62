import Synchronization
import Telemetry

/// Keeps the spans that it is given.
final class KeptSpans: SpanSink {
    private let kept = Mutex<[SpanRecord]>([])

    var all: [SpanRecord] { kept.withLock { $0 } }

    func take(_ span: consuming SpanRecord) {
        let span = span
        kept.withLock { $0.append(span) }
    }
}
