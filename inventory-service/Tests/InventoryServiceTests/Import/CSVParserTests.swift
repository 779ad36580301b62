import Testing

@testable import InventoryService

@Suite("CSV, piece by piece")
struct CSVParserTests {
    typealias Record = CSVParser.Record

    static func parse(_ text: String) -> [Record] { parse(Array(text.utf8)) }

    static func parse(_ bytes: [UInt8]) -> [Record] {
        var parser = CSVParser()
        return parser.consume(bytes) + parser.finish()
    }

    /// `line: fields`, or `line! fault`.
    static func shown(_ records: [Record]) -> [String] {
        records.map { record in
            switch record.content {
            case .success(let fields): "\(record.line): " + fields.joined(separator: "|")
            case .failure(let fault): "\(record.line)! \(fault)"
            }
        }
    }

    static let cases: [(String, [String])] = [
        ("a,b\nc,d\n", ["1: a|b", "2: c|d"]),
        ("a,b\r\nc,d", ["1: a|b", "2: c|d"]),
        ("a,b\rc,d\r", ["1: a|b", "2: c|d"]),
        ("\u{FEFF}a,b\n", ["1: a|b"]),
        ("\u{FEFF}\"a\",b\n", ["1: a|b"]),
        ("\"a,1\",\"say \"\"hi\"\"\"\n", ["1: a,1|say \"hi\""]),
        ("\"two\nlines\",b\nc,d\n", ["1: two\nlines|b", "3: c|d"]),
        ("\"two\r\nlines\",b\r\nc,d\r\n", ["1: two\r\nlines|b", "3: c|d"]),
        ("\"cr\rin\",b\nc,d", ["1: cr\rin|b", "3: c|d"]),
        (",\n,,\n", ["1: |", "2: ||"]),
        ("\"\"\n\"\",\"\"\n", ["1: ", "2: |"]),
        ("\n\r\n\na\n\nb\n", ["4: a", "6: b"]),
        ("a, b ,c\n", ["1: a| b |c"]),
        ("Grüße,日本,🛒\n", ["1: Grüße|日本|🛒"]),
        ("", []),
        ("\u{FEFF}", []),
        ("a", ["1: a"]),
        ("a,", ["1: a|"]),
        ("\"a\"", ["1: a"]),
        // Faults cost their own record only.
        ("a\"b,c\nd,e\n", ["1! quoteInField", "2: d|e"]),
        ("\"a\"b,c\nd,e\n", ["1! textAfterQuote", "2: d|e"]),
        ("\"a\"b\"\nd\n", ["1! textAfterQuote", "2: d"]),
        ("a,\"b\nc,d\n", ["1! quoteNotClosed"]),
        ("\"", ["1! quoteNotClosed"]),
    ]

    @Test("a text has the same records however it is cut", arguments: cases)
    func cut(_ text: String, _ expected: [String]) {
        let bytes = Array(text.utf8)
        #expect(Self.shown(Self.parse(bytes)) == expected)
        for first in 0...bytes.count {
            var parser = CSVParser()
            let records = parser.consume(bytes[..<first]) + parser.consume(bytes[first...]) + parser.finish()
            #expect(Self.shown(records) == expected, "cut at \(first)")
        }
        var parser = CSVParser()
        var records: [Record] = []
        for byte in bytes { records += parser.consume(CollectionOfOne(byte)) }
        #expect(Self.shown(records + parser.finish()) == expected, "byte by byte")
    }

    @Test("a record is given as soon as its line has ended")
    func promptly() {
        var parser = CSVParser()
        #expect(parser.consume("a,b".utf8).isEmpty)
        #expect(Self.shown(parser.consume("\nc".utf8)) == ["1: a|b"])
    }

    @Test("what only begins like a byte-order mark is no mark")
    func almostAMark() {
        #expect(Self.shown(Self.parse([0xEF, 0xBB, 0x61, 0x0A])) == ["1! invalidUTF8"])
        #expect(Self.shown(Self.parse([0xEF, 0xBB])) == ["1! invalidUTF8"])
    }

    @Test("a record that is not UTF-8 costs itself only")
    func invalidUTF8() {
        #expect(Self.shown(Self.parse([0x61, 0xFF, 0x0A, 0x62, 0x0A])) == ["1! invalidUTF8", "2: b"])
    }

    @Test("a record of 64 KiB is read, one that is longer costs itself only")
    func tooLong() {
        let longest = String(repeating: "x", count: CSVParser.longestRecord)
        #expect(Self.parse(longest + "\nb\n").map { (try? $0.content.get())?.first?.count } == [CSVParser.longestRecord, 1])
        #expect(Self.shown(Self.parse(longest + "x\nb\n")) == ["1! tooLong", "2: b"])
        // A quote that nobody closes must not take the rest of the file with it.
        #expect(Self.shown(Self.parse("\"" + longest + "\nb\n")) == ["1! tooLong", "2: b"])
    }
}

@Suite("Lines, piece by piece")
struct LineSplitterTests {
    static func lines(_ parts: [String]) -> [String] {
        var splitter = LineSplitter()
        var lines: [LineSplitter.Line] = []
        for part in parts { lines += splitter.consume(part.utf8) }
        return (lines + splitter.finish()).map { "\($0.number): \($0.bytes.map { String(decoding: $0, as: UTF8.self) } ?? "too long")" }
    }

    @Test("a text has the same lines however it is cut")
    func cut() {
        let text = "{\"a\":1}\r\n\n{}\nlast"
        let expected = ["1: {\"a\":1}", "3: {}", "4: last"]
        for first in 0...text.count {
            #expect(Self.lines([String(text.prefix(first)), String(text.dropFirst(first))]) == expected, "cut at \(first)")
        }
        #expect(Self.lines(text.map(String.init)) == expected)
    }

    @Test("a line that is too long costs itself only")
    func tooLong() {
        let longest = String(repeating: "x", count: LineSplitter.longestLine)
        #expect(Self.lines([longest + "x\nb\n"]) == ["1: too long", "2: b"])
        #expect(Self.lines([longest + "\n"]).first?.count == longest.count + 3)
    }
}
