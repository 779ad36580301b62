import TestKit
import Testing

@testable import ConsoleService

struct ProtobufReaderTests {
    private func read(_ bytes: [UInt8]) throws -> [ProtobufReader.Field] {
        var reader = ProtobufReader(bytes[...])
        var fields: [ProtobufReader.Field] = []
        while let field = try reader.next() { fields.append(field) }
        return fields
    }

    @Test("each wire type is read, whatever its field")
    func wireTypes() throws {
        let message = Message(.varint(1, 300), .fixed64(2, .max - 1), .bytes(3, [1, 2, 3]), .fixed32(536_870_911, 7))
        let fields = try read(message.bytes)
        #expect(fields.map(\.number) == [1, 2, 3, 536_870_911])
        #expect(fields[0].value.varint == 300)
        #expect(fields[1].value.fixed64 == UInt64.max - 1)
        #expect(fields[2].value.bytes == [1, 2, 3])
        #expect(fields[2].value.varint == nil)
    }

    @Test("a number has at most 64 bits")
    func varints() throws {
        #expect(try read([0x08] + [UInt8](repeating: 0xFF, count: 9) + [0x01])[0].value.varint == .max)
        #expect(throws: ProtobufError.invalidNumber) { try read([0x08] + [UInt8](repeating: 0xFF, count: 9) + [0x02]) }
        #expect(throws: ProtobufError.invalidNumber) { try read([0x08] + [UInt8](repeating: 0x80, count: 10) + [0x00]) }
        #expect(throws: ProtobufError.truncated) { try read([0x08, 0x80]) }
    }

    @Test(
        "what is cut off, too long, or of no wire type is an error",
        arguments: [
            ([0x0A, 0x05, 1, 2], ProtobufError.truncated), ([0x09, 1, 2, 3], .truncated), ([0x0D, 1], .truncated),
            ([0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], .truncated),
            ([0x00, 0x01], .invalidField), ([0x0B], .invalidField), ([0x0C], .invalidField), ([0x0E, 0], .invalidField), ([0x0F, 0], .invalidField),
            ([0x80, 0x80, 0x80, 0x80, 0x10, 0x00], .invalidField),
        ] as [([UInt8], ProtobufError)])
    func damaged(bytes: [UInt8], error: ProtobufError) {
        #expect(throws: error) { try read(bytes) }
    }

    @Test("messages within messages are read to a bound, and not beyond it")
    func depth() throws {
        /// A list in a list in a list: two messages a level.
        func nested(_ levels: Int) -> Message {
            (0..<levels).reduce(Message(.text(1, "leaf"))) { inner, _ in Message(.message(5, Message(.message(1, inner)))) }
        }
        let fits = nested(ProtobufReader.deepest / 2)
        _ = try AttributeValue(reading: ProtobufReader(fits.bytes[...]))
        let tooDeep = nested(ProtobufReader.deepest / 2 + 1)
        #expect(throws: ProtobufError.tooDeep) { try AttributeValue(reading: ProtobufReader(tooDeep.bytes[...])) }
        // Thousands of levels in a few kilobytes: refused, and no stack is used up for it.
        #expect(throws: ProtobufError.tooDeep) {
            let bytes = exportMessage("x", [SpanSketch(id: 1, extra: [.attribute(9, "deep", nested(2000))])])
            _ = try TraceExport(bytes)
        }
    }

    @Test("no bytes crash it: random ones, and valid messages with bytes changed, cut and doubled", arguments: 0..<8)
    func garbage(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        let valid = exportMessage(
            "inventory-service",
            (1...6).map { number in
                SpanSketch(
                    id: number, parent: number - 1, name: "span \(number)", failure: number == 3 ? "boom" : nil, order: "o-\(number)",
                    extra: [
                        .attribute(9, "n", Message(.varint(3, number))),
                        .attribute(9, "list", Message(.message(5, Message(.message(1, Message(.varint(2, 1))))))),
                        .message(11, Message(.fixed64(1, 5), .text(2, "event"), .attribute(3, "a", "b"))),
                        .message(13, Message(.bytes(1, SpanSketch.traceBytes(9)), .bytes(2, SpanSketch.bytes(4)))),
                    ])
            })
        #expect(try TraceExport(valid).spans.count == 6)
        var accepted = 0
        var refused = 0
        for round in 0..<1500 {
            var bytes = valid
            if round % 5 == 0 {
                bytes = (0..<Int.random(in: 0..<400, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            } else {
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    case 2: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...20, using: &random)))
                    default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 20)], at: place)
                    }
                    if bytes.isEmpty { break }
                }
            }
            do {
                let export = try TraceExport(bytes)
                // What was taken can be shown.
                let store = TraceStore(.init(spans: 100, bytes: 1 << 20))
                _ = store.add(export)
                for trace in store.list(.init(), limit: 10).traces { #expect(Waterfall(trace).rows.count == trace.spans.count) }
                accepted += 1
            } catch {
                refused += 1
            }
            _ = try? ExportCounts.dataPoints(bytes)
            _ = try? ExportCounts.logRecords(bytes)
            _ = try? Gzip.unpacked(bytes, limit: 1000)
        }
        #expect(accepted > 50 && refused > 50, "both kinds were met: \(accepted), \(refused)")
    }
}
