import Basics
import HTTPPath
import TestKit
import Testing

@Suite("Fields")
struct FieldsTests {
    enum Color: String, CaseIterable { case red, green }

    /// Reads, and gives what is wrong, by pointer.
    private func errors(_ json: JSON, strict: Bool = true, _ read: (Fields) -> Void) -> [String: String] {
        do throws(InvalidInput) {
            try Fields.read(json, strict: strict, read)
            return [:]
        } catch {
            return Dictionary(error.errors.map { ($0.pointer, $0.detail) }) { "\($0), \($1)" }
        }
    }

    @Test("values of every kind are read")
    func values() throws {
        let json: JSON = [
            "s": "text", "i": 7, "b": true, "c": "green", "id": "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "t": "2026-01-15T09:00:00Z", "o": ["x": 1],
            "l": [["x": 1], ["x": 2]], "ss": ["a", "b"], "d": ["k": "v"], "any": [1, "x"],
        ]
        try Fields.read(json) { fields in
            #expect(fields.string("s") == "text")
            #expect(fields.integer("i", 0...10) == 7)
            #expect(fields.bool("b"))
            #expect(fields.choice("c", Color.self) == .green)
            #expect(fields.identifier("id").description == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
            #expect(fields.timestamp("t").description == "2026-01-15T09:00:00Z")
            #expect(fields.object("o") { $0.integer("x", 0...1) } == 1)
            #expect(fields.list("l", 1...2) { $0.integer("x", 0...2) } == [1, 2])
            #expect(fields.strings("ss", 1...2) == ["a", "b"])
            #expect(fields.optionalDictionary("d", 0...1) == ["k": "v"])
            #expect(fields.any("any") == [1, "x"])
        }
    }

    @Test("optional values may be missing or null, and both are nil")
    func optionals() throws {
        for json in [JSON.object([]), ["s": nil, "i": nil, "b": nil, "c": nil, "id": nil, "t": nil, "o": nil, "l": nil, "ss": nil, "d": nil]] {
            try Fields.read(json) { fields in
                #expect(fields.optionalString("s") == nil)
                #expect(fields.optionalInteger("i", 0...1) == nil)
                #expect(fields.optionalBool("b") == nil)
                #expect(fields.optionalChoice("c", Color.self) == nil)
                #expect(fields.optionalIdentifier("id") == nil)
                #expect(fields.optionalTimestamp("t") == nil)
                #expect(fields.optionalObject("o") { _ in 1 } == nil)
                #expect(fields.optionalList("l", 0...1) { _ in 1 } == nil)
                #expect(fields.optionalStrings("ss", 0...1) == nil)
                #expect(fields.optionalDictionary("d", 0...1) == nil)
                #expect(!fields.has("s"))
            }
        }
    }

