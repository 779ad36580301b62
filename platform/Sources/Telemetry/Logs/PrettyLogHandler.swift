public import Basics
public import Logging

/// Writes each record as one line for a person at a terminal; the time is UTC, and the levels are coloured if asked:
///
/// ```
/// 12:03:04.567 INFO  queue  accepted item_id=0193… quantity=2 reason="not now"
/// ```
///
/// Bounds and redaction are ``JSONLogHandler``'s. Control characters are escaped: a value from outside can neither forge a line
/// nor command the terminal.
public struct PrettyLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let colored: Bool
    private let redaction: Redaction
    private let sink: any LogSink
    private let now: @Sendable () -> Timestamp
    private let span: @Sendable () -> SpanContext?

    public init(
        label: String,
        level: Logger.Level = .info,
        colored: Bool,
        metadataProvider: Logger.MetadataProvider? = nil,
        redaction: Redaction = .standard,
        sink: any LogSink = FileDescriptorSink.standardOutput,
        now: @escaping @Sendable () -> Timestamp = { .now },
        span: @escaping @Sendable () -> SpanContext? = { TraceSpan.current?.identity }
    ) {
        logLevel = level
        self.span = span
        self.label = label
        self.colored = colored
        self.metadataProvider = metadataProvider
        self.redaction = redaction
        self.sink = sink
        self.now = now
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        let record = LogFields(event, metadata: metadata, provider: metadataProvider, redaction: redaction)
        var line: [UInt8] = []
        line.reserveCapacity(256)
        append(time: now(), to: &line)
        line.append(UInt8(ascii: " "))
        append(level: event.level, to: &line)
        line.append(UInt8(ascii: " "))
        line.append(escaping: label, quotes: false)
        line.append(ascii: "  ")
        line.append(escaping: record.message, quotes: false)
        for field in record.fields { append(field.key, field.value, to: &line) }
        // What `hello-dd trace` and any search want; the rest of the ids is for machines.
        if let span = span() { append("trace_id", .text(span.traceID.description), to: &line) }
        if record.dropped > 0 { append("log.dropped_fields", .literal(String(record.dropped)), to: &line) }
        line.append(UInt8(ascii: "\n"))
        sink.write(line)
    }

    private func append(time: Timestamp, to line: inout [UInt8]) {
        let day: Int64 = 86_400_000
        let sinceMidnight = ((time.microseconds / 1000) % day + day) % day
        line.append(digits: sinceMidnight / 3_600_000, width: 2)
        line.append(UInt8(ascii: ":"))
        line.append(digits: sinceMidnight / 60_000 % 60, width: 2)
        line.append(UInt8(ascii: ":"))
        line.append(digits: sinceMidnight / 1000 % 60, width: 2)
        line.append(UInt8(ascii: "."))
        line.append(digits: sinceMidnight % 1000, width: 3)
    }

    private func append(level: Logger.Level, to line: inout [UInt8]) {
        let (name, color): (StaticString, StaticString) =
            switch level {
            case .trace: ("TRACE", "\u{1B}[90m")
            case .debug: ("DEBUG", "\u{1B}[36m")
            case .info: ("INFO ", "\u{1B}[32m")
            case .notice: ("NOTE ", "\u{1B}[34m")
            case .warning: ("WARN ", "\u{1B}[33m")
            case .error: ("ERROR", "\u{1B}[31m")
            case .critical: ("CRIT ", "\u{1B}[1;31m")
            }
        if colored { line.append(ascii: color) }
        line.append(ascii: name)
        if colored { line.append(ascii: "\u{1B}[0m") }
    }

    private func append(_ key: String, _ value: LogValue, to line: inout [UInt8]) {
        line.append(UInt8(ascii: " "))
        if colored { line.append(ascii: "\u{1B}[2m") }
        line.append(escaping: key, quotes: false)
        line.append(UInt8(ascii: "="))
        if colored { line.append(ascii: "\u{1B}[0m") }
        if case .text(let text) = value, Self.needsNoQuotes(text) {
            line.append(escaping: text, quotes: false)
        } else {
            line.append(json: value)
        }
    }

    private static func needsNoQuotes(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                byte > 0x20 && byte != 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "=") && byte != UInt8(ascii: "\\")
            }
    }
}
