internal import Basics

extension Duration {
    /// For people: `0.21 s`, `45 s`, `3 min 12 s`, `2 h 5 min`, `4 d 1 h`.
    var forPeople: String {
        let milliseconds = max(0, self.milliseconds)
        let seconds = milliseconds / 1000
        switch seconds {
        case ..<10: return milliseconds % 1000 == 0 ? "\(seconds) s" : "\(fixed(milliseconds / 10, decimals: 2)) s"
        case ..<60: return "\(seconds) s"
        case ..<3600: return "\(seconds / 60) min \(seconds % 60) s"
        case ..<86_400: return "\(seconds / 3600) h \(seconds / 60 % 60) min"
        default: return "\(seconds / 86_400) d \(seconds / 3600 % 24) h"
        }
    }
}

/// `value` divided by ten to the `decimals`: `fixed(1234, decimals: 2)` is `12.34`.
func fixed(_ value: Int64, decimals: Int) -> String {
    var digits = String(value.magnitude)
    digits = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    return (value < 0 ? "-" : "") + digits.dropLast(decimals) + (decimals > 0 ? "." + digits.suffix(decimals) : "")
}

/// `512 B`, `24.1 MB`: powers of 1000, as disks and `ls` count for people.
func bytesForPeople(_ bytes: Int64) -> String {
    guard bytes >= 1000 else { return "\(bytes) B" }
    var unit: Int64 = 1000
    for name in ["kB", "MB", "GB"] {
        if bytes < unit * 1000 { return "\(fixed(bytes / (unit / 10), decimals: 1)) \(name)" }
        unit *= 1000
    }
    return "\(fixed(bytes / (unit / 10), decimals: 1)) TB"
}

/// Columns padded to their widest cell, two spaces between; the last one is not padded. Cells are ASCII or one column a character.
struct Table: Sendable {
    var header: [String]
    var rows: [[String]] = []
    /// Columns whose cells stand at the right: numbers.
    var rightAligned: Set<Int> = []

    /// One string a line, the header first. `paint` may colour a cell after it was padded, so that widths stay right.
    func lines(paint: (_ row: Int?, _ column: Int, _ cell: String) -> String = { $2 }) -> [String] {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return all.enumerated().map { index, cells in
            cells.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                let padded = rightAligned.contains(column) ? padding + cell : column == cells.count - 1 ? cell : cell + padding
                return paint(index == 0 ? nil : index - 1, column, padded)
            }.joined(separator: "  ")
        }
    }
}
