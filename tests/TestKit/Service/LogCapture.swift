public import Logging
import Synchronization
import Telemetry

/// Keeps what a service logs, so that a test can read it and the console stays quiet. The newest 10,000 records are kept.
public final class LogCapture: Sendable {
    public struct Record: Sendable {
        public let level: Logger.Level
        public let message: String
        public let metadata: [String: String]
    }

    private let kept = Mutex<[Record]>([])
    private static let most = 10_000

    public init() {}

    public var records: [Record] { kept.withLock { $0 } }

    /// Everything that was logged, as one text to search in.
    public var text: String {
        records.map { "\($0.message) \($0.metadata.map { "\($0)=\($1)" }.sorted().joined(separator: " "))" }.joined(separator: "\n")
    }

    /// A logger whose records come here, from `trace` on.
    public func logger(_ label: String, metadataProvider: Logger.MetadataProvider? = nil) -> Logger {
        var logger = Logger(label: label, factory: { _ in Handler(capture: self, metadataProvider: metadataProvider) })
        logger.logLevel = .trace
        return logger
    }

    private func keep(_ record: Record) {
        kept.withLock { records in
            if records.count >= Self.most { records.removeFirst(Self.most / 2) }
            records.append(record)
        }
    }

    private struct Handler: LogHandler {
        let capture: LogCapture
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]
        var metadataProvider: Logger.MetadataProvider?

        init(capture: LogCapture, metadataProvider: Logger.MetadataProvider?) {
            self.capture = capture
            self.metadataProvider = metadataProvider
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            var all = metadata
            all.merge(metadataProvider?.get() ?? [:]) { $1 }
            // As the real handlers write them, whatever else there is.
            if let span = TraceSpan.current {
                all["trace_id"] = "\(span.identity.traceID)"
                all["span_id"] = "\(span.identity.spanID)"
            }
            all.merge(event.metadata ?? [:]) { $1 }
            capture.keep(Record(level: event.level, message: "\(event.message)", metadata: all.mapValues { "\($0)" }))
        }
    }
}
