/// A JSON value (RFC 8259), as strict as a contract needs: duplicate names refused, integers exact, other numbers kept as written.
public enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// A number that is not a whole one of 64 bits, as it was written.
    case number(String)
    case string(String)
    case array([JSON])
    /// Members in the order in which they were written.
    case object([Member])

    /// One `"name": value` of an object.
    public struct Member: Hashable, Sendable {
        public var name: String
        public var value: JSON

        public init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }
    }

    /// The value of a member; nil where there is none, or this is no object.
    public subscript(name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    public subscript(index: Int) -> JSON? {
        guard case .array(let items) = self, items.indices.contains(index) else { return nil }
        return items[index]
    }

    public var string: String? { if case .string(let text) = self { text } else { nil } }
    public var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
    public var bool: Bool? { if case .bool(let bool) = self { bool } else { nil } }
    public var array: [JSON]? { if case .array(let items) = self { items } else { nil } }
    public var members: [Member]? { if case .object(let members) = self { members } else { nil } }

    /// What a person would call this kind of value, for error texts.
    public var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// Why a text is not JSON, and the byte at which that showed.
public struct JSONSyntaxError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        case expected(String)
        case duplicateName
        case tooDeep(limit: Int)
        case invalidUTF8
        case invalidEscape
        case controlCharacter
        case trailingBytes
    }

    public let reason: Reason
    /// Bytes before the offending one.
    public let offset: Int

    public var description: String {
        let what =
            switch reason {
            case .expected(let what): "\(what) expected"
            case .duplicateName: "a name appears twice in one object"
            case .tooDeep(let limit): "nested deeper than \(limit) levels"
            case .invalidUTF8: "a string is not valid UTF-8"
            case .invalidEscape: "an escape in a string is not valid"
            case .controlCharacter: "a control character in a string must be escaped"
            case .trailingBytes: "nothing may follow the value"
            }
        return "\(what), at byte \(offset)"
    }
}

extension JSON {
    /// Parses one whole text.
    /// - Parameters:
    ///   - bytes: UTF-8; its length is bounded by whoever read it.
    ///   - maxDepth: how deep arrays and objects may nest. Recursion is bounded by it, so no text can exhaust the stack.
    public static func parse(_ bytes: some Collection<UInt8>, maxDepth: Int = 32) throws(JSONSyntaxError) -> JSON {
        let result: Result<JSON, JSONSyntaxError>? = bytes.withContiguousStorageIfAvailable { parse($0, maxDepth: maxDepth) }
        return try (result ?? Array(bytes).withUnsafeBufferPointer { parse($0, maxDepth: maxDepth) }).get()
    }

    private static func parse(_ bytes: UnsafeBufferPointer<UInt8>, maxDepth: Int) -> Result<JSON, JSONSyntaxError> {
        var parser = JSONParser(bytes: bytes, maxDepth: maxDepth)
        do throws(JSONSyntaxError) { return .success(try parser.document()) } catch { return .failure(error) }
    }
}

