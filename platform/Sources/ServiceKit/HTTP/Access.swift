public import HTTPTypes

/// Who may call a route. The union of what is named; `anyone` includes callers without a token.
public struct Access: OptionSet, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }

    public static let anyone = Access(rawValue: 1)
    public static let shopper = Access(rawValue: 2)
    public static let `operator` = Access(rawValue: 4)
    public static let service = Access(rawValue: 8)

    public var description: String {
        [(Access.anyone, "anyone"), (.shopper, "shopper"), (.operator, "operator"), (.service, "service")]
            .filter { contains($0.0) }.map(\.1).joined(separator: ", ")
    }
}

/// A method and a path template, written as in OpenAPI: `GET /api/v1/things/{id}`.
public struct RouteKey: Hashable, Comparable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    public let method: HTTPRequest.Method
    public let path: String

    public init(stringLiteral text: String) {
        let parts = text.split(separator: " ")
        precondition(parts.count == 2 && parts[1].hasPrefix("/"), "a route is written \"METHOD /path\", not \"\(text)\"")
        method = HTTPRequest.Method(rawValue: String(parts[0]))!
        path = String(parts[1])
    }

    init(_ method: HTTPRequest.Method, _ path: String) {
        self.method = method
        self.path = path
    }

    public var description: String { "\(method.rawValue) \(path)" }

    public static func < (a: RouteKey, b: RouteKey) -> Bool { (a.path, a.method.rawValue) < (b.path, b.method.rawValue) }

    /// Whether a request's path has the shape of this template.
    func matches(_ requestPath: String) -> Bool {
        let template = path.split(separator: "/")
        let given = requestPath.split(separator: "/")
        return template.count == given.count && zip(template, given).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }
}

/// The one table of who may call what in a service.
public typealias AccessTable = [RouteKey: Access]
