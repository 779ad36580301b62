public import Basics
public import Logging
internal import Synchronization

/// Writes each record as one JSON object on one line (two here):
///
/// ```json
/// {"timestamp":"2026-11-24T05:46:09.123456Z","level":"info","message":"accepted",
///  "logger":"queue","service":"mail-service","version":"1.2.0","env":"prod","trace_id":"6746…","span_id":"9c1d…",
///  "dd.trace_id":"7443…","dd.span_id":"1124…","item_id":"0193…"}
/// ```
///
/// The four ids are those of the span that is current: hexadecimal as OpenTelemetry writes them, and decimal, the trace's lower 64 bits, as
/// Datadog finds the logs of a trace.
///
/// Metadata follows as members of the object, by name; nested dictionaries are flattened (`request.id`), and a name from
/// above becomes `metadata.<name>`. Values whose name a ``Redaction`` covers are not written. A value is cut after 8 KiB and says
/// by how much; a record that has more than 128 values or 64 KiB of text says in `log.dropped_fields` how many are missing.
public struct JSONLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?

    private static let reserved: Set<String> = [
        "timestamp", "level", "message", "logger", "service", "version", "env", "trace_id", "span_id", "dd.trace_id", "dd.span_id",
        "log.dropped_fields",
    ]

    private let redaction: Redaction
    private let sink: any LogSink
    private let now: @Sendable () -> Timestamp
    private let span: @Sendable () -> SpanContext?
    /// `,"logger":…,"env":…`, the same on every line.
    private let constant: [UInt8]

    public init(
        label: String,
        resource: Telemetry.Resource,
        level: Logger.Level = .info,
        metadataProvider: Logger.MetadataProvider? = nil,
        redaction: Redaction = .standard,
        sink: any LogSink = FileDescriptorSink.standardOutput,
        now: @escaping @Sendable () -> Timestamp = { .now },
        span: @escaping @Sendable () -> SpanContext? = { TraceSpan.current?.identity }
    ) {
        logLevel = level
        self.span = span
        self.metadataProvider = metadataProvider
        self.redaction = redaction
        self.sink = sink
        self.now = now
        var constant: [UInt8] = []
        for (name, value) in [("logger", label), ("service", resource.service), ("version", resource.version), ("env", resource.environment)] {
            constant.append(UInt8(ascii: ","))
            constant.append(json: name)
            constant.append(UInt8(ascii: ":"))
            constant.append(json: value)
        }
        self.constant = constant
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        let record = LogFields(event, metadata: metadata, provider: metadataProvider, redaction: redaction, reserved: Self.reserved)
        var line: [UInt8] = []
        line.reserveCapacity(512)
        line.append(ascii: "{\"timestamp\":\"")
        line.append(timestamp: now())
        line.append(ascii: "\",\"level\":\"")
        line.append(contentsOf: event.level.rawValue.utf8)
        line.append(ascii: "\",\"message\":")
        line.append(json: record.message)
        line.append(contentsOf: constant)
        if let span = span() { line.append(ids: span) }
        for field in record.fields {
            line.append(UInt8(ascii: ","))
            line.append(json: field.key)
            line.append(UInt8(ascii: ":"))
            line.append(json: field.value)
        }
        if record.dropped > 0 {
            line.append(ascii: ",\"log.dropped_fields\":")
            line.append(contentsOf: String(record.dropped).utf8)
        }
        line.append(ascii: "}\n")
        sink.write(line)
    }
}

extension [UInt8] {
    fileprivate mutating func append(ids span: SpanContext) {
        append(ascii: ",\"trace_id\":\"")
        append(hex: span.traceID.high)
        append(hex: span.traceID.low)
        append(ascii: "\",\"span_id\":\"")
        append(hex: span.spanID.value)
        append(ascii: "\",\"dd.trace_id\":\"")
        append(contentsOf: String(span.traceID.low).utf8)
        append(ascii: "\",\"dd.span_id\":\"")
        append(contentsOf: String(span.spanID.value).utf8)
        append(UInt8(ascii: "\""))
    }

    private mutating func append(hex number: UInt64) {
        for shift in stride(from: 60, through: 0, by: -4) {
            let nibble = UInt8(truncatingIfNeeded: number >> UInt64(shift)) & 0xF
            append(nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") - 10 + nibble)
        }
    }
}

/// The text of the second that was last written: records come in time order, so that the calendar is worked out once a second.
private let lastSecond = Mutex((second: Int64.min, text: [UInt8]()))

extension [UInt8] {
    /// RFC 3339, UTC, always with six digits of fraction, so that lines sort by their text.
    fileprivate mutating func append(timestamp: Timestamp) {
        var (second, fraction) = timestamp.microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        if fraction < 0 { (second, fraction) = (second - 1, fraction + 1_000_000) }
        let prefix = lastSecond.withLock { last in
            if last.second != second {
                last = (second, Array(Timestamp(microseconds: second * 1_000_000).description.utf8.dropLast()))
            }
            return last.text
        }
        append(contentsOf: prefix)
        append(UInt8(ascii: "."))
        append(digits: fraction, width: 6)
        append(UInt8(ascii: "Z"))
    }

    /// A non-negative number with leading zeros, cut to its last `width` digits.
    mutating func append(digits number: Int64, width: Int) {
        var divisor: Int64 = 1
        for _ in 1..<width { divisor *= 10 }
        while divisor > 0 {
            append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }
}
