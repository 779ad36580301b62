public import Hummingbird

public typealias Handler = @Sendable (Request, ServiceContext) async throws -> Response

/// The routes of a service. Every one must be in the service's access table and every row of the table must have its route, or the
/// service does not start: a route that nobody thought about cannot exist.
public final class Routes {
    /// What a route accepts, for whoever walks over all routes (tests, docs).
    public struct Entry: Sendable {
        public let key: RouteKey
        public let access: Access
        public let kind: Kind
        let handler: Handler

        /// Whether a fault set on purpose may meet it: neither what watches and describes the service nor what operates it.
        var isFaultable: Bool { Routes.isFaultable(key) }
    }

    public enum Kind: Sendable {
        /// Works on a whole body under the request's deadline.
        case plain
        /// Reads or writes a stream: no limit on the whole body, no deadline but the caller's own.
        case streaming
    }

    private let access: AccessTable

    static func isFaultable(_ key: RouteKey) -> Bool { standardAccess[key] == nil && !key.path.hasPrefix(adminPrefix) }

    /// The routes of the table that a fault may name.
    var faultable: [RouteKey] { access.keys.filter(Self.isFaultable).sorted() }

    public private(set) var entries: [Entry] = []

    public init(access: AccessTable) { self.access = access }

    public func on(_ key: RouteKey, kind: Kind = .plain, _ handler: @escaping Handler) {
        precondition(!entries.contains { $0.key == key }, "\(key) is registered twice")
        entries.append(Entry(key: key, access: access[key] ?? [], kind: kind, handler: handler))
    }

    /// - Throws: `ConfigurationError` that names the routes without an access row and the rows without a route.
    func check() throws(ConfigurationError) {
        let registered = Set(entries.map(\.key))
        let open = registered.filter { access[$0] == nil }.sorted()
        let stale = access.keys.filter { !registered.contains($0) }.sorted()
        guard open.isEmpty && stale.isEmpty else {
            throw ConfigurationError("routes without an access row: \(open); access rows without a route: \(stale)")
        }
    }
}
