internal import Basics
internal import HTTPPath
internal import InventoryAPI
internal import NIOCore

/// An import as people read it.
enum ImportView {
    /// `[███████░░░░░░░] 48 %  24,012 rows  3.1 MB/s`; without a known size, the bar is left out.
    static func progress(_ count: FileBody.Progress.Count, of size: Int64?, after elapsed: Duration, style: Style) -> String {
        let speed = elapsed.inSeconds > 0.05 ? bytesForPeople(Int64(Double(count.bytes) / elapsed.inSeconds)) + "/s" : ""
        let rows = "\(grouped(max(0, count.lines - 1))) rows"
        guard let size, size > 0 else { return "\(rows)  \(bytesForPeople(count.bytes))  \(speed)" }
        let width: Int64 = 30
        let filled = Int(min(width, count.bytes * width / size))
        let bar = style.paint(String(repeating: "█", count: filled), .good) + String(repeating: "░", count: Int(width) - filled)
        // The file has been sent, but the last rows are still being written.
        let percent = count.bytes >= size ? "all sent" : "\(count.bytes * 100 / size) %"
        return "\(bar) \(percent)  \(rows)  \(speed)"
    }

    static func problems(_ report: ImportReport, file: String) -> [String] {
        var lines = report.errors.map { error in
            "\(file):\(error.line): \(error.column.map { safe($0) + ": " } ?? "")\(safe(error.reason))"
        }
        let untold = report.rejected - Set(report.errors.map(\.line)).count
        if untold > 0, report.errors.count >= ImportReport.mostErrors { lines.append("… and \(grouped(Int64(untold))) more bad rows") }
        return lines
    }

    static func summary(_ report: ImportReport, file: String, after elapsed: Duration, style: Style) -> String {
        let rows = report.created + report.updated + report.unchanged + report.rejected
        let verb = report.dryRun ? "checked" : "imported"
        let bad = report.rejected == 0 ? "none bad" : style.paint("\(grouped(Int64(report.rejected))) bad", .bad)
        let would = report.dryRun ? "would be " : ""
        return "\(verb) \(file): \(grouped(Int64(rows))) rows in \(elapsed.forPeople): \(would)\(grouped(Int64(report.created))) created, "
            + "\(grouped(Int64(report.updated))) updated, \(grouped(Int64(report.unchanged))) unchanged, \(bad)"
    }

    static func members(_ report: ImportReport) -> [JSON.Member] {
        (try? JSON.parse(JSONWriter.bytes(report).readableBytesView))?.members ?? []
    }

    /// `50,000`.
    static func grouped(_ number: Int64) -> String {
        let digits = Array(String(number.magnitude))
        let groups = stride(from: digits.count, to: 0, by: -3).map { String(digits[max(0, $0 - 3)..<$0]) }
        return (number < 0 ? "-" : "") + groups.reversed().joined(separator: ",")
    }

    private static func safe(_ text: String) -> String { Array(text.utf8).forTerminal(colours: false) }
}
