import Basics
import Testing

@testable import Database

@Suite struct SQLTests {
    private let id = Identifier(high: 0x0192_0000_0000_7000, low: 0x8000_0000_0000_0001)

    @Test("interpolated values become parameters, written as each dialect writes them")
    func parameters() {
        let statement: SQL = "SELECT * FROM t WHERE a = \(1) AND b = \("x' OR 1=1 --") AND c = \(id)"
        let values: [SQLValue] = [.integer(1), .text("x' OR 1=1 --"), .identifier(id)]
        #expect(statement.rendered(for: .sqlite) == RenderedSQL(text: "SELECT * FROM t WHERE a = ? AND b = ? AND c = ?", values: values))
        #expect(statement.rendered(for: .postgres) == RenderedSQL(text: "SELECT * FROM t WHERE a = $1 AND b = $2 AND c = $3", values: values))
    }

    @Test("a nested fragment brings its parameters along, in order")
    func nesting() {
        let condition: SQL = "b = \(2)"
        let statement: SQL = "SELECT \(1) WHERE \(condition) LIMIT \(3)"
        #expect(
            statement.rendered(for: .postgres)
                == RenderedSQL(text: "SELECT $1 WHERE b = $2 LIMIT $3", values: [.integer(1), .integer(2), .integer(3)]))
    }

    @Test("a list gives one parameter per element, and an empty one matches nothing")
    func lists() {
        let some: SQL = "a IN \(list: ["x", "y"])"
        #expect(some.rendered(for: .sqlite) == RenderedSQL(text: "a IN (?, ?)", values: [.text("x"), .text("y")]))
        let none: SQL = "a IN \(list: [Int]())"
        #expect(none.rendered(for: .sqlite) == RenderedSQL(text: "a IN (NULL)", values: []))
    }

    @Test("raw text is spliced as it stands, without a parameter")
    func raw() {
        let statement: SQL = "SELECT 1 ORDER BY \(raw: "name DESC")"
        #expect(statement.rendered(for: .sqlite) == RenderedSQL(text: "SELECT 1 ORDER BY name DESC", values: []))
    }

    @Test("only the asked dialect's half of a statement is rendered, with its parameters only")
    func dialects() {
        let statement: SQL = "SELECT \(1) \(SQL(sqlite: "FROM a WHERE x = \(2)", postgres: "FROM b")) LIMIT \(3)"
        #expect(
            statement.rendered(for: .sqlite)
                == RenderedSQL(text: "SELECT ? FROM a WHERE x = ? LIMIT ?", values: [.integer(1), .integer(2), .integer(3)]))
        #expect(statement.rendered(for: .postgres) == RenderedSQL(text: "SELECT $1 FROM b LIMIT $2", values: [.integer(1), .integer(3)]))
    }

    @Test("a statement printed shows its text and never a value")
    func description() {
        let statement: SQL = "SELECT \("secret")"
        #expect("\(statement)" == "SELECT ?")
        #expect(String(reflecting: statement) == "SELECT ?")
    }

    @Test("fragments are joined with a separator between them only")
    func joining() {
        let parts: [SQL] = ["a = \(1)", "b = \(2)", "c"]
        #expect(parts.joined(separator: " AND ").rendered(for: .postgres).text == "a = $1 AND b = $2 AND c")
        #expect([SQL]().joined(separator: ", ").rendered(for: .postgres).text == "")
    }

    @Test("nil becomes NULL, and every other type keeps its meaning")
    func values() {
        let statement: SQL = "\(nil as String?)\(true)\(Int32.min)\(1.5)\([1, 2] as [UInt8])\(Timestamp(microseconds: 7))\(Optional(id))"
        #expect(
            statement.rendered(for: .sqlite).values == [
                .null, .bool(true), .integer(Int64(Int32.min)), .double(1.5), .blob([1, 2]), .timestamp(Timestamp(microseconds: 7)), .identifier(id),
            ])
    }

    @Test(
        "a statement goes to a reader only if its first word may begin a query",
        arguments: [
            ("SELECT 1", true), ("  \n\tselect 1", true), ("(SELECT 1)", true), ("WITH x AS (SELECT 1) INSERT", true), ("values (1)", true),
            ("SELECTED", false), ("INSERT INTO t", false), ("", false), ("update t", false), ("-- SELECT\nDELETE", false),
        ])
    func routing(text: String, mayBeRead: Bool) {
        #expect(RenderedSQL(text: text).mayBeRead == mayBeRead)
    }
}
