import Basics
import Database
import Testing

@Suite struct DatabaseContractTypeTests {
    private static let table = SQL(
        sqlite: """
            CREATE TABLE t (b INTEGER, i INTEGER, d REAL, t TEXT, y BLOB, at INTEGER, id TEXT) STRICT
            """,
        postgres: """
            CREATE TABLE t (b boolean, i bigint, d double precision, t text, y bytea, at timestamptz, id uuid)
            """)

    private struct Values: Equatable, Sendable {
        var b: Bool?
        var i: Int64?
        var d: Double?
        var t: String?
        var y: [UInt8]?
        var at: Timestamp?
        var id: Identifier?

        init(b: Bool? = nil, i: Int64? = nil, d: Double? = nil, t: String? = nil, y: [UInt8]? = nil, at: Timestamp? = nil, id: Identifier? = nil) {
            (self.b, self.i, self.d, self.t, self.y, self.at, self.id) = (b, i, d, t, y, at, id)
        }

        init(_ row: Row) throws {
            b = try row.decode("b")
            i = try row.decode("i")
            d = try row.decode("d")
            t = try row.decode("t")
            y = try row.decode("y")
            at = try row.decode("at")
            id = try row.decode("id")
        }
    }

    private static let rows: [Values] = [
        Values(),
        Values(b: true, i: 1, d: 0.1, t: "plain", y: [0, 1, 255], at: Timestamp("2026-11-24T05:46:09.123456Z")!, id: Identifier(high: 1, low: 2)),
        Values(
            b: false, i: .min, d: -.greatestFiniteMagnitude, t: "", y: [], at: Timestamp("0001-01-01T00:00:00Z")!, id: Identifier(high: 0, low: 0)),
        Values(i: .max, d: .leastNonzeroMagnitude, t: "Grüße, 東京 👩‍👩‍👧‍👦 e\u{301} \u{FFFF}", at: Timestamp("9999-12-31T23:59:59.999999Z")!),
        Values(i: 0, d: .infinity, t: "'; DROP TABLE t; --", at: Timestamp(microseconds: -1), id: Identifier(high: .max, low: .max)),
        Values(d: -0.0, t: "a ? b $1 \\ \" \n\t\r"),
        Values(t: String(repeating: "ö", count: 524_288), y: [UInt8](repeating: 0xAB, count: 1_048_576)),
    ]

    @Test("every type comes back exactly as it was written, NULL and the bounds included", arguments: Engine.allCases)
    func roundTrip(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            try await database.execute(Self.table)
            for values in Self.rows {
                try await database.execute("DELETE FROM t")
                try await database.execute(
                    "INSERT INTO t VALUES (\(values.b), \(values.i), \(values.d), \(values.t), \(values.y), \(values.at), \(values.id))")
                let read = try await database.query("SELECT * FROM t")
                #expect(read.count == 1)
                #expect(try Values(read[0]) == values)
                let inside = try await database.withTransaction { try await $0.query("SELECT * FROM t") }
                #expect(try Values(inside[0]) == values)
            }
        }
    }

    @Test("an empty text and empty bytes are not NULL", arguments: Engine.allCases)
    func emptyIsNotNull(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            try await opened.database.execute(Self.table)
            try await opened.database.execute("INSERT INTO t (t, y) VALUES (\(""), \([UInt8]()))")
            #expect(try await opened.database.query("SELECT 1 FROM t WHERE t IS NOT NULL AND y IS NOT NULL").count == 1)
        }
    }

    @Test("integers of other widths, and optionals, are read within their range only", arguments: Engine.allCases)
    func widths(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            try await opened.database.execute(Self.table)
            try await opened.database.execute("INSERT INTO t (i) VALUES (\(Int64(Int32.max))), (\(Int64(Int32.max) + 1))")
            let rows = try await opened.database.query("SELECT i, t FROM t ORDER BY i")
            #expect(try rows[0].decode("i", as: Int32.self) == .max)
            #expect(try rows[0].decode(0, as: Int.self) == Int(Int32.max))
            #expect(try rows[0].decode("i", as: Int32?.self) == .max)
            #expect(throws: DatabaseError.self) { try rows[1].decode("i", as: Int32.self) }
            #expect(throws: DatabaseError.self) { try rows[1].decode("i", as: Int32?.self) }
        }
    }

    @Test("reading a column as another type, or one that is not there, is a decoding error that names it", arguments: Engine.allCases)
    func decodingErrors(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let row = try await opened.database.query("SELECT 'secret' AS a, NULL AS b, 1 AS c, 2 AS c")[0]
            let attempts: [(String, () throws -> Void)] = [
                ("column \"a\" holds text, which is no Int", { _ = try row.decode("a", as: Int.self) }),
                ("column \"a\" holds text, which is no Identifier", { _ = try row.decode("a", as: Identifier.self) }),
                ("column \"a\" holds text, which is no Array<UInt8>", { _ = try row.decode("a", as: [UInt8].self) }),
                ("column \"b\" holds NULL, which is no String", { _ = try row.decode("b", as: String.self) }),
                ("the result has more than one column \"c\"", { _ = try row.decode("c", as: Int.self) }),
                ("the result has no column \"d\"; it has: a, b, c, c", { _ = try row.decode("d", as: Int.self) }),
                ("the result has 4 columns, so none at index 4", { _ = try row.decode(4, as: Int.self) }),
                ("the result has 4 columns, so none at index -1", { _ = try row.decode(-1, as: Int.self) }),
            ]
            for (message, attempt) in attempts {
                let error = #expect(throws: DatabaseError.self, performing: attempt)
                #expect(error == DatabaseError(.decoding, message))
            }
            #expect(try row.decode(3, as: Int.self) == 2)
            #expect(row.columnNames == ["a", "b", "c", "c"])
        }
    }

    @Test("a list finds its members, and an empty list finds nothing", arguments: Engine.allCases)
    func lists(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            try await opened.database.execute(Self.table)
            try await opened.database.execute("INSERT INTO t (i) VALUES (1), (2), (3)")
            #expect(try await opened.database.query("SELECT i FROM t WHERE i IN \(list: [1, 3, 5])").count == 2)
            #expect(try await opened.database.query("SELECT i FROM t WHERE i IN \(list: [Int]())").isEmpty)
        }
    }
}
