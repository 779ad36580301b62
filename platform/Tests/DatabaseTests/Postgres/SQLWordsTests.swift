import Testing

@testable import Database

@Suite struct SQLWordsTests {
    @Test(
        "the words that each statement of a script begins with are found, whatever stands in texts, names and comments",
        arguments: [
            ("", []), (" ; ;\n", []), ("-- only a comment", []), ("/* a /* nested */ one */", []), ("select 1", [["SELECT", ""]]),
            ("create table t (n int)", [["CREATE", "TABLE"]]), ("A b; c D", [["A", "B"], ["C", "D"]]), ("a;b;", [["A"], ["B"]]),
            ("(SELECT 1)", [["SELECT", ""]]), ("a 'x; y' b", [["A", ""]]), ("a 'it''s; c'; b", [["A", ""], ["B"]]),
            ("a \"x; \"\"y\" b", [["A", ""]]), ("a E'it\\'s; c'; b", [["A", "E"], ["B"]]), ("a e'\\\\'; b", [["A", "E"], ["B"]]),
            ("a 'back\\'; b", [["A", ""], ["B"]]), ("a date'\\'; b", [["A", "DATE"], ["B"]]), ("a $$x; y$$; b", [["A", ""], ["B"]]),
            ("a $tag$x; $$ ; $ta$ y$tag$; b", [["A", ""], ["B"]]), ("a $1; b", [["A", ""], ["B"]]), ("a $é$;$é$; b", [["A", ""], ["B"]]),
            ("a b$c$d; e f", [["A", "B$C$D"], ["E", "F"]]), ("a -- x; c\n; b", [["A"], ["B"]]), ("a -- x\r; b", [["A"], ["B"]]),
            ("a /* ; /* ; */ ; */; b", [["A"], ["B"]]), ("a - 1; b", [["A", ""], ["B"]]), ("a / 1; b", [["A", ""], ["B"]]),
            ("größe x", [["GRößE", "X"]]), ("_a1 2b", [["_A1", ""]]),
        ] as [(String, [[String]])])
    func beginnings(script: String, expected: [[String]]) {
        #expect(SQLWords.beginnings(of: script) == expected)
    }

    @Test(
        "a text that does not end where it should is read to its end, and nothing more",
        arguments: ["'", "a '", "E'\\", "a E'\\", "\"", "a $$", "a $t$ x $t", "/*", "a /* /* */", "--", "$", "a $", "a $t", "a 'x\\"])
    func unterminated(script: String) {
        #expect(SQLWords.beginnings(of: script).count <= 1)
        _ = SQLWords.isReading(script)
        _ = SQLWords.isWorthPreparing(script)
    }

    @Test("what only reads is known by its first word")
    func reading() {
        for text in ["SELECT 1", "select 1", "(SELECT 1)", "VALUES (1)", "TABLE t", "SHOW x", "-- why\nSELECT 1", "/* why */ SELECT 1"] {
            #expect(SQLWords.isReading(text), "\(text)")
        }
        for text in [
            "", "INSERT INTO t VALUES (1)", "WITH w AS (DELETE FROM t RETURNING n) SELECT n FROM w", "EXPLAIN ANALYZE DELETE FROM t", "CALL p()",
        ] {
            #expect(!SQLWords.isReading(text), "\(text)")
        }
    }

    @Test("no bytes whatever make the reader fail")
    func anyBytes() {
        var random = SplitMix64(seed: 11)
        let alphabet = Array("ab e E'\"$;-/*\\\n\r1_é(".unicodeScalars)
        for _ in 0..<20_000 {
            let text = String(
                String.UnicodeScalarView((0..<Int.random(in: 0...20, using: &random)).map { _ in alphabet.randomElement(using: &random)! }))
            for words in SQLWords.beginnings(of: text) { #expect((1...2).contains(words.count)) }
        }
    }
}
