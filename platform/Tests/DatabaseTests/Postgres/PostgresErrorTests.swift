import Basics
import Testing

@testable import Database

@Suite(.timeLimit(.minutes(5))) struct PostgresErrorTests {
    @Test(
        "each class of SQLSTATE is a code, and what the server says about values is not passed on",
        arguments: [
            ("23505", .uniqueViolation), ("23P01", .uniqueViolation), ("23503", .foreignKeyViolation), ("23001", .foreignKeyViolation),
            ("23514", .checkViolation), ("23502", .notNullViolation), ("40001", .serializationFailure), ("40P01", .deadlock), ("55P03", .busy),
            ("57014", .timeout), ("57P03", .unavailable), ("53300", .unavailable), ("53200", .unavailable), ("53100", .diskFull),
            ("58030", .unavailable), ("25006", .readOnly), ("XX001", .corrupt), ("XX000", .corrupt), ("22P02", .statement), ("22003", .statement),
            ("22012", .statement), ("22021", .statement), ("54000", .statement), ("28000", .statement), ("2BP01", .statement), ("P0002", .statement),
            ("25P02", .statement), ("08000", .statement), ("?????", .statement),
        ] as [(String, DatabaseError.Code)])
    func states(state: String, code: DatabaseError.Code) {
        let error = DatabaseError(sqlState: state, message: "secret", constraint: "c", table: "t", column: "n")
        #expect(error.code == code)
        #expect(error.sqlState == state)
        #expect(!"\(error) \(String(reflecting: error))".contains("secret"))
    }

    @Test("what the server says about the statement's own text is passed on", arguments: ["42601", "42703", "42P01", "0A000", "26000"])
    func texts(state: String) {
        #expect(DatabaseError(sqlState: state, message: "the words").message == "the words")
    }

    @Test("a violation names its constraint; NOT NULL its column; a trigger's exception its own text")
    func names() {
        #expect(DatabaseError(sqlState: "23505", message: "", constraint: "t_pkey").constraint == "t_pkey")
        #expect(DatabaseError(sqlState: "23502", message: "", table: "t", column: "n").constraint == "t.n")
        #expect(DatabaseError(sqlState: "P0001", message: "no").constraint == "no")
    }

    @Test("a statement that was stopped tells why the caller wanted it")
    func stopped() {
        #expect(DatabaseError(sqlState: "57014", message: "", interrupt: .cancelled).code == .cancelled)
        #expect(DatabaseError(sqlState: "57014", message: "", interrupt: .timeout).code == .timeout)
    }

    @Test(
        "no error of a real server holds a value",
        arguments: [
            ("SELECT \("secret")::text::uuid", "22P02"), ("SELECT \("secret")::text::bigint", "22P02"), ("SELECT \("{secret")::text::jsonb", "22P02"),
            ("SELECT 5550123 / \(0)", "22012"), ("SELECT \(5_550_123_555_0123)::int", "22003"), ("SELECT \("secret\u{0}")", "22021"),
            ("SELECT chr(\(0)::int) || \("secret")", "54000"), ("SELECT substring(\("secret") FROM 1 FOR \(-1)::int)", "22011"),
            ("SELECT to_timestamp(\("secret"), 'YYYY')", "22007"), ("SELECT \(array: ["secret"])::uuid[]", "22P02"),
            ("SELECT encode(\([0x55] as [UInt8]), \("secret"))", "22023"), ("SELECT \("(secret")::text ~ \("(secret")", "2201B"),
            ("INSERT INTO t VALUES (\("secret"), \(1))", "23505"), ("INSERT INTO t VALUES (\("secret5550123"), \(1))", "23514"),
            ("UPDATE t SET n = \(5_550_123)", "23514"), ("INSERT INTO t VALUES (repeat(\("secret"), 1000), \(1))", "22001"),
        ] as [(SQL, String)])
    func real(statement: SQL, state: String) async throws {
        try await Store.withPostgres(connections: 1) { database, _ in
            try await database.executeScript(
                """
                CREATE TABLE t (s varchar(1000) PRIMARY KEY CHECK (s NOT LIKE '%5550123'), n bigint CHECK (n < 100));
                INSERT INTO t VALUES ('secret', 1);
                """)
            let alone = await #expect(throws: DatabaseError.self) { try await database.query(statement) }
            let inside = await #expect(throws: DatabaseError.self) { try await database.withTransaction { try await $0.query(statement) } }
            for error in [alone, inside] {
                #expect(error?.sqlState == state)
                let text = error.map { "\($0) \(String(reflecting: $0))" } ?? ""
                #expect(!text.contains("secret") && !text.contains("5550123"))
            }
        }
    }

    @Test("the database goes on after each kind of error, with the same connection")
    func goingOn() async throws {
        try await Store.withPostgres(connections: 1) { database, _ in
            let process = try await database.process()
            for statement in ["SELECT 1 / 0", "SELECT nothing", "SELEC", "SELECT 1; SELECT 2", "SELECT $1", "SELECT 'x"] as [SQL] {
                try await expect(.statement) { try await database.query(statement) }
                #expect(try await database.process() == process)
            }
        }
    }
}
