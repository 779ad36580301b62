public import HTTPTypes

/// Who may call a route: callers of any of these roles; `anyone` includes callers without a token.
public struct Access: Hashable, Sendable, CustomStringConvertible, ExpressibleByArrayLiteral {
    public let roles: Set<Identity.Role>

    public init(_ roles: Identity.Role...) { self.roles = Set(roles) }

    /// The union.
    public init(arrayLiteral elements: Access...) { roles = elements.reduce(into: []) { $0.formUnion($1.roles) } }

    public static let anyone = Access(.anonymous)
    public static let `operator` = Access(.operator)
    public static let service = Access(.service)

    public func contains(_ role: Identity.Role) -> Bool { roles.contains(.anonymous) || roles.contains(role) }

    public var description: String { roles.contains(.anonymous) ? "anyone" : roles.map(\.rawValue).sorted().joined(separator: ", ") }
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
