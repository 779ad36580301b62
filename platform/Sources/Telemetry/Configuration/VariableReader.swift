internal import Logging

/// Reads variables and keeps what there is to say about them.
struct VariableReader {
    private let variable: (String) -> String?
    private(set) var notes: [TelemetryConfiguration.Note] = []

    init(_ variable: @escaping (String) -> String?) { self.variable = variable }

    mutating func note(_ level: Logger.Level, _ text: String) { notes.append(.init(level: level, text: text)) }

    func text(_ name: String) -> String? {
        guard let value = variable(name)?.trimmed, !value.isEmpty else { return nil }
        return value
    }

    /// The first one that says something; a note where the last one, Datadog's, is set to something else.
    mutating func first(_ named: (String, String?)..., datadog: String) -> String? {
        let theirs = text(datadog)
        guard let (name, value) = named.first(where: { $0.1 != nil }), let value else { return theirs }
        if let theirs, theirs != value { note(.info, "\(name) is used; \(datadog) is set too, and not used") }
        return value
    }

    mutating func first(_ one: (String, String?), _ datadog: String) -> String? { first(one, datadog: datadog) }
    mutating func first(_ one: (String, String?), _ two: (String, String?), _ datadog: String) -> String? { first(one, two, datadog: datadog) }

    mutating func flag(_ name: String) -> Bool? {
        guard let text = text(name) else { return nil }
        switch text.lowercased() {
        case "true", "1": return true
        case "false", "0": return false
        default:
            note(.warning, "\(name) must be true or false, and is passed over")
            return nil
        }
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int>) -> Int? {
        guard let text = text(name) else { return nil }
        if let value = Int(text), range.contains(value) { return value }
        note(.warning, "\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound), and is passed over")
        return nil
    }

    mutating func milliseconds(_ name: String, in range: ClosedRange<Int>) -> Duration? { integer(name, in: range).map { .milliseconds($0) } }

    mutating func number(_ name: String, in range: ClosedRange<Double>) -> Double? {
        guard let text = text(name) else { return nil }
        if let value = Double(text), range.contains(value) { return value }
        note(.warning, "\(name) must be a number from \(range.lowerBound) to \(range.upperBound), and is passed over")
        return nil
    }

    mutating func url(_ name: String) -> String? {
        guard let text = text(name) else { return nil }
        let rest = text.hasPrefix("http://") ? text.dropFirst(7) : text.hasPrefix("https://") ? text.dropFirst(8) : ""
        if let first = rest.first, first != "/", !text.contains(where: \.isWhitespace) { return text }
        note(.warning, "\(name) must be an http or https URL, and is passed over")
        return nil
    }

    /// Whether one of the exporters is asked for: `none` turns a signal off.
    mutating func exporter(_ name: String, _ known: [String]) -> Bool {
        guard let text = text(name) else { return true }
        let asked = text.split(separator: ",").map { String($0).trimmed }
        if asked.contains(where: known.contains) { return true }
        // Prometheus is served anyway.
        for other in asked where other != "none" && other != "prometheus" { note(.warning, "\(name)=\(other.prefix(60)) is not known here: otlp is") }
        return false
    }

    /// Names and values, such as `a=b,c=d`. What has no name is passed over.
    func pairs(_ name: String, separators: String, between: Character) -> [String: String] {
        guard let text = text(name) else { return [:] }
        var pairs: [String: String] = [:]
        for part in text.split(whereSeparator: { separators.contains($0) }).prefix(128) {
            guard let at = part.firstIndex(of: between) else { continue }
            let key = String(part[..<at]).trimmed
            if !key.isEmpty { pairs[key] = LogFields.bounded(String(part[part.index(after: at)...]).trimmed, 1024) }
        }
        return pairs
    }
}

extension String {
    var trimmed: String {
        var text = self[...]
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }

    /// `%2C` is a comma; what is no valid escape stays as it is.
    var percentDecoded: String {
        guard utf8.contains(UInt8(ascii: "%")) else { return self }
        var bytes: [UInt8] = []
        var rest = Array(utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
