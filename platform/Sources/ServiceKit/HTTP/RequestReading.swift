public import Basics
public import HTTPPath
import HTTPTypes
public import Hummingbird
public import NIOCore
import Resilience

extension Request {
    /// The whole body, bounded in bytes and, by the request's deadline, in time.
    /// - Throws: 413 over the bound.
    public func bytes(_ context: ServiceContext) async throws -> ByteBuffer {
        if let length = headers[.contentLength].flatMap(Int.init), length > context.maxBodyBytes { throw Problem.bodyTooLarge(context.maxBodyBytes) }
        do {
            return try await body.collect(upTo: context.maxBodyBytes)
        } catch is NIOTooManyBytesError {
            throw Problem.bodyTooLarge(context.maxBodyBytes)
        }
    }

    /// Reads a JSON body field by field.
    /// - Throws: 415, 413, 400 (not JSON) or 422 with everything that is wrong.
    public func json<T>(_ context: ServiceContext, _ read: (Fields) -> T) async throws -> T {
        try requireMediaType("application/json")
        let bytes = try await bytes(context)
        return try Problem.reading(bytes, read)
    }

    /// - Throws: 415 unless `Content-Type` names one of these types; parameters such as a charset other than UTF-8 are refused too.
    @discardableResult
    public func requireMediaType(_ types: String...) throws(Problem) -> String {
        let given = (headers[.contentType] ?? "").split(separator: ";", omittingEmptySubsequences: false).map { String($0).trimmed.lowercased() }
        let type = given.first ?? ""
        let charsets = given.dropFirst().filter { $0.hasPrefix("charset=") }.map { $0.dropFirst(8).replacing("\"", with: "") }
        guard types.contains(type), charsets.allSatisfy({ $0 == "utf-8" }) else {
            throw Problem(
                415, "unsupported_media_type", "Send \(types.joined(separator: " or ")) in UTF-8.",
                errors: [FieldError(pointer: "Content-Type", detail: "must be \(types.joined(separator: " or "))")])
        }
        return type
    }

    /// Reads the query: everything wrong with it in one answer, unknown parameters included.
    public func query<T>(_ read: (Query) -> T) throws(Problem) -> T {
        let query = try Query(uri.query ?? "")
        let value = read(query)
        try query.finish()
        return value
    }

    /// Refuses any query.
    public func noQuery() throws(Problem) { try query { _ in } }
}

extension ServiceContext {
    /// A path parameter, percent-decoded.
    /// - Throws: 400 where it is not 1–100 characters of valid UTF-8 without control characters.
    public func path(_ name: String) throws(Problem) -> String {
        guard let raw = parameters.get(name), let text = percentDecoded(raw[...]), (1...100).contains(text.unicodeScalars.count),
            text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else { throw .invalidParameter(name, "must be 1 to 100 characters") }
        return text
    }

    /// A path parameter that is a UUID.
    public func identifier(_ name: String) throws(Problem) -> Identifier {
        guard let id = Identifier(try path(name)) else { throw .invalidParameter(name, "must be a UUID") }
        return id
    }
}

/// The parameters of a query string, each at most once.
public final class Query {
    private var values: [(name: String, value: String)] = []
    private var known: Set<String> = []
    private var errors: [FieldError] = []

    init(_ text: String) throws(Problem) {
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = percentDecoded(parts[0], plusIsSpace: true),
                let value = percentDecoded(parts.count > 1 ? parts[1] : "", plusIsSpace: true)
            else {
                throw Problem(
                    400, "invalid_parameter", "The query is not valid percent-encoded UTF-8.",
                    errors: [
                        FieldError(pointer: "query", detail: "must be percent-encoded UTF-8")
                    ])
            }
            guard values.count < 50 else { throw .invalidParameter("query", "must have at most 50 parameters") }
            if values.contains(where: { $0.name == name }) {
                errors.append(FieldError(pointer: String(name.prefix(100)), detail: "must be given once"))
            }
            values.append((name, value))
        }
    }

    public func string(_ name: String, _ length: ClosedRange<Int> = 1...200) -> String? {
        parsed(name, expected: "\(length.lowerBound) to \(length.upperBound) characters without control characters") { text in
            length.contains(text.unicodeScalars.count) && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F } ? text : nil
        }
    }

    public func integer(_ name: String, _ range: ClosedRange<Int>) -> Int? {
        parsed(name, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)") { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    public func bool(_ name: String) -> Bool? {
        parsed(name, expected: "true or false") { $0 == "true" ? true : $0 == "false" ? false : nil }
    }

    public func identifier(_ name: String) -> Identifier? { parsed(name, expected: "a UUID", Identifier.init) }

    public func choice<T: RawRepresentable & CaseIterable>(_ name: String, _: T.Type = T.self) -> T? where T.RawValue == String {
        parsed(name, expected: "one of " + T.allCases.map(\.rawValue).joined(separator: ", "), T.init(rawValue:))
    }

    /// A value with a text form; `expected` completes "must be …".
    public func parsed<T>(_ name: String, expected: String, _ parse: (String) -> T?) -> T? {
        known.insert(name)
        guard let text = values.first(where: { $0.name == name })?.value else { return nil }
        guard let value = parse(text) else {
            errors.append(FieldError(pointer: name, detail: "must be \(expected)"))
            return nil
        }
        return value
    }

    /// `limit` and `cursor`, as every list has them: 1–200, by default 50.
    public func page() -> (limit: Int, cursor: Cursor?) {
        (integer("limit", 1...200) ?? 50, parsed("cursor", expected: "a cursor that a list gave out", Cursor.init))
    }

    fileprivate func finish() throws(Problem) {
        for (name, _) in values where !known.contains(name) {
            errors.append(FieldError(pointer: String(name.prefix(100)), detail: "is not a known parameter"))
        }
        guard errors.isEmpty else {
            let first = errors[0]
            throw Problem(400, "invalid_parameter", "The parameter \(first.pointer) \(first.detail).", errors: errors)
        }
    }
}

/// Where a list goes on: opaque to callers, a list of texts to the store that made it.
public struct Cursor: Hashable, Sendable, CustomStringConvertible {
    public let parts: [String]

    public init(_ parts: String...) { self.parts = parts }

    public init?(_ text: String) {
        guard text.utf8.count <= 1024, let bytes = base64URLDecoded(text), let json = try? JSON.parse(bytes, maxDepth: 1),
            let items = json.array, !items.isEmpty, items.count <= 4
        else { return nil }
        let parts = items.compactMap(\.string)
        // No list gave out one with a NUL, and not every store can look for it.
        guard parts.count == items.count, !parts.contains(where: { $0.utf8.contains(0) }) else { return nil }
        self.parts = parts
    }

    public var description: String { base64URLEncoded(JSONWriter.bytes(parts).readableBytesView) }
}

extension Problem {
    static func bodyTooLarge(_ limit: Int) -> Problem {
        Problem(
            413, "body_too_large", "The body is longer than \(limit) bytes.",
            errors: [
                FieldError(pointer: "", detail: "must have at most \(limit) bytes")
            ])
    }
}

/// Percent-decoding that refuses what is not valid, rather than guessing.
func percentDecoded(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    var iterator = text.utf8.makeIterator()
    while let byte = iterator.next() {
        switch byte {
        case UInt8(ascii: "%"):
            guard let high = iterator.next().flatMap(hexDigit), let low = iterator.next().flatMap(hexDigit) else { return nil }
            bytes.append(high << 4 | low)
        case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
        default: bytes.append(byte)
        }
    }
    return String(validating: bytes, as: UTF8.self)
}

private func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
}
