import Basics
import Logging
import Telemetry
import Testing

@Suite struct JSONLogHandlerTests {
    let sink = RecordingSink()

    @Test("a record is one line: the fixed members first, then the metadata by name")
    func line() {
        jsonLogger(sink).info("accepted", metadata: ["quantity": .stringConvertible(2), "item_id": "o-1"])
        #expect(
            sink.lines == [
                #"{"timestamp":"2026-11-24T12:03:04.567008Z","level":"info","message":"accepted","logger":"queue","#
                    + #""service":"mail-service","version":"1.2.0","env":"test","item_id":"o-1","quantity":2}"# + "\n"
            ])
    }

    @Test(
        "a timestamp always has six digits of fraction",
        arguments: [
            ("2026-11-24T12:03:04Z", "2026-11-24T12:03:04.000000Z"),
            ("2026-11-24T12:03:04.5Z", "2026-11-24T12:03:04.500000Z"),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
        ])
    func timestamp(_ time: String, _ written: String) throws {
        jsonLogger(sink, at: try #require(Timestamp(time))).info("x")
        #expect(try sink.objects().first?["timestamp"] as? String == written)
    }

    @Test(
        "what a string holds comes back from the JSON unchanged, and never ends the line",
        arguments: [
            "quote \" backslash \\ slash /", "line\nfeed\r\n tab\t", "\u{0}\u{1}\u{1F}\u{7F}", "\u{85}\u{9B}31m",
            "Grüße 🛒 \u{2028}\u{2029}", "\u{B6}\u{A0}", "",
        ])
    func escaping(_ text: String) throws {
        jsonLogger(sink).warning("\(text)", metadata: ["value": "\(text)", "k\(text)": "v", "list": ["\(text)"]])
        let line = try #require(sink.lines.first)
        #expect(line.utf8.filter { $0 < 0x20 || $0 == 0x7F }.elementsEqual([UInt8(ascii: "\n")]))
        let object = try #require(sink.objects().first)
        #expect(object["message"] as? String == text)
        #expect(object["value"] as? String == text)
        #expect(object["k\(text)"] as? String == "v")
        #expect(object["list"] as? [String] == [text])
    }

    @Test("numbers and booleans stay what they are; what JSON cannot write becomes text")
    func literals() throws {
        jsonLogger(sink).info(
            "x",
            metadata: [
                "int": .stringConvertible(-3), "big": .stringConvertible(UInt64.max), "double": .stringConvertible(0.25),
                "flag": .stringConvertible(true),
                "nan": .stringConvertible(Double.nan),
            ])
        let line = try #require(sink.lines.first)
        #expect(line.contains(#""big":18446744073709551615,"double":0.25,"flag":true,"int":-3,"nan":"nan""#))
    }

    @Test("nested dictionaries become flat names, arrays stay arrays")
    func nesting() throws {
        jsonLogger(sink).info("x", metadata: ["request": ["id": "7", "client": ["ip": "::1"]], "tags": ["a", ["k": "v"]]])
        #expect(try #require(sink.lines.first).contains(#""request.client.ip":"::1","request.id":"7","tags":["a",{"k":"v"}]}"#))
    }

    @Test("metadata cannot replace a fixed member, nor bring a name twice")
    func reservedNames() throws {
        jsonLogger(sink).info("said", metadata: ["message": "forged", "level": "none", "a": ["b": "1"], "a.b": "2"])
        let line = try #require(sink.lines.first)
        let object = try #require(sink.objects().first)
        #expect(object["message"] as? String == "said")
        #expect(object["metadata.message"] as? String == "forged")
        #expect(object["metadata.level"] as? String == "none")
        #expect(line.ranges(of: #""a.b":"#).count == 1)
    }

    @Test("a value over 8 KiB is cut at a whole character, and says by how much")
    func longValue() throws {
        let text = "x" + String(repeating: "ü", count: 5000)
        jsonLogger(sink).info("\(text)", metadata: ["value": "\(text)", "exact": "\(String(repeating: "y", count: 8192))"])
        let object = try #require(sink.objects().first)
        let expected = "x" + String(repeating: "ü", count: 4095) + "…(+1810 bytes)"
        #expect(object["message"] as? String == expected)
        #expect(object["value"] as? String == expected)
        #expect((object["exact"] as? String)?.utf8.count == 8192)
    }

    @Test("a record is bounded as a whole, and counts what it leaves out")
    func longRecord() throws {
        var metadata: Logger.Metadata = [:]
        for index in 0..<500 { metadata["field\(index)"] = "v" }
        jsonLogger(sink).info("many", metadata: metadata)
        for index in 0..<500 { metadata["field\(index)"] = "\(String(repeating: "\u{1}", count: 8000))" }
        jsonLogger(sink).info("large", metadata: metadata)
        jsonLogger(sink).info("list", metadata: ["list": .array(Array(repeating: "v", count: 500))])
        let objects = try sink.objects()
        #expect(objects[0]["log.dropped_fields"] as? Int == 372)
        #expect(objects[1]["log.dropped_fields"] as? Int ?? 0 > 450)
        #expect(sink.lines[1].utf8.count < 7 * 64 * 1024)
        #expect((objects[2]["list"] as? [String])?.count == 128)
        #expect((objects[2]["list"] as? [String])?.last == "…(+373 elements)")
    }

    @Test("endless nesting ends", .timeLimit(.minutes(1)))
    func deepNesting() throws {
        var value: Logger.MetadataValue = "leaf"
        for _ in 0..<1000 { value = ["d": value] }
        jsonLogger(sink).info("x", metadata: ["d": value, "list": [value]])
        let object = try #require(sink.objects().first)
        #expect(object["d.d.d.d"] as? String == "[too deep]")
    }

    @Test("the record's metadata counts more than the provider's, and that more than the logger's")
    func precedence() throws {
        var logger = jsonLogger(sink, provider: Logger.MetadataProvider { ["a": "provider", "b": "provider"] })
        logger[metadataKey: "a"] = "logger"
        logger[metadataKey: "b"] = "logger"
        logger[metadataKey: "c"] = "logger"
        logger.info("x", metadata: ["a": "record"])
        #expect(try #require(sink.lines.first).contains(#""a":"record","b":"provider","c":"logger"}"#))
    }

    @Test("an error is written with its type and description")
    func error() throws {
        struct NothingLeft: Error, CustomStringConvertible { let description = "none left" }
        jsonLogger(sink).error("refused", error: NothingLeft())
        let object = try #require(sink.objects().first)
        #expect(object["error.message"] as? String == "none left")
        #expect((object["error.type"] as? String)?.contains("NothingLeft") == true)
    }

    @Test("metadata of the task is on every record logged in it, and only there")
    func taskLocal() async throws {
        let logger = jsonLogger(sink, provider: Telemetry.metadataProvider)
        await Telemetry.withLogMetadata(["correlation_id": "c-1"]) {
            await Telemetry.withLogMetadata(["user": "u-1"]) { logger.info("inside") }
        }
        logger.info("outside")
        let objects = try sink.objects()
        #expect(objects[0]["correlation_id"] as? String == "c-1")
        #expect(objects[0]["user"] as? String == "u-1")
        #expect(objects[1]["correlation_id"] == nil)
    }

    @Test("a level and metadata set on one logger do not reach its copy")
    func valueSemantics() {
        var first = jsonLogger(sink)
        first[metadataKey: "only"] = "first"
        var second = first
        second.logLevel = .error
        second[metadataKey: "only"] = "second"
        #expect(first.logLevel == .trace)
        #expect(first[metadataKey: "only"] == "first")
    }
}
