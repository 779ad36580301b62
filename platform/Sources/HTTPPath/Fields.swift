public import Basics

/// One thing wrong with an input.
public struct FieldError: Error, Hashable, Sendable, JSONWritable {
    /// A JSON Pointer (RFC 6901) into the body, or the name of a path, query or header parameter.
    public let pointer: String
    /// What is wrong, for a person. It never repeats the value that was sent.
    public let detail: String

    public init(pointer: String, detail: String) {
        self.pointer = pointer
        self.detail = detail
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("pointer", pointer)
            $0.field("detail", detail)
        }
    }
}

/// A type that can be read from a JSON object.
public protocol JSONReadable {
    /// Reads every field, whatever is wrong with the others: errors are collected in `fields`, and a field in error yields a
    /// placeholder that nobody sees, since the whole reading then fails.
    init(_ fields: Fields)
}

/// Reads the members of one JSON object, and collects *everything* that is wrong with it, each with its pointer:
/// a caller mends its input once and not field by field.
///
/// Lives in one task, for the time of one reading.
public final class Fields {
    private let members: [JSON.Member]
    public let pointer: String
    private let strict: Bool
    private let errors: Errors
    private var known: Set<String> = []

    private final class Errors {
        var list: [FieldError] = []
        /// More than this helps nobody, and bounds the answer.
        static let most = 50
    }

    private init(_ members: [JSON.Member], pointer: String, strict: Bool, errors: Errors) {
        self.members = members
        self.pointer = pointer
        self.strict = strict
        self.errors = errors
    }

    // MARK: reading a document

    /// Reads a whole object.
    /// - Parameter strict: refuse members that nothing asked for. Requests are read strictly, so that a misspelt optional field is
    ///   an error and not silence; answers of other services are not, so that they may grow.
    /// - Throws: `InvalidInput` with every error found.
    public static func read<T>(_ json: JSON, strict: Bool = true, _ body: (Fields) -> T) throws(InvalidInput) -> T {
        let errors = Errors()
        guard case .object(let members) = json else {
            throw InvalidInput(errors: [FieldError(pointer: "", detail: "must be an object, not \(json.kind)")])
        }
        let fields = Fields(members, pointer: "", strict: strict, errors: errors)
        let value = body(fields)
        if strict { fields.refuseUnknown() }
        guard errors.list.isEmpty else { throw InvalidInput(errors: errors.list) }
        return value
    }

    /// Reports an error that spans fields, or that only the caller can see.
    /// - Parameter name: the member; nil for the object itself.
    public func report(_ name: String?, _ detail: String) {
        guard errors.list.count < Errors.most else { return }
        errors.list.append(FieldError(pointer: name.map(path) ?? pointer, detail: detail))
    }

    /// Whether a member of that name was sent with a value other than null.
    public func has(_ name: String) -> Bool { lookup(name) != nil }

    // MARK: scalars

    /// A string of a length counted in Unicode scalars, without control characters other than line breaks and tabs.
    public func string(_ name: String, _ length: ClosedRange<Int> = 1...200) -> String {
        required(name) { stringValue($0, name, length) } ?? ""
    }

    public func optionalString(_ name: String, _ length: ClosedRange<Int> = 1...200) -> String? {
        lookup(name).flatMap { stringValue($0, name, length) }
    }

    public func integer(_ name: String, _ range: ClosedRange<Int64>) -> Int64 {
        required(name) { integerValue($0, name, range) } ?? range.lowerBound
    }

    public func optionalInteger(_ name: String, _ range: ClosedRange<Int64>) -> Int64? {
        lookup(name).flatMap { integerValue($0, name, range) }
    }

    public func bool(_ name: String) -> Bool { required(name) { boolValue($0, name) } ?? false }

    public func optionalBool(_ name: String) -> Bool? { lookup(name).flatMap { boolValue($0, name) } }

    /// A value of a type with a text form, such as an enumeration; `expected` completes "must be …".
    public func parsed<T>(_ name: String, expected: String, _ parse: (String) -> T?) -> T? {
        required(name) { parsedValue($0, name, expected, parse) }
    }

    public func optionalParsed<T>(_ name: String, expected: String, _ parse: (String) -> T?) -> T? {
        lookup(name).flatMap { parsedValue($0, name, expected, parse) }
    }

    public func identifier(_ name: String) -> Identifier {
        parsed(name, expected: "a UUID", Identifier.init) ?? Identifier(high: 0, low: 0)
    }

    public func optionalIdentifier(_ name: String) -> Identifier? { optionalParsed(name, expected: "a UUID", Identifier.init) }

    public func timestamp(_ name: String) -> Timestamp {
        parsed(name, expected: "a time by RFC 3339", { Timestamp($0) }) ?? Timestamp(microseconds: 0)
    }

