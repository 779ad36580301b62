/// Cuts a stream into lines, in whatever pieces it comes: a state machine without I/O. Empty lines are passed over.
struct LineSplitter {
    /// nil bytes: the line was longer than 64 KiB, and its bytes were not kept.
    struct Line: Hashable {
        /// From 1.
        let number: Int
        let bytes: [UInt8]?
    }

    /// Bytes; as long as a CSV record may be.
    static let longestLine = CSVParser.longestRecord

    private var bytes: [UInt8] = []
    private var isTooLong = false
    private var number = 1

    /// - Returns: the lines that these bytes complete.
    mutating func consume(_ input: some Sequence<UInt8>) -> [Line] {
        var lines: [Line] = []
        for byte in input {
            if byte == 0x0A {
                endLine(&lines)
                number += 1
            } else if bytes.count < Self.longestLine {
                bytes.append(byte)
            } else {
                isTooLong = true
            }
        }
        return lines
    }

    /// The stream has ended.
    mutating func finish() -> [Line] {
        var lines: [Line] = []
        endLine(&lines)
        return lines
    }

    private mutating func endLine(_ lines: inout [Line]) {
        if bytes.last == 0x0D { bytes.removeLast() }
        if isTooLong {
            lines.append(Line(number: number, bytes: nil))
        } else if !bytes.isEmpty {
            lines.append(Line(number: number, bytes: bytes))
        }
        bytes.removeAll(keepingCapacity: true)
        isTooLong = false
    }
}
