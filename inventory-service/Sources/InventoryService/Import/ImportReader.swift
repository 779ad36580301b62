import HTTPPath
import InventoryAPI

/// Turns the bytes of an import into rows, in whatever pieces they come, without I/O.
struct ImportReader {
    enum Format: Hashable {
        case csv, ndjson
    }

    private enum Input {
        case csv(CSVParser, header: [Column]?)
        case ndjson(LineSplitter)
    }

    /// The columns of a CSV file.
    enum Column: String, CaseIterable {
        case sku, name, description, category, attributes, stock, currency
        case reorderPoint = "reorder_point"
        case priceMinor = "price_minor"

        static let required: [Column] = [.sku, .name, .category]
    }

    /// For errors.
    static var columnList: String {
        let optional: [Column] = [.description, .attributes, .reorderPoint, .stock, .priceMinor, .currency]
        return Column.required.map(\.rawValue).joined(separator: ", ") + ", and as you like "
            + optional.map(\.rawValue).joined(separator: ", ")
    }

    private var input: Input

    init(_ format: Format) {
        switch format {
        case .csv: input = .csv(CSVParser(), header: nil)
        case .ndjson: input = .ndjson(LineSplitter())
        }
    }

    /// - Throws: `Refusal` where the first line of a CSV file does not name the columns.
    mutating func consume(_ bytes: some Sequence<UInt8>) throws(Refusal) -> [ImportItem] {
        switch input {
        case .csv(var parser, let header):
            // The parser's buffers are not to be copied for the second reference that `input` would be.
            input = .ndjson(LineSplitter())
            let records = parser.consume(bytes)
            return try read(records, parser, header)
        case .ndjson(var splitter):
            input = .ndjson(LineSplitter())
            let lines = splitter.consume(bytes)
            input = .ndjson(splitter)
            return lines.map(Self.read)
        }
    }

    /// The file has ended.
    mutating func finish() throws(Refusal) -> [ImportItem] {
        switch input {
        case .csv(var parser, let header):
            let records = parser.finish()
            let items = try read(records, parser, header)
            if case .csv(_, nil) = input { throw .invalidColumns(missing: Column.required.map(\.rawValue), unknown: [], repeated: []) }
            return items
        case .ndjson(var splitter):
            return splitter.finish().map(Self.read)
        }
    }

    private mutating func read(_ records: [CSVParser.Record], _ parser: CSVParser, _ header: [Column]?) throws(Refusal) -> [ImportItem] {
        var header = header
        var items: [ImportItem] = []
        items.reserveCapacity(records.count)
        for record in records {
            if let header {
                items.append(Self.read(record, header))
            } else {
                header = try Self.header(record)
            }
        }
        input = .csv(parser, header: header)
        return items
    }

    // MARK: CSV

    private static func header(_ record: CSVParser.Record) throws(Refusal) -> [Column] {
        guard case .success(let names) = record.content else { throw .unreadableHeader }
        let columns = names.compactMap(Column.init)
        let unknown = names.filter { Column(rawValue: $0) == nil }.map { String($0.prefix(100)) }
        let missing = Column.required.filter { !columns.contains($0) }.map(\.rawValue)
        let repeated = Column.allCases.filter { column in columns.count { $0 == column } > 1 }.map(\.rawValue)
        guard unknown.isEmpty && missing.isEmpty && repeated.isEmpty else {
            throw .invalidColumns(missing: missing, unknown: unknown, repeated: repeated)
        }
        return columns
    }

    private static func read(_ record: CSVParser.Record, _ header: [Column]) -> ImportItem {
        let cells: [String]
        switch record.content {
        case .success(let fields): cells = fields
        case .failure(let fault): return .rejected([ImportError(line: record.line, column: nil, reason: fault.rawValue)])
        }
        guard cells.count == header.count else {
            let reason = "has \(cells.count) fields, and the first line names \(header.count) columns"
            return .rejected([ImportError(line: record.line, column: nil, reason: reason)])
        }
        let members = zip(header, cells).compactMap { column, cell in value(column, cell).map { JSON.Member(field(column), $0) } }
        return ImportRow.read(.object(members), line: record.line, columns: Self.columns)
    }

    /// A cell as JSON; nil where it says nothing. What cannot be understood stays text, and the row's reading says what was expected.
    private static func value(_ column: Column, _ cell: String) -> JSON? {
        switch column {
        case .sku, .name, .description, .category: .string(cell)
        case .reorderPoint: cell.isEmpty ? .integer(0) : number(cell)
        case .stock: cell.isEmpty ? nil : number(cell)
        case .attributes: cell.isEmpty ? .object([]) : (try? JSON.parse(Array(cell.utf8), maxDepth: 1)) ?? .string(cell)
        case .priceMinor, .currency: nil
        }
    }

    private static func number(_ cell: String) -> JSON { Int64(cell).map { .integer($0) } ?? .string(cell) }

    private static func field(_ column: Column) -> String { column == .reorderPoint ? "reorderPoint" : column.rawValue }

    private static let columns = ["reorderPoint": Column.reorderPoint.rawValue]

    // MARK: NDJSON

    private static func read(_ line: LineSplitter.Line) -> ImportItem {
        guard let bytes = line.bytes else {
            return .rejected([ImportError(line: line.number, column: nil, reason: CSVParser.Fault.tooLong.rawValue)])
        }
        do throws(JSONSyntaxError) {
            return ImportRow.read(try JSON.parse(bytes, maxDepth: 8), line: line.number)
        } catch {
            return .rejected([ImportError(line: line.number, column: nil, reason: "is not valid JSON: \(error.description)")])
        }
    }
}
