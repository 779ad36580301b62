import HTTPPath
import InventoryAPI
import Testing

@testable import InventoryService

@Suite("Rows of an import")
struct ImportReaderTests {
    static func read(_ format: ImportReader.Format, _ text: String) throws -> [ImportItem] {
        var reader = ImportReader(format)
        return try reader.consume(text.utf8) + reader.finish()
    }

    /// `line column: reason`.
    static func faults(_ items: [ImportItem]) -> [String] {
        items.flatMap { item in
            if case .rejected(let errors) = item { errors.map { "\($0.line) \($0.column ?? "-"): \($0.reason)" } } else { [String]() }
        }
    }

    static func rows(_ items: [ImportItem]) -> [ImportRow] { items.compactMap { if case .row(let row) = $0 { row } else { nil } } }

    @Test("columns may come in any order, and prices are passed over")
    func columns() throws {
        let items = try Self.read(.csv, "currency,stock,name,sku,price_minor,category\nUSD,5,Pen,PEN-1,150,desk\n")
        let row = try #require(Self.rows(items).first)
        #expect(row.sku == "PEN-1" && row.name == "Pen" && row.category == "desk" && row.stock == 5 && row.line == 2)
        #expect(row.description == nil && row.attributes == nil && row.reorderPoint == nil, "what has no column says nothing")
    }

    @Test("an empty cell empties what its column is about, and says nothing of the stock")
    func emptyCells() throws {
        let items = try Self.read(.csv, "sku,name,category,description,attributes,reorder_point,stock\nPEN-1,Pen,desk,,,,\n")
        let row = try #require(Self.rows(items).first)
        #expect(row.description == "" && row.attributes == [:] && row.reorderPoint == 0 && row.stock == nil)
    }

    @Test("attributes are a JSON object of strings in a cell")
    func attributes() throws {
        let items = try Self.read(.csv, "sku,name,category,attributes\nPEN-1,Pen,desk,\"{\"\"color\"\": \"\"blue\"\"}\"\nPEN-2,Pen,desk,blue\n")
        #expect(Self.rows(items).map(\.attributes) == [["color": "blue"]])
        #expect(Self.faults(items) == ["3 attributes: must be an object, not a string"])
    }

    @Test("each fault of a row is named with its column")
    func faults() throws {
        let items = try Self.read(
            .csv, "sku,name,category,reorder_point,stock\npen,,Desk,-1,many\nPEN-2,Pen,desk,1,1,1\nPEN-3,\"Pen\"s,desk,1,1\nPEN-4,Pen,desk,1,1\n")
        #expect(Self.rows(items).map(\.sku) == ["PEN-4"])
        let faults = Self.faults(items)
        #expect(Set(faults.prefix(5).map { $0.split(separator: ":")[0] }) == ["2 sku", "2 name", "2 category", "2 reorder_point", "2 stock"])
        #expect(
            faults.dropFirst(5).map { String($0) } == [
                "3 -: has 6 fields, and the first line names 5 columns", "4 -: has text after the closing quote of a field",
            ])
    }

    @Test(
        "a first line that does not name the columns is refused, with the columns",
        arguments: [
            ("sku,name\n", ["category"]), ("sku,name,category,colour\n", ["colour"]), ("sku,name,category,sku\n", ["sku"]),
            ("", ["sku", "name", "category"]), ("\n\n", ["sku", "name", "category"]),
            ("SKU,Name,Category", ["sku", "name", "category", "SKU", "Name", "Category"]),
            ("sku,na\"me,category\n", [""]),
        ])
    func header(_ text: String, _ pointers: [String]) throws {
        let refusal = #expect(throws: Refusal.self) { try Self.read(.csv, text) }
        #expect(refusal?.code == .invalidColumns)
        #expect(refusal?.errors.map(\.pointer) == pointers)
    }

    @Test("a line of NDJSON is a product, or rejected with its fields")
    func ndjson() throws {
        let items = try Self.read(
            .ndjson,
            """
            {"sku": "PEN-1", "name": "Pen", "category": "desk", "stock": 3, "priceMinor": 150, "currency": "USD"}
            {"sku": "PEN-2", "name": "Pen", "category": "desk", "color": "blue"}
            ?
            []

            {"sku": "PEN-3", "name": "Pen", "category": "desk", "attributes": {"a": 1}}
            """)
        #expect(Self.rows(items).map(\.sku) == ["PEN-1"])
        #expect(Self.rows(items).first?.stock == 3)
        #expect(
            Self.faults(items) == [
                "2 color: is not a known field", "3 -: is not valid JSON: a value expected, at byte 0", "4 -: must be an object, not an array",
                "6 attributes: must be a string, not an integer",
            ])
    }

    @Test("an import of nothing is an empty NDJSON file")
    func empty() throws {
        #expect(try Self.read(.ndjson, "\n\n").isEmpty)
    }
}
