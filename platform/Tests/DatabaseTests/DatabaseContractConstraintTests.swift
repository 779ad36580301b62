import Basics
import Database
import Testing

@Suite struct DatabaseContractConstraintTests {
    private static let schema = """
        CREATE TABLE products (
            sku TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            price BIGINT CONSTRAINT price_not_negative CHECK (price >= 0),
            UNIQUE (name, price)
        );
        CREATE TABLE stock (sku TEXT NOT NULL REFERENCES products (sku), quantity BIGINT NOT NULL);
        INSERT INTO products VALUES ('A', 'first', 1);
        """

    private struct Case: Sendable, CustomTestStringConvertible {
        var statement: SQL
        var code: DatabaseError.Code
        /// What the constraint's name says on each engine.
        var sqlite: String?
        var postgres: String?
        var testDescription: String { "\(code) \(sqlite ?? "")" }
        func names(_ engine: Engine) -> String? { engine == .sqlite ? sqlite : postgres }
    }

    private static let cases = [
        Case(
            statement: "INSERT INTO products VALUES (\("A"), \("secret"), \(2))", code: .uniqueViolation, sqlite: "products.sku",
            postgres: "products_pkey"),
        Case(
            statement: "INSERT INTO products VALUES (\("secret"), \("first"), \(1))", code: .uniqueViolation, sqlite: "products.name, products.price",
            postgres: "products_name_price_key"),
        Case(
            statement: "INSERT INTO products VALUES (\("secret"), NULL, \(1))", code: .notNullViolation, sqlite: "products.name",
            postgres: "products.name"),
        Case(
            statement: "INSERT INTO products VALUES (\("secret"), \("secret"), \(-1))", code: .checkViolation, sqlite: "price_not_negative",
            postgres: "price_not_negative"),
        Case(statement: "INSERT INTO stock VALUES (\("secret"), \(1))", code: .foreignKeyViolation),
        Case(statement: "DELETE FROM products WHERE sku = 'A' OR sku = \("secret")", code: .foreignKeyViolation),
        Case(statement: "SELECT \("secret") FROM", code: .statement),
        Case(statement: "SELECT nothing, \("secret") FROM products", code: .statement),
        Case(statement: "SELECT \("secret"); SELECT 1", code: .statement),
        Case(statement: "", code: .statement),
    ]

    @Test("a refused row is a typed error that names the constraint and leaks no value", arguments: Engine.allCases)
    func violations(engine: Engine) async throws {
        try await engine.withDatabase { opened in
            let database = opened.database
            try await database.executeScript(Self.schema)
            try await database.execute("INSERT INTO stock VALUES ('A', 1)")
            for refused in Self.cases {
                let alone = await #expect(throws: DatabaseError.self, "\(refused)") { try await database.execute(refused.statement) }
                let inside = await #expect(throws: DatabaseError.self, "\(refused)") {
                    try await database.withTransaction { try await $0.query(refused.statement) }
                }
                for error in [alone, inside] {
                    #expect(error?.code == refused.code)
                    #expect(error?.isTransient == false)
                    #expect(error.map { "\($0) \(String(reflecting: $0))" }?.contains("secret") == false)
                    if let names = refused.names(engine) { #expect(error?.constraint == names, "\(refused)") }
                }
            }
            #expect(try await database.count("products") == 1)
            #expect(try await database.count("stock") == 1)
        }
    }
}
