import Foundation

/// The tables of a Markdown page, as these tests read them.
struct MarkdownTables {
    struct Table {
        var columns: [String]
        /// Cells by column; each row with its line, from 1.
        var rows: [(line: Int, cells: [String: String])]
    }

    let tables: [Table]

    /// - Parameter path: from the root of the repository.
    init(page path: String) throws {
        var root = URL(filePath: #filePath)
        for _ in 0..<5 { root.deleteLastPathComponent() }
        self.init(text: try String(contentsOf: root.appending(path: path), encoding: .utf8))
    }

    init(text: String) {
        var tables: [Table] = []
        var open: Table?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard line.hasPrefix("|") else {
                if let table = open { tables.append(table) }
                open = nil
                continue
            }
            let cells = line.dropFirst().split(separator: "|", omittingEmptySubsequences: false).dropLast().map {
                $0.trimmingCharacters(in: .whitespaces).replacingOccurrences(of: "`", with: "")
            }
            if open == nil {
                open = Table(columns: cells, rows: [])
            } else if !cells.allSatisfy({ $0.allSatisfy { "-: ".contains($0) } && $0.contains("-") }), let columns = open?.columns {
                open?.rows.append((index + 1, Dictionary(zip(columns, cells), uniquingKeysWith: { $1 })))
            }
        }
        if let open { tables.append(open) }
        self.tables = tables
    }

    /// Every table with exactly these columns.
    func with(_ columns: String...) -> [Table] { tables.filter { $0.columns == columns } }
}
