import HTTPPath
import NIOCore
import TestKit
import Testing

@Suite("JSON parser")
struct JSONParserTests {
    @Test(
        "what RFC 8259 allows is read",
        arguments: [
            ("null", .null), (" true ", true), ("\t\r\nfalse\n", false), ("0", 0), ("-0", 0), ("-1", -1), ("9223372036854775807", .integer(.max)),
            ("-9223372036854775808", .integer(.min)), ("9223372036854775808", .number("9223372036854775808")), ("1.0", .number("1.0")),
            ("1e400", .number("1e400")), ("-1.5E+10", .number("-1.5E+10")), ("0e0", .number("0e0")), ("0.1e-7", .number("0.1e-7")), ("\"\"", ""),
            (#""a\"b\\c\/d\b\f\n\r\t""#, "a\"b\\c/d\u{8}\u{C}\n\r\t"), (#""\u0041\u00e9\u20AC""#, "Aé€"), (#""\ud83d\ude00""#, "😀"),
            (#""\u0000""#, "\u{0}"), ("\"é€😀\u{7f}\u{2028}\"", "é€😀\u{7f}\u{2028}"), (#""\uFFFF""#, "\u{FFFF}"), ("[]", []), ("[ ]", []),
            ("{}", .object([])),
            ("{ }", .object([])), ("[1,[2,[3]]]", [1, [2, [3]]]), (#"{"a":1,"b":{"c":[null]}}"#, ["a": 1, "b": ["c": [nil]]]),
            (#"{"":0}"#, ["": 0]), (#"{"a":1,"A":2}"#, ["a": 1, "A": 2]), (#" { "a" : [ 1 , 2 ] } "#, ["a": [1, 2]]),
        ] as [(String, JSON)])
    func accepted(_ text: String, _ expected: JSON) throws {
        #expect(try JSON.parse(text.utf8) == expected)
    }

    @Test(
        "what RFC 8259 forbids is refused",
        arguments: [
            "", " ", "nul", "nulll", "True", "NaN", "Infinity", "-Infinity", "+1", "-", "01", "-01", "1.", ".5", "1.e1", "1e", "1e+", "0x10", "1_000",
            "1 2", "--1",
            "\"", "\"abc", #""\""#, #""\x41""#, #""\u12""#, #""\u12g4""#, #""\U0041""#, "\"a\nb\"", "\"a\tb\"", "\"\u{0}\"", "\"\u{1f}\"", "'a'",
            #""\ud800""#, #""\ud800x""#, #""\ud800\u0041""#, #""\udc00""#, #""\ud800\ud800""#, #""\ude00\ud83d""#, #""\ud83d\n""#,
            "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1,,2]", "[1}", "{", "}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{,"a":1}"#,
            #"{"a":1 "b":2}"#,
            "{a:1}", "{1:2}", #"{"a":1]"#, #"{"a"::1}"#, "[1]x", "{} {}", "nullnull", "// comment\n1", "[1,/*c*/2]", "\u{FEFF}1", "\u{A0}1",
            "\u{0C}1",
        ])
    func refused(_ text: String) {
        #expect(throws: JSONSyntaxError.self) { try JSON.parse(text.utf8) }
    }

    @Test(
        "a string of invalid UTF-8 is refused, with or without an escape in it",
        arguments: [
            [0xC3, 0x28], [0x80], [0xC0, 0xAF], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFE],
            [0xFF],
        ] as [[UInt8]])
    func invalidUTF8(_ bytes: [UInt8]) {
        let quote = UInt8(ascii: "\"")
        for text in [[quote] + bytes + [quote], Array("\"\\n".utf8) + bytes + [quote], Array("{\"".utf8) + bytes + Array("\":1}".utf8)] {
            let error = #expect(throws: JSONSyntaxError.self) { try JSON.parse(text) }
            #expect(error?.reason == .invalidUTF8)
        }
        #expect(throws: JSONSyntaxError.self) { try JSON.parse(bytes) }
    }

    @Test("an escape cannot complete a broken sequence of bytes")
    func splitSequence() {
        let text = Array("\"".utf8) + [0xE2, 0x82] + Array(#"\u00ac""#.utf8)
        #expect(throws: JSONSyntaxError.self) { try JSON.parse(text) }
    }

    @Test("a name may appear once in an object, however it is written and however many there are")
    func duplicateNames() throws {
        for text in [#"{"a":1,"a":1}"#, #"{"a":1,"\u0061":1}"#, #"{"x":{"a":1,"b":2,"a":3}}"#] {
            let error = #expect(throws: JSONSyntaxError.self) { try JSON.parse(text.utf8) }
            #expect(error?.reason == .duplicateName)
        }
        for count in 1...20 {
            let members = (0..<count).map { "\"n\($0)\":\($0)" }
            #expect(try JSON.parse("{\(members.joined(separator: ","))}".utf8).members?.count == count)
            for name in 0..<count {
                let error = #expect(throws: JSONSyntaxError.self) { try JSON.parse("{\(members.joined(separator: ",")),\"n\(name)\":0}".utf8) }
                #expect(error?.reason == .duplicateName)
            }
        }
        #expect(try JSON.parse(#"[{"a":1},{"a":1}]"#.utf8) == [["a": 1], ["a": 1]])
    }

    @Test("nesting is bounded exactly, and a text of a million brackets ends in an error")
    func depth() throws {
        func nested(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        _ = try JSON.parse(nested(32).utf8)
        let error = #expect(throws: JSONSyntaxError.self) { try JSON.parse(nested(33).utf8) }
        #expect(error?.reason == .tooDeep(limit: 32))
        #expect(error?.offset == 32)
        _ = try JSON.parse(nested(5).utf8, maxDepth: 5)
        #expect(throws: JSONSyntaxError.self) { try JSON.parse(nested(6).utf8, maxDepth: 5) }
        #expect(throws: JSONSyntaxError.self) { try JSON.parse(String(repeating: "[", count: 1_000_000).utf8) }
        #expect(throws: JSONSyntaxError.self) { try JSON.parse(String(repeating: #"{"a":"#, count: 100_000).utf8) }
        // Siblings are not depth.
        _ = try JSON.parse("[\(Array(repeating: "[]", count: 1000).joined(separator: ","))]".utf8)
    }

    @Test("the error names the byte", arguments: [("[1,x]", 3), (#"{"a":1,"a":2}"#, 7), ("", 0), ("[1] 2", 4), (#"{"a" 1}"#, 5), ("tru", 3)])
    func offsets(_ text: String, _ offset: Int) {
        let error = #expect(throws: JSONSyntaxError.self) { try JSON.parse(text.utf8) }
        #expect(error?.offset == offset)
        #expect(error?.description.hasSuffix("at byte \(offset)") == true)
    }

    @Test("what is read can be written and is read as the same", arguments: [UInt64](1...8))
    func roundTrip(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<200 {
            let value = JSONSample.value(depth: 5, using: &random)
            let bytes = JSONWriter.bytes(value)
            #expect(try JSON.parse(bytes.readableBytesView) == value)
        }
    }

    @Test("no mutation of a text crashes the parser, and what it still accepts round-trips", arguments: [UInt64](100...110))
    func mutations(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let interesting = Array("{}[]\",:\\u0e-+.tfn \n\t".utf8) + [0x00, 0x1F, 0x7F, 0x80, 0xC3, 0xED, 0xFF]
        for _ in 0..<500 {
            var bytes = Array(JSONWriter.bytes(JSONSample.value(depth: 4, using: &random)).readableBytesView)
            for _ in 0..<Int.random(in: 1...6, using: &random) where !bytes.isEmpty {
                let position = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0: bytes[position] = interesting.randomElement(using: &random)!
                case 1: bytes.insert(interesting.randomElement(using: &random)!, at: position)
                case 2: bytes.remove(at: position)
                case 3: bytes[position] = UInt8.random(in: 0...255, using: &random)
                default: bytes.insert(contentsOf: bytes[position...].prefix(8), at: position)
                }
            }
            guard let value = try? JSON.parse(bytes) else { continue }
            #expect(try JSON.parse(JSONWriter.bytes(value).readableBytesView) == value, "\(bytes)")
        }
    }
}

/// Random JSON values, from a seed.
enum JSONSample {
    static func value(depth: Int, using random: inout some RandomNumberGenerator) -> JSON {
        switch Int.random(in: 0..<(depth > 0 ? 9 : 6), using: &random) {
        case 0: .null
        case 1: .bool(.random(using: &random))
        case 2: .integer(.random(in: .min ... .max, using: &random))
        case 3: .integer(.random(in: -10...10, using: &random))
        case 4: .number(["0.5", "-1e9", "1E-400", "123456789012345678901234567890"].randomElement(using: &random)!)
        case 5: .string(text(using: &random))
        case 6: .array((0..<Int.random(in: 0...4, using: &random)).map { _ in value(depth: depth - 1, using: &random) })
        default:
            .object(
                (0..<Int.random(in: 0...12, using: &random)).map {
                    JSON.Member("\($0)\(text(using: &random))", value(depth: depth - 1, using: &random))
                })
        }
    }

    private static func text(using random: inout some RandomNumberGenerator) -> String {
        let scalars: [Unicode.Scalar] = ["a", "\"", "\\", "/", "\n", "\u{0}", "\u{1F}", "\u{7F}", "é", "€", "😀", "\u{FFFF}", "\u{301}"]
        return String(String.UnicodeScalarView((0..<Int.random(in: 0...8, using: &random)).map { _ in scalars.randomElement(using: &random)! }))
    }
}