    @Test("everything wrong is reported at once, each with its pointer")
    func all() {
        let json: JSON = ["name": 7, "lines": [["n": 1], ["n": 0, "x": true], "no"], "extra": 1, "color": "blue", "a/b~c": 1]
        let errors = errors(json) { fields in
            _ = fields.string("name")
            _ = fields.integer("missing", 1...5)
            _ = fields.choice("color", Color.self)
            _ = fields.list("lines", 1...10) { $0.integer("n", 1...5) }
            _ = fields.string("a/b~c")
        }
        #expect(
            errors == [
                "/name": "must be a string, not an integer", "/missing": "is required", "/color": "must be one of red, green",
                "/lines/1/n": "must be between 1 and 5",
                "/lines/1/x": "is not a known field", "/lines/2": "must be an object, not a string", "/extra": "is not a known field",
                "/a~1b~0c": "must be a string, not an integer",
            ])
    }

    @Test(
        "a wrong type is refused where it stands",
        arguments: [JSON.integer(1), .number("1.5"), .string("x"), .bool(true), .array([]), .object([])])
    func wrongTypes(_ value: JSON) {
        let json = JSON.object([.init("v", value)])
        func fails(_ read: (Fields) -> Void) -> Bool { errors(json) { read($0) }["/v"] != nil }
        if value.string == nil {
            #expect(fails { _ = $0.string("v") })
            #expect(fails { _ = $0.choice("v", Color.self) })
        }
        if value.integer == nil { #expect(fails { _ = $0.integer("v", 0...9) }) }
        if value.bool == nil { #expect(fails { _ = $0.bool("v") }) }
        if value.array == nil {
            #expect(fails { _ = $0.list("v", 0...9) { _ in } })
            #expect(fails { _ = $0.strings("v", 0...9) })
        }
        if value.members == nil {
            #expect(fails { _ = $0.object("v") { _ in } })
            #expect(fails { _ = $0.optionalDictionary("v", 0...9) })
        }
        #expect(fails { _ = $0.identifier("v") })
        #expect(fails { _ = $0.timestamp("v") })
    }

    @Test("bounds are inclusive, lengths are counted in Unicode scalars")
    func bounds() {
        func accepts(_ value: JSON, _ read: @escaping (Fields) -> Void) -> Bool { errors(["v": value], { read($0) }).isEmpty }
        #expect(accepts(1) { _ = $0.integer("v", 1...5) } && accepts(5) { _ = $0.integer("v", 1...5) })
        #expect(!accepts(0) { _ = $0.integer("v", 1...5) } && !accepts(6) { _ = $0.integer("v", 1...5) })
        #expect(
            !accepts(.number("3.0")) { _ = $0.integer("v", 1...5) } && !accepts(.number("9223372036854775808")) { _ = $0.integer("v", 1...(.max)) })
        #expect(accepts("éé") { _ = $0.string("v", 2...2) } && !accepts("") { _ = $0.string("v") } && !accepts("abc") { _ = $0.string("v", 1...2) })
        #expect(!accepts("e\u{301}") { _ = $0.string("v", 1...1) })
        #expect(
            accepts(["a"]) { _ = $0.strings("v", 1...1) } && !accepts([]) { _ = $0.strings("v", 1...1) }
                && !accepts(["a", "b"]) { _ = $0.strings("v", 1...1) })
        #expect(!accepts(["a", ""]) { _ = $0.strings("v", 1...2) })
        #expect(
            !accepts(["a": "1", "b": "2"]) { _ = $0.optionalDictionary("v", 0...1) } && !accepts(["": "1"]) { _ = $0.optionalDictionary("v", 0...1) })
    }

    @Test("a NUL is refused in every string, however it is read, and where it stands")
    func nul() {
        let json: JSON = [
            "text": "a\u{0}b", "parsed": "\u{0}", "any": ["deep": [1, "x\u{0}"]], "texts": ["a", "\u{0}"], "parsedTexts": ["\u{0}"],
            "dictionary": ["k": "\u{0}"], "names": .object([.init("a\u{0}", 1)]),
        ]
        let errors = errors(json) {
            _ = $0.string("text")
            _ = $0.parsed("parsed", expected: "anything") { $0 }
            _ = $0.any("any")
            _ = $0.strings("texts", 1...2)
            _ = $0.parsedList("parsedTexts", 1...2, expected: "anything") { $0 }
            _ = $0.optionalDictionary("dictionary", 1...2)
            _ = $0.any("names")
        }
        let expected = ["/text", "/parsed", "/any/deep/1", "/texts/1", "/parsedTexts/0", "/dictionary/k", "/names"]
        #expect(errors == Dictionary(uniqueKeysWithValues: expected.map { ($0, "must not hold control characters") }))
    }

    @Test("control characters are refused, line breaks and tabs are not", arguments: ["\u{0}", "\u{1B}", "\u{7F}", "\u{8}"])
    func controls(_ character: String) {
        #expect(errors(["v": .string("a\(character)b")]) { _ = $0.string("v") } == ["/v": "must not hold control characters"])
        #expect(errors(["v": .object([.init("k\(character)", "v")])]) { _ = $0.optionalDictionary("v", 0...5) } != [:])
        #expect(errors(["v": "a\n\t\rb"]) { _ = $0.string("v") } == [:])
    }

    @Test("unknown fields are refused in requests and ignored in answers")
    func unknown() {
        #expect(
            errors(["a": 1, "b": ["c": 1]]) { _ = $0.optionalObject("b") { _ in } } == ["/a": "is not a known field", "/b/c": "is not a known field"])
        #expect(errors(["a": 1, "b": ["c": 1]], strict: false) { _ = $0.optionalObject("b") { _ in } } == [:])
    }

    @Test("no detail repeats what was sent")
    func noEcho() {
        let secret = "4111111111111111"
        let details = errors(["n": .string(secret), "i": .string(secret), "c": .string(secret), "l": [.string(secret)]]) { fields in
            _ = fields.string("n", 1...3)
            _ = fields.integer("i", 1...5)
            _ = fields.choice("c", Color.self)
            _ = fields.list("l", 1...5) { _ in }
        }
        #expect(details.count == 4)
        for detail in details.values { #expect(!detail.contains(secret)) }
    }

    @Test("errors are bounded in number and size")
    func bounded() {
        let members = (0..<1000).map { JSON.Member("f\($0)" + String(repeating: "x", count: 10_000), 1) }
        let errors = errors(.object(members)) { _ in }
        #expect(errors.count == 50)
        for pointer in errors.keys { #expect(pointer.utf8.count <= 200) }
    }

    @Test("a document that is no object is refused as a whole")
    func noObject() {
        #expect(errors([1]) { _ in } == ["": "must be an object, not an array"])
        #expect(errors(.null) { _ in } == ["": "must be an object, not null"])
    }

    @Test("an error that spans fields can be reported")
    func report() {
        #expect(
            errors(["a": 1]) { fields in
                _ = fields.integer("a", 0...5)
                fields.report("a", "must be less than b")
                fields.report(nil, "makes no sense")
            } == ["/a": "must be less than b", "": "makes no sense"])
    }
}
