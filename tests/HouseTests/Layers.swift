/// Who may import whom. A module's list names modules that stand above it in this table only, so imports go down by construction.
struct Layers {
    /// From the ground up. A new module is added here, at its floor.
    static let house = Layers([
        // platform: no shop word inside
        ("CSQLite", []),
        ("CZlib", []),
        ("Basics", []),
        ("Resilience", ["Basics"]),
        ("Simulation", ["Basics", "Resilience"]),
        ("Telemetry", ["Basics", "Resilience"]),
        ("HTTPPath", ["Basics", "Resilience", "Telemetry"]),
        ("CPostgreSQL", []),
        ("Database", ["Basics", "CPostgreSQL", "CSQLite", "Resilience", "Telemetry"]),
        ("Redis", ["Basics", "Resilience", "Telemetry"]),
        ("Caching", ["Basics", "Redis", "Resilience", "Telemetry"]),
        ("Processes", []),
        ("LocalServers", ["Basics", "Processes"]),
        ("Chaos", ["Basics", "HTTPPath"]),
        ("ServiceKit", ["Basics", "Resilience", "HTTPPath", "Chaos", "Database", "Redis", "Telemetry"]),
        // the shop's metrics
        ("ShopTelemetry", ["Telemetry"]),
        // what is made of them: dashboards, monitors, rules
        ("Observability", ["Basics", "HTTPPath", "Telemetry", "ShopTelemetry"]),
        // what a service lets others import
        ("InventoryAPI", ["Basics", "Resilience", "Telemetry", "HTTPPath"]),
        ("PricingAPI", ["Basics", "Resilience", "Telemetry", "HTTPPath"]),
        // the services: none imports another
        ("InventoryService", platform + ["InventoryAPI"]),
        ("InventoryServiceMain", ["InventoryService", "ServiceKit"]),
        ("PricingService", platform + ["PricingAPI"]),
        ("Payments", platform + ["PricingAPI"]),
        ("Orders", platform + ["InventoryAPI", "PricingAPI", "Payments"]),
        ("Gateway", platform + ["InventoryAPI", "PricingAPI", "Payments", "Orders"]),
        ("ConsoleService", platform + ["CZlib"]),
        // the command line
        ("HelloDD", platform + ["InventoryAPI", "PricingAPI", "Processes", "LocalServers", "Observability"]),
    ])

    /// What stands under every service.
    private static let platform = [
        "Basics", "Resilience", "HTTPPath", "Caching", "Chaos", "Database", "Redis", "Telemetry", "ServiceKit", "ShopTelemetry",
    ]

    /// Server frameworks belong to the HTTP edge: to ServiceKit, and in a service to the files that say so in their name or folder.
    private static let serverModules: Set<String> = ["Hummingbird", "HummingbirdCore", "HummingbirdRouter", "HummingbirdTLS"]
    private static let edgeNames = ["Routes", "HTTP"]
    private static let edgeModules: Set<String> = ["InventoryService", "PricingService", "Gateway", "ConsoleService"]

    /// Full Foundation pulls ICU in and more than doubles a static binary.
    private static let fullFoundation: Set<String> = ["Foundation", "FoundationNetworking", "FoundationInternationalization", "FoundationXML"]

    /// In the table's order.
    let modules: [String]
    let mayImport: [String: Set<String>]

    init(_ table: [(module: String, mayImport: [String])]) {
        modules = table.map(\.module)
        mayImport = Dictionary(table.map { ($0.module, Set($0.mayImport)) }) { $0.union($1) }
    }

    /// Pairs of the table that do not point strictly upwards in it, towards the ground.
    var misplaced: [String] {
        modules.enumerated().flatMap { index, module in
            (mayImport[module] ?? []).filter { !modules[..<index].contains($0) }.map { "\(module) -> \($0)" }
        }
    }

    /// The imports of `source` that break a rule.
    func violations(in source: SwiftSource) -> [Violation] {
        guard let allowed = mayImport[source.module] else {
            return [Violation(path: source.path, line: 1, message: "module \(source.module) has no floor: add it to Layers.house")]
        }
        return source.imports.compactMap { line, imported in
            reason(source, imported, allowed).map { Violation(path: source.path, line: line, message: $0) }
        }
    }

    private func reason(_ source: SwiftSource, _ imported: String, _ allowed: Set<String>) -> String? {
        if Self.fullFoundation.contains(imported) { return "\(imported): FoundationEssentials, or Basics, has to suffice" }
        if Self.serverModules.contains(imported) {
            let isEdge = ["App", "main"].contains(source.name) || source.place.contains { part in Self.edgeNames.contains { part.contains($0) } }
            return source.module == "ServiceKit" || Self.edgeModules.contains(source.module) && isEdge
                ? nil : "only ServiceKit and a service's Routes, HTTP and App files import \(imported)"
        }
        guard mayImport[imported] != nil, imported != source.module else { return nil }
        return allowed.contains(imported) ? nil : "\(source.module) may not import \(imported)"
    }
}
