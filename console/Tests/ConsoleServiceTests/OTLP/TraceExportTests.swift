import Testing

@testable import ConsoleService

struct TraceExportTests {
    @Test("a span is read with all that it carries")
    func span() throws {
        let wire = SpanSketch(
            id: 2, parent: 1, name: "POST /api/v1/orders", start: 5, end: 25, failure: "no stock", order: "o-1", kind: 2,
            extra: [
                .attribute(9, "text", "a"), .attribute(9, "flag", Message(.varint(2, 1))),
                .attribute(9, "whole", Message(.varint(3, UInt64(bitPattern: -7)))),
                .attribute(9, "part", Message(.fixed64(4, (0.5).bitPattern))), .attribute(9, "raw", Message(.bytes(7, [0, 255]))),
                .attribute(9, "list", Message(.message(5, Message(.message(1, Message(.text(1, "x"))), .message(1, Message(.varint(3, 1))))))),
                .attribute(9, "map", Message(.message(6, Message(.attribute(1, "k", "v"))))), .attribute(9, "none", Message()),
                .varint(10, 3),
                .message(11, Message(.fixed64(1, SpanSketch.day + 6_000_000), .text(2, "exception"), .attribute(3, "exception.message", "m"))),
                .message(13, Message(.bytes(1, SpanSketch.traceBytes(7)), .bytes(2, SpanSketch.bytes(9)))), .text(99, "of a later version"),
            ]
        ).message.bytes
        let span = try RecordedSpan(wire[...])
        #expect(span.traceID?.description == "00000000000000000000000000000001")
        #expect(span.id?.description == "0000000000000002")
        #expect(span.parentID?.description == "0000000000000001")
        #expect(span.name == "POST /api/v1/orders")
        #expect(span.kind == .server)
        #expect(span.duration == 20_000_000)
        #expect(span.status == .error)
        #expect(span.statusMessage == "no stock")
        #expect(span.leftOut == 3)
        #expect(
            span.attributes.map(\.value) == [
                .string("o-1"), .string("a"), .bool(true), .integer(-7), .double(0.5), .bytes([0, 255]), .array([.string("x"), .integer(1)]),
                .map([Attribute(key: "k", value: .string("v"))]), .empty,
            ])
        #expect(span.events.map(\.name) == ["exception"])
        #expect(span.events.first?.attributes == [Attribute(key: "exception.message", value: .string("m"))])
        #expect(span.links.first?.traceID?.description.hasSuffix("07") == true)
    }

    @Test("a resource is known wherever it stands, and a sender without a name is unknown_service")
    func resource() throws {
        let span = Message(.message(2, SpanSketch(id: 1).message))
        let behind = Message(.message(1, Message(.message(2, span), .message(1, Message(.attribute(1, "service.name", "late"))))))
        #expect(try TraceExport(behind.bytes).spans.first?.resource.service == "late")
        #expect(try TraceExport(Message(.message(1, Message(.message(2, span)))).bytes).spans.first?.resource.service == "unknown_service")
    }

    @Test("a span without valid ids is rejected, and the others are taken")
    func rejected() throws {
        let zero = Message(.bytes(1, [UInt8](repeating: 0, count: 16)), .bytes(2, SpanSketch.bytes(1)), .text(5, "zero"))
        let short = Message(.bytes(1, [1, 2]), .bytes(2, SpanSketch.bytes(1)))
        let scope = Message(.message(2, zero), .message(2, short), .message(2, Message()), .message(2, SpanSketch(id: 1).message))
        let export = try TraceExport(Message(.message(1, Message(.message(2, scope)))).bytes)
        #expect(export.rejected == 3)
        #expect(export.spans.map(\.name) == ["work"])
    }

    @Test("a span of more than 256 KiB is rejected")
    func tooLong() throws {
        let export = try export("x", SpanSketch(id: 1, name: String(repeating: "x", count: TraceExport.longestSpan)))
        #expect(export.rejected == 1)
        #expect(export.spans.isEmpty)
    }

    @Test("text that is not UTF-8 is shown damaged rather than lost")
    func notUTF8() throws {
        let span = try RecordedSpan(Message(.bytes(5, [0x61, 0xFF, 0x62])).bytes[...])
        #expect(span.name == "a\u{FFFD}b")
    }

    @Test("data points of every kind of metric, and log records, are counted")
    func counts() throws {
        let points = { (count: Int) in Message((0..<count).map { _ in .message(1, Message(.fixed64(3, 1))) }) }
        let metrics = [5, 7, 9, 10, 11].map { Message.Field.message(2, Message(.text(1, "m"), .message($0, points(2)))) }
        let body = Message(.message(1, Message(.message(1, Message()), .message(2, Message(metrics)))))
        #expect(try ExportCounts.dataPoints(body.bytes) == 10)
        let logs = Message(.message(1, Message(.message(2, Message(.message(2, Message(.text(5, "a"))), .message(2, Message(.text(5, "b"))))))))
        #expect(try ExportCounts.logRecords(logs.bytes) == 2)
        #expect(try ExportCounts.logRecords([]) == 0)
    }

    @Test("what gzip packed is unpacked, to a bound; what is damaged is refused")
    func gzip() throws {
        // `printf 'hello hello hello hello' | gzip -9n`
        let packed: [UInt8] = [
            0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x57, 0xC8, 0x40, 0x27, 0x01,
            0xE3, 0x51, 0x3D, 0x8D, 0x17, 0x00, 0x00, 0x00,
        ]
        #expect(try Gzip.unpacked(packed, limit: 23) == Array("hello hello hello hello".utf8))
        #expect(throws: Gzip.Failure.tooLong) { try Gzip.unpacked(packed, limit: 22) }
        #expect(throws: Gzip.Failure.damaged) { try Gzip.unpacked(Array(packed.dropLast(9)), limit: 100) }
        #expect(throws: Gzip.Failure.damaged) { try Gzip.unpacked(packed + [0], limit: 100) }
        #expect(throws: Gzip.Failure.damaged) { try Gzip.unpacked([1, 2, 3], limit: 100) }
        #expect(throws: Gzip.Failure.damaged) { try Gzip.unpacked([], limit: 100) }
    }

    @Test("answers are the messages that OTLP names")
    func answers() throws {
        #expect(ExportAnswer.taken(rejected: 0, because: "x").isEmpty)
        let partial = Message(.message(1, Message(.varint(1, 2), .text(2, "why"))))
        #expect(ExportAnswer.taken(rejected: 2, because: "why") == partial.bytes)
        #expect(ExportAnswer.refused(status: 400, message: "no") == Message(.varint(1, 3), .text(2, "no")).bytes)
        #expect(ExportAnswer.refused(status: 413, message: "no") == Message(.varint(1, 8), .text(2, "no")).bytes)
        #expect(ExportAnswer.refused(status: 503, message: "no") == Message(.varint(1, 14), .text(2, "no")).bytes)
    }
}
