internal import Basics

/// How far an import is, as people read it.
enum ImportView {
    /// `██████████████░░░░░░░░░░░░░░░░ 48 %  24,012 rows  3.1 MB/s`; without a known size, the bar is left out.
    static func progress(_ count: FileBody.Progress.Count, of size: Int64?, after elapsed: Duration, style: Style) -> String {
        let speed = elapsed.inSeconds > 0.05 ? bytesForPeople(Int64(Double(count.bytes) / elapsed.inSeconds)) + "/s" : ""
        let rows = "\(grouped(Int(max(0, count.lines - 1)))) rows"
        guard let size, size > 0 else { return "\(rows)  \(bytesForPeople(count.bytes))  \(speed)" }
        // The file has been sent, but the last rows are still being written.
        let percent = count.bytes >= size ? "all sent" : "\(count.bytes * 100 / size) %"
        return "\(bar(count.bytes, of: size, style: style)) \(percent)  \(rows)  \(speed)"
    }

    static func priceProgress(_ done: Int, of count: Int, after elapsed: Duration, style: Style) -> String {
        let speed = elapsed.inSeconds > 0.05 ? "\(grouped(Int(Double(done) / elapsed.inSeconds)))/s" : ""
        return "\(bar(Int64(done), of: Int64(max(1, count)), style: style)) \(done * 100 / max(1, count)) %  \(grouped(done)) prices  \(speed)"
    }

    /// `50,000`.
    static func grouped(_ number: Int) -> String {
        let digits = Array(String(number.magnitude))
        let groups = stride(from: digits.count, to: 0, by: -3).map { String(digits[max(0, $0 - 3)..<$0]) }
        return (number < 0 ? "-" : "") + groups.reversed().joined(separator: ",")
    }

    private static func bar(_ done: Int64, of whole: Int64, style: Style) -> String {
        let width: Int64 = 30
        let filled = Int(min(width, done * width / whole))
        return style.paint(String(repeating: "█", count: filled), .good) + String(repeating: "░", count: Int(width) - filled)
    }
}