    public func optionalTimestamp(_ name: String) -> Timestamp? {
        optionalParsed(name, expected: "a time by RFC 3339", { Timestamp($0) })
    }

    /// One of the cases of an enumeration, by its raw value.
    public func choice<T: RawRepresentable & CaseIterable>(_ name: String, _: T.Type = T.self) -> T where T.RawValue == String {
        parsed(name, expected: "one of " + T.allCases.map(\.rawValue).joined(separator: ", "), T.init(rawValue:))
            ?? T.allCases[T.allCases.startIndex]
    }

    public func optionalChoice<T: RawRepresentable & CaseIterable>(_ name: String, _: T.Type = T.self) -> T? where T.RawValue == String {
        optionalParsed(name, expected: "one of " + T.allCases.map(\.rawValue).joined(separator: ", "), T.init(rawValue:))
    }

    // MARK: nested values

    /// A nested object.
    public func object<T>(_ name: String, _ read: (Fields) -> T) -> T? {
        required(name) { nested($0, at: path(name), read) }
    }

    public func optionalObject<T>(_ name: String, _ read: (Fields) -> T) -> T? {
        lookup(name).flatMap { nested($0, at: path(name), read) }
    }

    /// An array of objects.
    public func list<T>(_ name: String, _ count: ClosedRange<Int>, _ read: (Fields) -> T) -> [T] {
        required(name) { items($0, name, count) { nested($0, at: $1, read) } } ?? []
    }

    public func optionalList<T>(_ name: String, _ count: ClosedRange<Int>, _ read: (Fields) -> T) -> [T]? {
        lookup(name).flatMap { items($0, name, count) { nested($0, at: $1, read) } }
    }

    /// An array of strings.
    public func strings(_ name: String, _ count: ClosedRange<Int>, each length: ClosedRange<Int> = 1...200) -> [String] {
        required(name) { items($0, name, count) { stringValue($0, pointer: $1, length) } } ?? []
    }

    public func optionalStrings(_ name: String, _ count: ClosedRange<Int>, each length: ClosedRange<Int> = 1...200) -> [String]? {
        lookup(name).flatMap { items($0, name, count) { stringValue($0, pointer: $1, length) } }
    }

    /// An array of values with a text form, such as identifiers; `expected` completes "must be …". Each error is at its item.
    public func parsedList<T>(_ name: String, _ count: ClosedRange<Int>, expected: String, _ parse: (String) -> T?) -> [T] {
        required(name) { items($0, name, count) { parsedValue($0, pointer: $1, expected, parse) } } ?? []
    }

    public func optionalParsedList<T>(_ name: String, _ count: ClosedRange<Int>, expected: String, _ parse: (String) -> T?) -> [T]? {
        lookup(name).flatMap { items($0, name, count) { parsedValue($0, pointer: $1, expected, parse) } }
    }

    /// An object whose values are all strings, such as free attributes.
    public func optionalDictionary(
        _ name: String, _ count: ClosedRange<Int>, key: ClosedRange<Int> = 1...100, value length: ClosedRange<Int> = 0...500
    ) -> [String: String]? {
        guard let json = lookup(name) else { return nil }
        guard case .object(let members) = json else { return refuse(name, "must be an object, not \(json.kind)") }
        guard count.contains(members.count) else { return refuse(name, "must have \(Self.bounds(count)) members") }
        var result: [String: String] = [:]
        for member in members {
            let pointer = path(name) + "/" + Self.escaped(member.name)
            guard key.contains(member.name.unicodeScalars.count) else {
                add(path(name), "a name in it must have \(Self.bounds(key)) characters")
                continue
            }
            guard Self.isPrintable(member.name) else {
                add(path(name), "a name in it must not hold control characters")
                continue
            }
            if let text = stringValue(member.value, pointer: pointer, length) { result[member.name] = text }
        }
        return result
    }

    /// Any JSON value, unread, but for NUL characters in its strings and names: those are refused, since not every store can hold them.
    public func any(_ name: String) -> JSON? {
        lookup(name).flatMap { json in
            if let place = Self.placeOfNUL(json, path(name)) {
                add(place, "must not hold control characters")
                return nil
            }
            return json
        }
    }

    private static func placeOfNUL(_ json: JSON, _ pointer: String) -> String? {
        switch json {
        case .string(let text): return text.utf8.contains(0) ? pointer : nil
        case .array(let items):
            for (index, item) in items.enumerated() {
                if let place = placeOfNUL(item, "\(pointer)/\(index)") { return place }
            }
        case .object(let members):
            for member in members {
                if member.name.utf8.contains(0) { return pointer }
                if let place = placeOfNUL(member.value, pointer + "/" + escaped(member.name)) { return place }
            }
        case .null, .bool, .integer, .number: break
        }
        return nil
    }

