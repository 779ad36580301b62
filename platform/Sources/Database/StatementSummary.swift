/// What a statement does, in two words, for the name of its span: `SELECT things`. Read off its first bytes, because it is asked for each
/// statement; where it is not plain, the first word has to do.
struct StatementSummary: Hashable, Sendable {
    /// The ones that a metric may name.
    enum Operation: String, Sendable {
        case select = "SELECT"
        case insert = "INSERT"
        case update = "UPDATE"
        case delete = "DELETE"
        case with = "WITH"
        case script = "SCRIPT"
        case transaction = "TRANSACTION"
        case other = "OTHER"
    }

    let operation: Operation
    let table: String?

    /// `SELECT things`.
    var name: String { table.map { "\(operation.rawValue) \($0)" } ?? operation.rawValue }

    /// The table of a long statement is looked for this far.
    private static let reach = 1024

    init(_ text: String) {
        var text = text
        (operation, table) = text.withUTF8 { bytes in
            var words = Words(bytes: UnsafeBufferPointer(rebasing: bytes.prefix(Self.reach)))
            guard let first = words.next(), let operation = Operation(rawValue: Self.upper(first)) else { return (.other, nil) }
            let marker: StaticString
            switch operation {
            case .insert: marker = "INTO"
            case .select, .delete: marker = "FROM"
            case .update: return (operation, words.next().flatMap(Self.identifier))
            default: return (operation, nil)
            }
            while let word = words.next() {
                if Self.equals(word, marker) { return (operation, words.next().flatMap(Self.identifier)) }
            }
            return (operation, nil)
        }
    }

    /// Runs of what is not white space.
    private struct Words {
        let bytes: UnsafeBufferPointer<UInt8>
        var position = 0

        mutating func next() -> UnsafeBufferPointer<UInt8>? {
            while position < bytes.count, bytes[position] <= 0x20 { position += 1 }
            let start = position
            while position < bytes.count, bytes[position] > 0x20 { position += 1 }
            return start < position ? UnsafeBufferPointer(rebasing: bytes[start..<position]) : nil
        }
    }

    private static func upper(_ word: UnsafeBufferPointer<UInt8>) -> String {
        guard word.count <= 12 else { return "" }
        return String(decoding: word.map { (97...122).contains($0) ? $0 - 32 : $0 }, as: UTF8.self)
    }

    private static func equals(_ word: UnsafeBufferPointer<UInt8>, _ marker: StaticString) -> Bool {
        guard word.count == marker.utf8CodeUnitCount else { return false }
        return word.indices.allSatisfy { word[$0] & 0xDF == marker.utf8Start[$0] }
    }

    /// A plain name, perhaps followed by a list in parentheses or the end of a sub-query; nil for a function or a sub-query.
    private static func identifier(_ word: UnsafeBufferPointer<UInt8>) -> String? {
        let name = word.prefix { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: ".")
        }
        let rest = word.dropFirst(name.count).first
        guard !name.isEmpty, rest == nil || rest == UInt8(ascii: ")") || rest == UInt8(ascii: ",") || rest == UInt8(ascii: ";") else { return nil }
        return String(decoding: name, as: UTF8.self)
    }
}
