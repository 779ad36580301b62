/// A PostgreSQL server's address, as libpq spells it: `postgres://user:password@host:port/database?sslmode=…`.
///
/// Only its parts are told apart here; what they mean is libpq's to say.
struct ServerAddress: Hashable, Sendable {
    private var scheme: String
    /// As written: still with `%XX`.
    private(set) var user: String?
    private(set) var password: String?
    /// Host and port as written; may name several, and may be empty, which is libpq's default.
    private(set) var hosts: String
    private(set) var database: String
    /// Without those that say who and what: they would go before the parts above.
    private var parameters: [String]

    /// Throws a line for people, which does not repeat the text: it may hold a password.
    init(_ text: String) throws(CommandFailure) {
        guard let scheme = ["postgres://", "postgresql://"].first(where: text.hasPrefix) else {
            throw CommandFailure("--postgres wants an address such as postgres://postgres@localhost:5432/postgres")
        }
        self.scheme = scheme
        var rest = text.dropFirst(scheme.count)
        if let mark = rest.firstIndex(of: "?") {
            parameters = rest[rest.index(after: mark)...].split(separator: "&").map { String($0) }
            rest = rest[..<mark]
        } else {
            parameters = []
        }
        if let slash = rest.firstIndex(of: "/") {
            database = String(rest[rest.index(after: slash)...])
            rest = rest[..<slash]
        } else {
            database = ""
        }
        if let at = rest.lastIndex(of: "@") {
            let who = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            user = who[0].isEmpty ? nil : String(who[0])
            password = who.count > 1 ? String(who[1]) : nil
            rest = rest[rest.index(after: at)...]
        }
        hosts = String(rest)
        for (name, isOwn) in [("user=", \Self.user), ("password=", \.password)] where self[keyPath: isOwn] == nil {
            // The same may be said as a parameter.
            guard let given = parameters.last(where: { $0.hasPrefix(name) }) else { continue }
            if name == "user=" { user = String(given.dropFirst(name.count)) } else { password = String(given.dropFirst(name.count)) }
        }
        parameters.removeAll { parameter in ["user=", "password=", "dbname="].contains { parameter.hasPrefix($0) } }
    }

    /// The same server with another user and database; the names must be plain ASCII.
    func url(user: String, password: String?, database: String) -> String {
        let secret = password.map { ":\($0)" } ?? ""
        return "\(scheme)\(user)\(secret)@\(hosts)/\(database)" + (parameters.isEmpty ? "" : "?" + parameters.joined(separator: "&"))
    }

    /// The address itself, to connect with. Without a database, the one that every server has: libpq would look for one named as the user.
    var url: String {
        let who = user.map { $0 + (password.map { ":\($0)" } ?? "") + "@" } ?? ""
        let database = database.isEmpty ? "postgres" : database
        return "\(scheme)\(who)\(hosts)/\(database)" + (parameters.isEmpty ? "" : "?" + parameters.joined(separator: "&"))
    }

    /// For people: where it is, without who and how.
    var place: String { hosts.isEmpty ? "libpq's default host" : hosts }
}