    // MARK: -

    private func path(_ name: String) -> String { pointer + "/" + Self.escaped(name) }

    private static func escaped(_ name: String) -> String {
        guard name.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else { return name }
        return name.map { $0 == "~" ? "~0" : $0 == "/" ? "~1" : String($0) }.joined()
    }

    private static func bounds(_ range: ClosedRange<Int>) -> String {
        range.lowerBound == 0 ? "at most \(range.upperBound)" : "\(range.lowerBound) to \(range.upperBound)"
    }

    private func add(_ pointer: String, _ detail: String) {
        guard errors.list.count < Errors.most else { return }
        errors.list.append(FieldError(pointer: pointer, detail: detail))
    }

    private func refuse<T>(_ name: String, _ detail: String) -> T? {
        add(path(name), detail)
        return nil
    }

    private func lookup(_ name: String) -> JSON? {
        known.insert(name)
        guard let value = members.first(where: { $0.name == name })?.value, value != .null else { return nil }
        return value
    }

    private func required<T>(_ name: String, _ read: (JSON) -> T?) -> T? {
        guard let value = lookup(name) else { return refuse(name, "is required") }
        return read(value)
    }

    private func refuseUnknown() {
        for member in members where !known.contains(member.name) {
            let name = member.name.unicodeScalars.count <= 100 ? member.name : String(member.name.prefix(100))
            add(path(name), "is not a known field")
        }
    }

    private func nested<T>(_ json: JSON, at pointer: String, _ read: (Fields) -> T) -> T? {
        guard case .object(let members) = json else {
            add(pointer, "must be an object, not \(json.kind)")
            return nil
        }
        let fields = Fields(members, pointer: pointer, strict: strict, errors: errors)
        let value = read(fields)
        if strict { fields.refuseUnknown() }
        return value
    }

    private func items<T>(_ json: JSON, _ name: String, _ count: ClosedRange<Int>, _ read: (JSON, String) -> T?) -> [T]? {
        guard case .array(let elements) = json else { return refuse(name, "must be an array, not \(json.kind)") }
        guard count.contains(elements.count) else { return refuse(name, "must have \(Self.bounds(count)) items") }
        return elements.enumerated().compactMap { read($1, "\(path(name))/\($0)") }
    }

    private func stringValue(_ json: JSON, _ name: String, _ length: ClosedRange<Int>) -> String? {
        stringValue(json, pointer: path(name), length)
    }

    private func stringValue(_ json: JSON, pointer: String, _ length: ClosedRange<Int>) -> String? {
        guard case .string(let text) = json else {
            add(pointer, "must be a string, not \(json.kind)")
            return nil
        }
        guard length.contains(text.unicodeScalars.count) else {
            add(pointer, "must have \(Self.bounds(length)) characters")
            return nil
        }
        guard Self.isPrintable(text) else {
            add(pointer, "must not hold control characters")
            return nil
        }
        return text
    }

    private static func isPrintable(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F || $0 == "\n" || $0 == "\t" || $0 == "\r" }
    }

    private func integerValue(_ json: JSON, _ name: String, _ range: ClosedRange<Int64>) -> Int64? {
        switch json {
        case .integer(let number) where range.contains(number): return number
        case .integer: return refuse(name, "must be between \(range.lowerBound) and \(range.upperBound)")
        case .number: return refuse(name, "must be a whole number between \(range.lowerBound) and \(range.upperBound)")
        default: return refuse(name, "must be an integer, not \(json.kind)")
        }
    }

    private func boolValue(_ json: JSON, _ name: String) -> Bool? {
        guard case .bool(let bool) = json else { return refuse(name, "must be true or false, not \(json.kind)") }
        return bool
    }

    private func parsedValue<T>(_ json: JSON, _ name: String, _ expected: String, _ parse: (String) -> T?) -> T? {
        parsedValue(json, pointer: path(name), expected, parse)
    }

    private func parsedValue<T>(_ json: JSON, pointer: String, _ expected: String, _ parse: (String) -> T?) -> T? {
        guard case .string(let text) = json else {
            add(pointer, "must be a string, not \(json.kind)")
            return nil
        }
        guard let value = parse(text) else {
            add(pointer, "must be \(expected)")
            return nil
        }
        // Whatever the type lets through: not every store can hold it.
        guard !text.utf8.contains(0) else {
            add(pointer, "must not hold control characters")
            return nil
        }
        return value
    }
}

/// Well-formed JSON that is not what was asked for.
public struct InvalidInput: Error, Hashable, Sendable {
    public let errors: [FieldError]

    public init(errors: [FieldError]) { self.errors = errors }
}
