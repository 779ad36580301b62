import Basics
import Database
import Testing

/// Values on their way to a database and back, where engines are apt to differ.
@Suite(.timeLimit(.minutes(5))) struct DatabaseContractValueTests {
    private static let sizes = [8_191, 8_192, 8_193, 16_384, 65_535, 65_536, 300_000]

    @Test("texts and bytes of more than 8 KB come back whole, and are found by their value", arguments: Engine.allCases)
    func large(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            try await database.execute(SQL(sqlite: "CREATE TABLE t (t TEXT, y BLOB)", postgres: "CREATE TABLE t (t text, y bytea)"))
            var random = SplitMix64(seed: 3)
            for size in Self.sizes {
                let bytes = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
                let text = String(String.UnicodeScalarView((0..<size).map { _ in Self.scalars.randomElement(using: &random)! }))
                try await database.execute("INSERT INTO t VALUES (\(text), \(bytes))")
                let row = try await database.query("SELECT t, y FROM t WHERE t = \(text) AND y = \(bytes)")[0]
                let (sameText, sameBytes) = (try row.decode("t", as: String.self) == text, try row.decode("y", as: [UInt8].self) == bytes)
                #expect(sameText && sameBytes, "\(size)")
            }
            let lengths = try await database.query("SELECT length(t), length(y) FROM t ORDER BY length(t)")
            #expect(try lengths.map { try $0.decode(0, as: Int.self) } == Self.sizes)
            #expect(try lengths.map { try $0.decode(1, as: Int.self) } == Self.sizes)
        }
    }

    private static let scalars = Array("aé東👩'\"\\\n{}$;\u{10FFFF}".unicodeScalars)

    @Test("a NUL byte is kept in bytes; in a text it is kept or refused, and the text never cut short", arguments: Engine.allCases)
    func nul(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            try await database.execute(SQL(sqlite: "CREATE TABLE t (t TEXT, y BLOB)", postgres: "CREATE TABLE t (t text, y bytea)"))
            let bytes: [UInt8] = [0, 1, 0, 0]
            try await database.execute("INSERT INTO t (y) VALUES (\(bytes))")
            #expect(try await database.query("SELECT y FROM t")[0].decode(0, as: [UInt8].self) == bytes)
            for text in ["\0", "a\0b", "a\0"] {
                let found = try await code {
                    try await database.execute("INSERT INTO t (t) VALUES (\(text))")
                    #expect(try await database.query("SELECT t FROM t WHERE t = \(text)")[0].decode(0, as: String.self) == text)
                }
                #expect(found == (engine == .postgres ? .statement : nil))
            }
        }
    }

    @Test("the bounds of 64 bits are exact, in values, comparisons and order", arguments: Engine.allCases)
    func bounds(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            try await database.execute("CREATE TABLE t (n BIGINT)")
            let numbers = [Int64.min, .min + 1, -1, 0, 1, 1 << 53, 1 << 53 + 1, .max - 1, .max]
            for number in numbers.shuffled() { try await database.execute("INSERT INTO t VALUES (\(number))") }
            #expect(try await database.query("SELECT n FROM t ORDER BY n").map { try $0.decode(0, as: Int64.self) } == numbers)
            for number in numbers {
                #expect(try await database.query("SELECT n FROM t WHERE n = \(number)").map { try $0.decode(0, as: Int64.self) } == [number])
                #expect(try await database.query("SELECT \(number) AS n")[0].decode(0, as: Int64.self) == number)
            }
        }
    }

    @Test("times differ by the microsecond, before 1970 too", arguments: Engine.allCases)
    func microseconds(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            try await database.execute(SQL(sqlite: "CREATE TABLE t (at INTEGER)", postgres: "CREATE TABLE t (at timestamptz)"))
            let middles = ["0001-01-02T00:00:00Z", "1969-12-31T23:59:59.999999Z", "2000-01-01T00:00:00Z", "2026-11-24T05:46:09.123456Z"]
            let times = middles.compactMap { Timestamp($0) }.flatMap { time in
                [-1, 0, 1].map { Timestamp(microseconds: time.microseconds + $0) }
            }
            #expect(times.count == 12)
            for time in times.shuffled() { try await database.execute("INSERT INTO t VALUES (\(time))") }
            #expect(try await database.query("SELECT at FROM t ORDER BY at").map { try $0.decode(0, as: Timestamp.self) } == times)
            for time in times { #expect(try await database.query("SELECT at FROM t WHERE at = \(time)").count == 1) }
        }
    }

    // MARK: Lists in one parameter

    /// What a list holds when the database has taken it apart again, in its order.
    private func elements<T: SQLBindable & SQLDecodable>(of list: [T?], _ type: String, on database: any Database) async throws -> [T?] {
        try await database.query(
            SQL(
                sqlite: "SELECT value FROM json_each(\(array: list)) ORDER BY key",
                postgres: "SELECT value FROM unnest(\(array: list)::\(raw: type)[]) WITH ORDINALITY AS l (value, key) ORDER BY key")
        )
        .map { try $0.decode(0) }
    }

    @Test("a list of texts comes out as it went in: quotes, backslashes, braces, NULL, nothing, unicode", arguments: Engine.allCases)
    func texts(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let texts: [String?] = [
                "plain", "", nil, "NULL", "null", "\"", "\\", "\\\"", "'", "''", ",", "{", "}", "{a,b}", "[1]", " ", " a ", "\t\n\r", "a\\nb",
                "\u{1}",
                "\u{7F}", "Grüße", "東京", "👩‍👩‍👧‍👦", "e\u{301}", "\u{FFFF}", "\u{10FFFF}", "$1", "?", "%", "--", String(repeating: "\\\"", count: 10_000),
            ]
            // To Swift some texts are equal that differ in their bytes.
            let read = try await elements(of: texts, "text", on: opened.database)
            #expect(read.map { $0.map { Array($0.utf8) } } == texts.map { $0.map { Array($0.utf8) } })
            for text in texts { #expect(try await elements(of: [text], "text", on: opened.database) == [text]) }
            let reversed = try await opened.database.withTransaction { transaction in
                try await transaction.query(
                    SQL(
                        sqlite: "SELECT value FROM json_each(\(array: texts)) ORDER BY key DESC",
                        postgres: "SELECT value FROM unnest(\(array: texts)::text[]) WITH ORDINALITY AS l (value, key) ORDER BY key DESC"))
            }
            #expect(try reversed.map { try $0.decode(0, as: String?.self) } == texts.reversed())
        }
    }

    @Test("a text with a NUL in a list is refused, and never cut off", arguments: Engine.allCases)
    func nulInList(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let texts: [String?] = ["a\0b"]
            try await expect(.statement) { _ = try await elements(of: texts, "text", on: opened.database) }
        }
    }

    @Test("lists of other types come out as they went in, and so do empty ones", arguments: Engine.allCases)
    func types(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            func expect<T: SQLBindable & SQLDecodable & Equatable>(_ list: [T?], _ type: String) async throws {
                let (read, none) = (try await elements(of: list, type, on: database), try await elements(of: [T?](), type, on: database))
                #expect(read == list)
                #expect(none.isEmpty)
            }
            try await expect([Int64.min, nil, -1, 0, .max], "bigint")
            try await expect([0.1, nil, -0.0, 1e300, .leastNonzeroMagnitude, -.greatestFiniteMagnitude, 3], "double precision")
            try await expect([true, nil, false], "boolean")
            try await expect([Identifier(high: 1, low: 2), nil, Identifier(high: .max, low: .max)], "uuid")
            try await expect(
                [Timestamp("2026-11-24T05:46:09.123456Z"), nil, Timestamp("0001-01-01T00:00:00Z"), Timestamp("9999-12-31T23:59:59.999999Z")],
                "timestamptz")
            try await expect([String?](), "text")
        }
    }

    @Test("a list finds its members; an empty one finds nothing; a long one is one parameter", arguments: Engine.allCases)
    func membership(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            try await database.execute(SQL(sqlite: "CREATE TABLE t (id TEXT, n BIGINT)", postgres: "CREATE TABLE t (id uuid, n bigint)"))
            let ids = (0..<5).map { Identifier(high: 7, low: UInt64($0)) }
            for (number, id) in ids.enumerated() { try await database.execute("INSERT INTO t VALUES (\(id), \(number))") }
            func find(_ ids: [Identifier]) async throws -> [Int] {
                try await database.query(
                    SQL(
                        sqlite: "SELECT n FROM t WHERE id IN (SELECT value FROM json_each(\(array: ids))) ORDER BY n",
                        postgres: "SELECT n FROM t WHERE id = ANY(\(array: ids)::uuid[]) ORDER BY n")
                )
                .map { try $0.decode(0) }
            }
            #expect(try await find([ids[3], ids[1]]) == [1, 3])
            #expect(try await find([]) == [])
            #expect(try await find(ids + (0..<20_000).map { Identifier(high: 8, low: UInt64($0)) }) == [0, 1, 2, 3, 4])
        }
    }

    @Test("a list may not hold lists or bytes", arguments: Engine.allCases)
    func refused(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            for list in [SQLValue.array([]), .blob([1])] {
                let statement: SQL = "SELECT \(array: [list])"
                try await expect(.statement) { try await opened.database.query(statement) }
            }
            #expect(try await opened.database.query("SELECT 7 AS n")[0].decode(0, as: Int.self) == 7)
        }
    }
}
