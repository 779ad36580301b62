import Basics
import Testing

@testable import Database

@Suite(.timeLimit(.minutes(5))) struct PostgresTypeTests {
    private func value(_ expression: String) async throws -> SQLValue {
        try await Store.withPostgres(connections: 1) { database, _ in
            try await database.query("SELECT \(raw: expression) AS v")[0].decode("v")
        }
    }

    @Test(
        "a column of each type that PostgreSQL has and Swift can hold is read",
        arguments: [
            ("true", .bool(true)), ("(-32768)::int2", .integer(-32_768)), ("2147483647::int4", .integer(2_147_483_647)),
            ("(-9223372036854775808)::int8", .integer(.min)), ("4294967295::oid", .integer(4_294_967_295)), ("1.5::float4", .double(1.5)),
            ("'-Infinity'::float4", .double(-.infinity)), ("0.1::float8", .double(0.1)), ("'x'::text", .text("x")), ("'x'::varchar(3)", .text("x")),
            ("'x'::char(3)", .text("x  ")), ("'x'::name", .text("x")), ("'x'::\"char\"", .text("x")), ("'x'", .text("x")),
            ("'{\"a\": 1}'::jsonb", .text("{\"a\": 1}")), ("'{\"a\":1}'::json", .text("{\"a\":1}")), ("'\\x00ff'::bytea", .blob([0, 255])),
            ("'00000000-0000-0001-0000-000000000002'::uuid", .identifier(Identifier(high: 1, low: 2))),
            ("'1970-01-01T00:00:00.000001Z'::timestamptz", .timestamp(Timestamp(microseconds: 1))),
            ("'1969-12-31T23:59:59.999999'::timestamp", .timestamp(Timestamp(microseconds: -1))), ("pg_sleep(0)", .null),
        ] as [(String, SQLValue)])
    func types(expression: String, expected: SQLValue) async throws {
        #expect(try await value(expression) == expected)
    }

    @Test(
        "NULL of each type is read as NULL",
        arguments: ["bool", "int2", "int4", "int8", "float4", "float8", "numeric", "text", "jsonb", "bytea", "uuid", "timestamptz"])
    func nulls(type: String) async throws {
        #expect(try await value("NULL::\(type)") == .null)
    }

    @Test(
        "a column of another type is a decoding error that says to cast it",
        arguments: ["'127.0.0.1'::inet", "'1 day'::interval", "'2026-11-24'::date", "ARRAY[1, 2]", "'(1,2)'::point", "ROW(1, 2)"])
    func unknownTypes(expression: String) async throws {
        let error = await #expect(throws: DatabaseError.self) { try await value(expression) }
        #expect(error?.code == .decoding)
        #expect(error?.message.contains("column \"v\"") == true)
        #expect(error?.message.contains("cast it") == true)
        guard case .text = try await value("(\(expression))::text") else {
            Issue.record("cast to text it is no text")
            return
        }
    }

    @Test("a time that has no place on the calendar is a decoding error that names the column", arguments: ["infinity", "-infinity"])
    func infiniteTimes(text: String) async throws {
        let error = await #expect(throws: DatabaseError.self) { try await value("'\(text)'::timestamptz") }
        #expect(error?.code == .decoding)
        #expect(error?.message.contains("column \"v\"") == true)
    }

    @Test("a time that PostgreSQL has no room for is refused before it is sent")
    func earlyTimes() async throws {
        try await Store.withPostgres(connections: 1) { database, _ in
            try await expect(.statement) { try await database.query("SELECT \(Timestamp(microseconds: .min))") }
            #expect(try await database.query("SELECT 7")[0].decode(0, as: Int.self) == 7)
        }
    }

    private static func randomNumeric(_ random: inout SplitMix64) -> String {
        func digits(_ most: Int) -> String {
            (0..<Int.random(in: 0...most, using: &random))
                .map { _ in Bool.random(using: &random) ? "0" : String(Int.random(in: 0...9, using: &random)) }.joined()
        }
        let most = [4, 9, 20, 100].randomElement(using: &random)!
        let (whole, fraction) = (digits(most), digits(most))
        return (Bool.random(using: &random) ? "-" : "") + (whole.isEmpty ? "0" : whole)
            + (fraction.isEmpty || Bool.random(using: &random) ? "" : "." + fraction)
    }

    @Test("a decimal is read as the server itself writes it; one without fraction that fits, as an integer")
    func numerics() async throws {
        var random = SplitMix64(seed: 7)
        var texts = [
            "0", "0.0", "0.000", "1", "-1", "10000", "100000000", "9999", "0.0001", "0.00000001", "123.4500", "9223372036854775807",
            "-9223372036854775808", "9223372036854775808", "-9223372036854775809", "1e30", "1e-30", "1e300", "NaN", "Infinity", "-Infinity",
        ]
        for _ in 0..<1000 { texts.append(Self.randomNumeric(&random)) }
        try await Store.withPostgres(connections: 1) { [texts] database, _ in
            let rows = try await database.query("SELECT n::numeric, n::numeric::text AS t FROM unnest(\(array: texts)::text[]) AS n")
            #expect(rows.count == texts.count)
            for row in rows {
                let text: String = try row.decode("t")
                let expected = Int64(text).map { SQLValue.integer($0) } ?? .text(text)
                #expect(try row.decode("n", as: SQLValue.self) == expected)
            }
            // As wide as there are.
            let widest = try await database.query("SELECT w, w::text AS t FROM (SELECT (1 / 3::numeric(1000, 900)) + 1e5000 AS w) AS n")[0]
            let (w, t): (String, String) = (try widest.decode("w"), try widest.decode("t"))
            #expect(w == t)
        }
    }

    @Test("a sum of integers is an integer")
    func sums() async throws {
        try await Store.withPostgres(connections: 1) { database, _ in
            let sums = try await database.query(
                """
                SELECT (SELECT sum(n::int) FROM generate_series(1, 100) AS n), (SELECT sum(n::bigint) FROM generate_series(1, 100) AS n),
                    (SELECT sum(n) FROM generate_series(1, 0) AS n)
                """)[0]
            #expect(try sums.decode(0, as: Int.self) == 5050)
            #expect(try sums.decode(1, as: Int.self) == 5050)
            #expect(try sums.decode(2, as: Int?.self) == nil)
        }
    }

    @Test("values are sent with their types, so that the server need not guess")
    func parameterTypes() async throws {
        try await Store.withPostgres(connections: 1) { database, _ in
            let row = try await database.query(
                """
                SELECT pg_typeof(\(true))::text, pg_typeof(\(1))::text, pg_typeof(\(1.5))::text, pg_typeof(\("x"))::text,
                    pg_typeof(\([1] as [UInt8]))::text, pg_typeof(\(Timestamp(microseconds: 0)))::text, pg_typeof(\(Identifier(high: 0, low: 0)))::text
                """)[0]
            let names = try (0..<7).map { try row.decode($0, as: String.self) }
            #expect(names == ["boolean", "bigint", "double precision", "text", "bytea", "timestamp with time zone", "uuid"])
        }
    }
}
