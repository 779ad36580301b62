/// One of the shop's services, as the command line knows it.
enum Service: String, CaseIterable, Codable, Hashable, Sendable {
    /// Receives what the others say of themselves, so it comes first and goes last.
    case console
    case inventory = "inventory-service"
    case pricing = "pricing-service"
    case gateway = "api-gateway"

    /// The name of its executable, of its log file, and in every message.
    var name: String { rawValue }

    /// Reads the full name or the short one people type (`gateway`).
    init?(anyName text: String) {
        guard let match = Self.allCases.first(where: { $0.rawValue == text || $0.shortName == text }) else { return nil }
        self = match
    }

    var shortName: String {
        switch self {
        case .console: "console"
        case .inventory: "inventory"
        case .pricing: "pricing"
        case .gateway: "gateway"
        }
    }

    var defaultPort: Int {
        switch self {
        case .gateway: 8000
        case .inventory: 8001
        case .pricing: 8002
        case .console: 8090
        }
    }

    /// Whether it keeps anything but memories.
    var hasDatabase: Bool { self != .console }

    /// Those that share a Redis server where there is one: prices, and how often whom is let in.
    static let usingRedis: Set<Service> = [.pricing, .gateway]

    /// The option of `up` that changes the port.
    var portOption: String { "--\(shortName)-port" }

    /// What must have answered before this one is started.
    var dependencies: [Service] {
        switch self {
        case .console: []
        case .inventory, .pricing: [.console]
        case .gateway: [.inventory, .pricing]
        }
    }

    /// The longest name: the width of the column that names the service before each log line.
    static let nameWidth = allCases.map(\.name.utf8.count).max() ?? 0

    /// `services` in the order they are started: each inner list at once, after all of the lists before it.
    /// A dependency that is not among `services` is nobody's concern here.
    static func waves(of services: Set<Service>) -> [[Service]] {
        var waves: [[Service]] = []
        var placed: Set<Service> = []
        while placed.count < services.count {
            let next = allCases.filter { service in
                services.contains(service) && !placed.contains(service)
                    && service.dependencies.allSatisfy { placed.contains($0) || !services.contains($0) }
            }
            guard !next.isEmpty else { break }
            waves.append(next)
            placed.formUnion(next)
        }
        return waves
    }

    /// `services` and all that they need.
    static func withDependencies(_ services: Set<Service>) -> Set<Service> {
        var all = services
        var open = Array(services)
        while let service = open.popLast() {
            for dependency in service.dependencies where all.insert(dependency).inserted { open.append(dependency) }
        }
        return all
    }
}
