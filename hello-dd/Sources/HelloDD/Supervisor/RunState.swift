internal import Basics
internal import FoundationEssentials

/// What a running supervisor tells others about itself: `run.json` in the data folder, rewritten at each change, removed at the end.
struct RunState: Codable, Hashable, Sendable {
    struct Record: Codable, Hashable, Sendable {
        var service: Service
        var state: Supervision.State
        var port: Int
        var process: ProcessIdentity?
        /// RFC 3339; when it was last started.
        var startedAt: String?
        var restarts: Int
        var lastExit: String?
    }

    /// A PostgreSQL server that the services' databases are on.
    struct Databases: Codable, Hashable, Sendable {
        /// Host and port.
        var place: String
        /// The address of each service's database, by the service's name; without passwords.
        var urls: [String: String]
        /// Whether the supervisor started it, and stops it.
        var isOwnServer: Bool
        /// Of a server that was started here.
        var process: ProcessIdentity?
    }

    var supervisor: ProcessIdentity
    /// RFC 3339.
    var startedAt: String
    /// The address the services listen on.
    var host: String
    var services: [Record]
    /// Nil: each service has a file.
    var databases: Databases?
    /// On which the console receives telemetry; nil where there is no console.
    var receiverPort: Int?

    /// The address others reach them at: an address that means "any" is asked at this machine's own.
    var reachableHost: String { Self.reachable(host) }

    func reachableHost(of service: Service) -> String { service == .console ? "127.0.0.1" : reachableHost }

    /// The address of a service's page; nil where it does not run.
    func url(of service: Service) -> String? {
        guard let record = services.first(where: { $0.service == service }) else { return nil }
        let host = reachableHost(of: service)
        return "http://\(host.contains(":") ? "[\(host)]" : host):\(record.port)"
    }

    static func reachable(_ host: String) -> String { host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host }

    /// Whether every service is up.
    var isReady: Bool { services.allSatisfy { $0.state == .ready } }

    /// Processes that are there now.
    var aliveProcesses: [ProcessIdentity] { services.compactMap(\.process).filter(\.isAlive) }

    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }

    /// Nil if the text is not of this form: another version's, or damaged.
    init?(json text: String) {
        guard let state = try? JSONDecoder().decode(RunState.self, from: Data(text.utf8)) else { return nil }
        self = state
    }

    init(
        supervisor: ProcessIdentity, startedAt: String, host: String, services: [Record], databases: Databases? = nil, receiverPort: Int? = nil
    ) {
        self.supervisor = supervisor
        self.startedAt = startedAt
        self.host = host
        self.services = services
        self.databases = databases
        self.receiverPort = receiverPort
    }
}
