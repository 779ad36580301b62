internal import Logging

/// A metadata value after redaction and bounds, ready to be written.
enum LogValue {
    case text(String)
    /// A number or a boolean, already in JSON's notation.
    case literal(String)
    case list([LogValue])
    case object([LogField])
}

struct LogField {
    let key: String
    let value: LogValue
}

/// A record's message and metadata, flattened, redacted, bounded and in a fixed order: what both formats write.
struct LogFields {
    /// Bytes of one value, the message included: a stack trace fits, a request body dumped by mistake does not.
    static let maximumValueBytes = 8 * 1024
    /// Bytes of one field's name.
    static let maximumKeyBytes = 256
    /// Bytes of text of one record, before escaping (which makes at most six of one). Datadog takes up to 1 MB.
    static let maximumRecordBytes = 64 * 1024
    /// Values of one record, those inside lists included.
    static let maximumValues = 128
    static let maximumDepth = 4

    let message: String
    /// By name, ascending; a dictionary `["request": ["id": "7"]]` has become `request.id`.
    private(set) var fields: [LogField] = []
    /// Fields left out because the record was full.
    private(set) var dropped = 0

    private let redaction: Redaction
    private var remainingBytes = maximumRecordBytes
    private var remainingValues = maximumValues

    /// On equal names the event's metadata counts most, then the provider's, then the logger's.
    /// - Parameter reserved: Names the format itself writes; a field of that name becomes `metadata.<name>`.
    init(_ event: LogEvent, metadata base: Logger.Metadata, provider: Logger.MetadataProvider?, redaction: Redaction, reserved: Set<String> = []) {
        self.redaction = redaction
        message = Self.bounded(event.message.description, Self.maximumValueBytes)
        remainingBytes -= message.utf8.count

        var metadata = base
        if let error = event.error {
            metadata["error.type"] = .string(String(reflecting: type(of: error)))
            metadata["error.message"] = .string(String(describing: error))
        }
        if let provided = provider?.get(), !provided.isEmpty { metadata.merge(provided) { $1 } }
        if let given = event.metadata, !given.isEmpty { metadata.merge(given) { $1 } }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            add(reserved.contains(key) ? "metadata.\(key)" : key, named: key, value, depth: 1)
        }
        // Flattening can bring a name out of its place, or a second time ("a": ["b": …] beside "a.b": …).
        fields.sort { $0.key < $1.key }
        fields = fields.indices.filter { $0 == 0 || fields[$0].key != fields[$0 - 1].key }.map { fields[$0] }
    }

    private mutating func add(_ path: String, named key: String, _ value: Logger.MetadataValue, depth: Int) {
        if case .dictionary(let members) = value, depth < Self.maximumDepth, !redaction.covers(key) {
            for (key, value) in members.sorted(by: { $0.key < $1.key }) {
                add("\(path).\(key)", named: key, value, depth: depth + 1)
            }
            return
        }
        guard remainingBytes > 0, remainingValues > 0 else {
            dropped += 1
            return
        }
        let path = Self.bounded(path, Self.maximumKeyBytes)
        remainingBytes -= path.utf8.count
        fields.append(LogField(key: path, value: redaction.covers(key) ? .text(Redaction.mark) : convert(value, depth: depth)))
    }

    private mutating func convert(_ value: Logger.MetadataValue, depth: Int) -> LogValue {
        remainingValues -= 1
        switch value {
        case .string(let text): return take(text)
        case .stringConvertible(let value): return scalar(value)
        case .array(let elements):
            guard depth < Self.maximumDepth else { return .text("[too deep]") }
            var list: [LogValue] = []
            for element in elements {
                guard remainingValues > 0, remainingBytes > 0 else {
                    list.append(.text("…(+\(elements.count - list.count) elements)"))
                    break
                }
                list.append(convert(element, depth: depth + 1))
            }
            return .list(list)
        case .dictionary(let members):
            guard depth < Self.maximumDepth else { return .text("[too deep]") }
            var object: [LogField] = []
            for (key, value) in members.sorted(by: { $0.key < $1.key }) {
                guard remainingValues > 0, remainingBytes > 0 else { break }
                let name = Self.bounded(key, Self.maximumKeyBytes)
                remainingBytes -= name.utf8.count
                object.append(LogField(key: name, value: redaction.covers(key) ? .text(Redaction.mark) : convert(value, depth: depth + 1)))
            }
            return .object(object)
        }
    }

    private mutating func scalar(_ value: any CustomStringConvertible & Sendable) -> LogValue {
        switch value {
        case let number as Int: .literal(String(number))
        case let flag as Bool: .literal(flag ? "true" : "false")
        case let number as Double where number.isFinite: .literal(number.description)
        case let number as any FixedWidthInteger: .literal(String(describing: number))
        default: take(value.description)
        }
    }

    private mutating func take(_ text: String) -> LogValue {
        let limit = min(Self.maximumValueBytes, max(0, remainingBytes))
        let bounded = Self.bounded(text, limit)
        remainingBytes -= min(text.utf8.count, limit)
        return .text(bounded)
    }

    /// `text` if it fits, otherwise as many whole scalars as do, and a mark with the number of bytes left out.
    static func bounded(_ text: String, _ limit: Int) -> String {
        let count = text.utf8.count
        guard count > limit else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: limit)
        var kept = limit
        while kept > 0, text.utf8[end] & 0xC0 == 0x80 {
            text.utf8.formIndex(before: &end)
            kept -= 1
        }
        return "\(text[..<end])…(+\(count - kept) bytes)"
    }
}
