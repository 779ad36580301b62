import Basics
import Foundation
import Logging
import Synchronization
import Telemetry

/// Keeps what is logged.
final class RecordingSink: LogSink {
    private let written = Mutex<[[UInt8]]>([])

    func write(_ line: [UInt8]) { written.withLock { $0.append(line) } }

    /// The lines as text, each with its line feed.
    var lines: [String] { written.withLock { $0.map { String(decoding: $0, as: UTF8.self) } } }

    /// The lines as JSON objects.
    func objects() throws -> [[String: Any]] {
        try written.withLock { lines in
            try lines.map { try JSONSerialization.jsonObject(with: Data($0)) as? [String: Any] ?? [:] }
        }
    }
}

let noon = Timestamp("2026-11-24T12:03:04.567008Z")!
let resource = Telemetry.Resource(service: "mail-service", version: "1.2.0", environment: "test")

func jsonLogger(_ sink: RecordingSink, provider: Logger.MetadataProvider? = nil, at time: Timestamp = noon) -> Logger {
    Logger(label: "queue") { _ in
        JSONLogHandler(label: "queue", resource: resource, level: .trace, metadataProvider: provider, sink: sink, now: { time })
    }
}

func prettyLogger(_ sink: RecordingSink, colored: Bool = false) -> Logger {
    Logger(label: "queue") { _ in PrettyLogHandler(label: "queue", level: .trace, colored: colored, sink: sink, now: { noon }) }
}
