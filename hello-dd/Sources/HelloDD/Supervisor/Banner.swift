/// What `up` says when everything runs: where it is, what to try, how to stop.
enum Banner {
    /// - Parameter command: how the user calls this program.
    static func lines(for plan: Plan, after: Duration, command: String, isDetached: Bool, style: Style) -> [String] {
        let count = plan.services.count
        let headline = "hello-dd is up: \(count == 1 ? "1 service" : "\(count) services") ready in \(after.forPeople)"
        var lines = ["", style.paint(headline, .good), ""]
        func entry(_ title: String, _ text: String) {
            lines.append("  " + style.paint(title, .strong) + String(repeating: " ", count: max(1, 11 - title.count)) + text)
        }
        if plan.services.contains(.gateway) {
            let gateway = plan.url(of: .gateway)
            entry("products", "\(gateway)/api/v1/products")
            entry("docs", "\(gateway)/docs")
            entry("try", "curl '\(gateway)/api/v1/products?limit=3'")
        } else {
            for service in Service.allCases where plan.services.contains(service) && service != .console {
                entry(service.shortName, "\(plan.url(of: service))/docs")
            }
        }
        if plan.services.contains(.console) { entry("traces", plan.url(of: .console)) }
        if let place = plan.databasePlace {
            entry("database", "PostgreSQL at \(place)")
            entry("psql", "\(command) psql inventory\(plan.folder.option)")
        }
        if let place = plan.redisPlace { entry("cache", "Redis at \(place)") }
        entry("token", "\(command) token --role operator\(plan.folder.option)")
        entry("logs", "\(command) logs -f\(plan.folder.option)")
        entry("stop", (isDetached ? "" : "Ctrl-C here, or ") + "\(command) down\(plan.folder.option)")
        return lines + [""]
    }
}
