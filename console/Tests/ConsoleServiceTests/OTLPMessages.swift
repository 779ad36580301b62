@testable import ConsoleService

/// Writes OTLP messages for the tests, field by field, as the schema numbers them.
struct Message {
    private(set) var bytes: [UInt8] = []

    init(_ fields: Field...) { for field in fields { add(field) } }
    init(_ fields: [Field]) { for field in fields { add(field) } }

    enum Field {
        case varint(Int, UInt64)
        case fixed64(Int, UInt64)
        case fixed32(Int, UInt32)
        case bytes(Int, [UInt8])

        static func text(_ number: Int, _ text: String) -> Field { .bytes(number, Array(text.utf8)) }
        static func message(_ number: Int, _ message: Message) -> Field { .bytes(number, message.bytes) }
    }

    private mutating func add(_ field: Field) {
        switch field {
        case .varint(let number, let value):
            varint(UInt64(number) << 3)
            varint(value)
        case .fixed64(let number, let value):
            varint(UInt64(number) << 3 | 1)
            for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift))) }
        case .fixed32(let number, let value):
            varint(UInt64(number) << 3 | 5)
            for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(shift))) }
        case .bytes(let number, let value):
            varint(UInt64(number) << 3 | 2)
            varint(UInt64(value.count))
            bytes += value
        }
    }

    private mutating func varint(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(value))
    }
}

extension Message.Field {
    static func attribute(_ number: Int, _ key: String, _ value: Message) -> Self { .message(number, Message(.text(1, key), .message(2, value))) }
    static func attribute(_ number: Int, _ key: String, _ text: String) -> Self { .attribute(number, key, Message(.text(1, text))) }
}

/// A span of a test: its ids are small numbers.
struct SpanSketch {
    var trace: UInt8 = 1
    var id: UInt64
    var parent: UInt64 = 0
    var name = "work"
    /// Milliseconds, from some day in 2026.
    var start: UInt64 = 0
    var end: UInt64 = 10
    var failure: String?
    var order: String?
    var kind: UInt64 = 1
    var extra: [Message.Field] = []

    static let day: UInt64 = 1_795_521_600_000_000_000

    var message: Message {
        var fields: [Message.Field] = [.bytes(1, Self.traceBytes(trace)), .bytes(2, Self.bytes(id))]
        if parent != 0 { fields.append(.bytes(4, Self.bytes(parent))) }
        fields += [.text(5, name), .varint(6, kind), .fixed64(7, Self.day + start * 1_000_000), .fixed64(8, Self.day + end * 1_000_000)]
        if let order { fields.append(.attribute(9, "shop.order.id", order)) }
        fields += extra
        if let failure { fields.append(.message(15, Message(.text(2, failure), .varint(3, 2)))) }
        return Message(fields)
    }

    static func traceBytes(_ number: UInt8) -> [UInt8] { [UInt8](repeating: 0, count: 15) + [number] }
    static func traceText(_ number: UInt8) -> String { TraceID(traceBytes(number)[...])?.description ?? "" }
    static func bytes(_ id: UInt64) -> [UInt8] { stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: id >> UInt64($0)) } }
}

/// An `ExportTraceServiceRequest` of one service.
func exportMessage(_ service: String = "api-gateway", _ spans: [SpanSketch]) -> [UInt8] {
    let resource = Message(.attribute(1, "service.name", service), .attribute(1, "service.version", "0.1.0"))
    let scope = Message([.message(1, Message(.text(1, "hello-dd")))] + spans.map { .message(2, $0.message) })
    return Message(.message(1, Message(.message(1, resource), .message(2, scope)))).bytes
}

func export(_ service: String = "api-gateway", _ spans: SpanSketch...) throws -> TraceExport { try TraceExport(exportMessage(service, spans)) }
