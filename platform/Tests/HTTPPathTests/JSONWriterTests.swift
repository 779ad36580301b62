import Basics
import HTTPPath
import NIOCore
import Testing

@Suite("JSON writer")
struct JSONWriterTests {
    @Test(
        "a string is escaped where it must be, and only there",
        arguments: [
            ("plain", #""plain""#), ("", #""""#), (#"a"b\c"#, #""a\"b\\c""#), ("\n\r\t", #""\n\r\t""#),
            ("\u{0}\u{1}\u{1f}", #""\u0000\u0001\u001f""#),
            ("é€😀/\u{7f}", "\"é€😀/\u{7f}\""),
        ])
    func strings(_ text: String, _ expected: String) {
        #expect(String(buffer: JSONWriter.bytes(text)) == expected)
    }

    @Test("objects and arrays nest, with commas where they belong and nowhere else")
    func nesting() {
        let text = String(
            buffer: JSONWriter.object { json in
                json.field("a", 1)
                json.field("none", nil as String?)
                json.field("b", object: { $0.field("c", true) })
                json.field(
                    "d",
                    array: { list in
                        list.value("x")
                        list.array { $0.value(2) }
                        list.object { _ in }
                    })
                json.field("e", [String]())
                json.field("f", spliced: ByteBuffer(string: #"{"raw":[1]}"#))
                json.field("g", ["z": 1, "a": 2])
            })
        #expect(text == #"{"a":1,"b":{"c":true},"d":["x",[2],{}],"e":[],"f":{"raw":[1]},"g":{"a":2,"z":1}}"#)
    }

    @Test("a first member that is left out leaves no comma behind")
    func optionalFirst() {
        #expect(
            String(
                buffer: JSONWriter.object {
                    $0.field("a", nil as Int?)
                    $0.field("b", 2)
                }) == #"{"b":2}"#)
        #expect(String(buffer: JSONWriter.object { $0.field("a", nil as Int?) }) == "{}")
    }

    @Test("numbers have JSON's forms, and what JSON cannot say is null")
    func numbers() throws {
        #expect(String(buffer: JSONWriter.bytes(Int64.min)) == "-9223372036854775808")
        for number in [0.1, -1e300, Double.leastNonzeroMagnitude, 1e16, 123_456_789.123] {
            let bytes = JSONWriter.bytes(number)
            #expect(throws: Never.self) { try JSON.parse(bytes.readableBytesView) }
            #expect(Double(String(buffer: bytes)) == number)
        }
        #expect(String(buffer: JSONWriter.bytes(Double.nan)) == "null")
        #expect(String(buffer: JSONWriter.bytes(-Double.infinity)) == "null")
    }

    @Test("times and identifiers are written in their text forms")
    func basics() {
        #expect(String(buffer: JSONWriter.bytes(Timestamp(microseconds: 1))) == #""1970-01-01T00:00:00.000001Z""#)
        #expect(String(buffer: JSONWriter.bytes(Identifier(high: 0, low: 1))) == #""00000000-0000-0000-0000-000000000001""#)
    }
}
