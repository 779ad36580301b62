internal import HTTPPath
internal import NIOCore

extension JSON {
    /// Two spaces a level, one member a line; what fits on one line of `width` columns stays together. Safe for a terminal: control
    /// characters are escaped in JSON anyway.
    func pretty(width: Int = 100) -> String { lines(indent: 0, first: "", last: "", width: width).joined(separator: "\n") }

    private func lines(indent: Int, first: String, last: String, width: Int) -> [String] {
        let margin = String(repeating: " ", count: indent)
        let whole = margin + first + compact + last
        if whole.count <= width { return [whole] }
        func body(_ open: String, _ close: String, _ items: [(String, JSON)]) -> [String] {
            let inner = items.enumerated().flatMap { index, item in
                item.1.lines(indent: indent + 2, first: item.0, last: index == items.count - 1 ? "" : ",", width: width)
            }
            return [margin + first + open] + inner + [margin + close + last]
        }
        switch self {
        case .object(let members) where !members.isEmpty: return body("{", "}", members.map { (JSON.string($0.name).compact + ": ", $0.value) })
        case .array(let items) where !items.isEmpty: return body("[", "]", items.map { ("", $0) })
        default: return [whole]
        }
    }

    /// On one line, with spaces after colons and commas.
    private var compact: String {
        switch self {
        case .object(let members):
            members.isEmpty ? "{}" : "{" + members.map { JSON.string($0.name).compact + ": " + $0.value.compact }.joined(separator: ", ") + "}"
        case .array(let items): "[" + items.map(\.compact).joined(separator: ", ") + "]"
        case .string(let text): Array(String(buffer: JSONWriter.bytes(JSON.string(text))).utf8).forTerminal(colours: false)
        default: String(buffer: JSONWriter.bytes(self))
        }
    }
}
