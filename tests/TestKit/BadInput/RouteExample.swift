public import HTTPPath
public import HTTPTypes
public import ServiceKit

/// One request that a route accepts: the row of a table from which every way to spoil it is made; see `checkBadInput`.
///
/// ```swift
/// RouteExample("PUT /api/v1/products/{id}", path: ["id": "LAMP-1"], headers: [.ifMatch: "\"1\""],
///     body: ["name": "Lamp", "category": "light"], caller: .gateway)
/// ```
public struct RouteExample: Sendable {
    public enum Body: Sendable {
        case json(JSON)
        /// A body that is no JSON document, such as an import.
        case bytes([UInt8], contentType: String)
    }

    /// A cell of the matrix, or one field in it, that is not tested, and why not.
    public struct LeftOut: Sendable {
        public let cell: BadInputCell
        /// The JSON Pointer or the parameter's name; nil for the whole cell.
        public let pointer: String?
        public let reason: String

        public init(_ cell: BadInputCell, at pointer: String? = nil, _ reason: String) {
            self.cell = cell
            self.pointer = pointer
            self.reason = reason
        }
    }

    public let key: RouteKey
    public var path: [String: String]
    public var query: KeyValuePairs<String, String>
    public var headers: HTTPFields
    public var body: Body?
    public var caller: Caller
    public var references: Set<String>
    public var unknown: [String: String]
    public var codes: Set<String>
    public var leftOut: [LeftOut]

    /// - Parameters:
    ///   - path: a value for each name in the route's template, as it is before percent-encoding.
    ///   - query: every query parameter that the OpenAPI document names but `cursor`.
    ///   - body: with every field that the OpenAPI document names, optional ones too.
    ///   - references: pointers to identifiers in the body that name something which must exist.
    ///   - unknown: path values that are well formed and name nothing, where a fresh UUID or `NO-SUCH-THING-1` is not well formed.
    ///   - codes: codes besides the general ones that are right for bad input here.
    public init(
        _ key: RouteKey, path: [String: String] = [:], query: KeyValuePairs<String, String> = [:], headers: HTTPFields = [:], body: JSON? = nil,
        raw: Body? = nil, caller: Caller = .anonymous, references: Set<String> = [], unknown: [String: String] = [:], codes: Set<String> = [],
        leftOut: [LeftOut] = []
    ) {
        self.key = key
        self.path = path
        self.query = query
        self.headers = headers
        self.body = raw ?? body.map { .json($0) }
        self.caller = caller
        self.references = references
        self.unknown = unknown
        self.codes = codes
        self.leftOut = leftOut
    }

    /// Path and query, percent-encoded.
    /// - Parameters:
    ///   - replacing: raw, already encoded values that stand in for path values.
    ///   - rawQuery: instead of the example's, already encoded.
    func target(replacing: [String: String] = [:], query rawQuery: String? = nil) -> String {
        let segments = key.path.split(separator: "/", omittingEmptySubsequences: false).map { segment -> String in
            guard segment.hasPrefix("{"), segment.hasSuffix("}") else { return String(segment) }
            let name = String(segment.dropFirst().dropLast())
            return replacing[name] ?? (path[name] ?? "").percentEncoded
        }
        let text = rawQuery ?? query.map { "\($0.key.percentEncoded)=\($0.value.percentEncoded)" }.joined(separator: "&")
        return segments.joined(separator: "/") + (text.isEmpty ? "" : "?\(text)")
    }

    /// The names in the route's template.
    var parameters: [String] {
        key.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
    }

    var bytes: [UInt8]? {
        switch body {
        case .json(let json): json.bytes
        case .bytes(let bytes, _): bytes
        case nil: nil
        }
    }

    var contentType: String? {
        switch body {
        case .json: "application/json"
        case .bytes(_, let type): type
        case nil: nil
        }
    }
}

extension RouteExample.LeftOut {
    func covers(_ attempt: BadInputAttempt) -> Bool { cell == attempt.cell && (pointer == nil || pointer == attempt.pointer) }
}