private struct JSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    let maxDepth: Int
    var position = 0

    init(bytes: UnsafeBufferPointer<UInt8>, maxDepth: Int) {
        self.bytes = bytes
        self.maxDepth = maxDepth
    }

    func fail(_ reason: JSONSyntaxError.Reason) -> JSONSyntaxError { JSONSyntaxError(reason: reason, offset: position) }

    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    mutating func document() throws(JSONSyntaxError) -> JSON {
        skipSpace()
        let value = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw fail(.trailingBytes) }
        return value
    }

    mutating func value(depth: Int) throws(JSONSyntaxError) -> JSON {
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case .some(let byte) where byte == UInt8(ascii: "-") || (48...57).contains(byte): return try number()
        default: throw fail(.expected("a value"))
        }
    }

    mutating func word(_ text: StaticString, _ value: JSON) throws(JSONSyntaxError) -> JSON {
        for index in 0..<text.utf8CodeUnitCount where !take(text.utf8Start[index]) { throw fail(.expected("\(text)")) }
        return value
    }

    mutating func object(depth: Int) throws(JSONSyntaxError) -> JSON {
        guard depth <= maxDepth else { throw fail(.tooDeep(limit: maxDepth)) }
        position += 1
        var members: [JSON.Member] = []
        var names: Set<String> = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object([]) }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw fail(.expected("a name in quotes")) }
            let start = position
            let name = try string()
            // A set only pays from a handful of members on; below that, looking through them is cheaper.
            let seen = members.count < 8 ? members.contains { $0.name == name } : !names.insert(name).inserted
            guard !seen else { throw JSONSyntaxError(reason: .duplicateName, offset: start) }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw fail(.expected("a colon")) }
            skipSpace()
            members.append(JSON.Member(name, try value(depth: depth)))
            if members.count == 8 { names = Set(members.map(\.name)) }
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { throw fail(.expected("a comma or the end of the object")) }
            return .object(members)
        }
    }

    mutating func array(depth: Int) throws(JSONSyntaxError) -> JSON {
        guard depth <= maxDepth else { throw fail(.tooDeep(limit: maxDepth)) }
        position += 1
        var items: [JSON] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array([]) }
        while true {
            skipSpace()
            items.append(try value(depth: depth))
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "]")) else { throw fail(.expected("a comma or the end of the array")) }
            return .array(items)
        }
    }

    mutating func digits() throws(JSONSyntaxError) {
        guard let first = next, (48...57).contains(first) else { throw fail(.expected("a digit")) }
        while let byte = next, (48...57).contains(byte) { position += 1 }
    }

    mutating func number() throws(JSONSyntaxError) -> JSON {
        let start = position
        var isWhole = true
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try digits() }
        if take(UInt8(ascii: ".")) {
            isWhole = false
            try digits()
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isWhole = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        if let byte = next, (48...57).contains(byte) { throw fail(.expected("no digit after a leading zero")) }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let integer = Int64(text) { return .integer(integer) }
        return .number(text)
    }

    mutating func string() throws(JSONSyntaxError) -> String {
        position += 1
        let start = position
        // Most strings hold no escape: find the end, then validate the run as it stands.
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { position += 1 }
        if next == UInt8(ascii: "\"") {
            guard let text = String(validating: bytes[start..<position], as: UTF8.self) else { throw fail(.invalidUTF8) }
            position += 1
            return text
        }
        var unescaped = Array(bytes[start..<position])
        while true {
            guard let byte = next else { throw fail(.expected("the end of the string")) }
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: unescaped, as: UTF8.self) else { throw fail(.invalidUTF8) }
                position += 1
                return text
            case UInt8(ascii: "\\"):
                position += 1
                unescaped.append(contentsOf: try escape().utf8)
            case 0..<0x20:
                throw fail(.controlCharacter)
            default:
                unescaped.append(byte)
                position += 1
            }
        }
    }

    mutating func escape() throws(JSONSyntaxError) -> String {
        guard let byte = next else { throw fail(.invalidEscape) }
        position += 1
        switch byte {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let unit = try hex4()
            if (0xD800..<0xDC00).contains(unit) {
                guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else { throw fail(.invalidEscape) }
                let low = try hex4()
                guard (0xDC00..<0xE000).contains(low), let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)) else {
                    throw fail(.invalidEscape)
                }
                return String(scalar)
            }
            guard let scalar = Unicode.Scalar(unit) else { throw fail(.invalidEscape) }
            return String(scalar)
        default:
            throw fail(.invalidEscape)
        }
    }

    mutating func hex4() throws(JSONSyntaxError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            let digit: UInt8
            switch next {
            case .some(let byte) where (48...57).contains(byte): digit = byte - 48
            case .some(let byte) where (65...70).contains(byte): digit = byte - 55
            case .some(let byte) where (97...102).contains(byte): digit = byte - 87
            default: throw fail(.invalidEscape)
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
