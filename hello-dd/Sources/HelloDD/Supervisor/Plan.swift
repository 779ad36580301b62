/// What `up` was asked to run, all questions settled: every port is a number, every path is absolute.
struct Plan: Hashable, Sendable {
    var services: Set<Service>
    var folder: RunFolder
    /// The same folder, absolute: what the services are told.
    var dataDirectory: String
    /// The folder with the services' executables.
    var binaries: String
    /// The address to listen on.
    var host = "127.0.0.1"
    var ports: [Service: Int] = Dictionary(uniqueKeysWithValues: Service.allCases.map { ($0, $0.defaultPort) })
    var logLevel: String?
    var jsonLogs = false
    var seedCatalogue = true
    /// The address of each service's database, with its password; a service without one has a file in `dataDirectory`.
    var databases: [Service: String] = [:]

    /// The address of the Redis server that the services share, with its password; nil: what the environment says, or none.
    var redis: String?
    /// Where it is, for people.
    var redisPlace: String?

    /// Where the PostgreSQL server is, for people; nil with files.
    var databasePlace: String?

    /// Where the services' telemetry goes. Nil: what the environment says, or nowhere.
    var telemetryEndpoint: String?
    /// The port on which the console receives it.
    var receiverPort = ConsoleChoice.usualReceiverPort

    func executable(of service: Service) -> String { "\(binaries)/\(service.name)" }

    func port(of service: Service) -> Int { ports[service] ?? service.defaultPort }

    /// The address that a service listens on. What the console has received is for this machine's eyes only.
    func host(of service: Service) -> String { service == .console ? "127.0.0.1" : host }

    func url(of service: Service) -> String {
        let host = RunState.reachable(host(of: service))
        return "http://\(host.contains(":") ? "[\(host)]" : host):\(port(of: service))"
    }

    /// The whole environment of a service: what this process was given, and above it what the plan says.
    func environment(of service: Service, inherited: [String: String]) -> [String: String] {
        var environment = inherited
        environment["HTTP_HOST"] = host(of: service)
        environment["HTTP_PORT"] = String(port(of: service))
        environment["DATA_DIR"] = dataDirectory
        environment["KEYS_DIR"] = "\(dataDirectory)/keys"
        environment["LOG_FORMAT"] = jsonLogs ? "json" : inherited["LOG_FORMAT"] ?? "pretty"
        if let database = databases[service] { environment["DATABASE_URL"] = database }
        if let redis, Service.usingRedis.contains(service) { environment["REDIS_URL"] = redis }
        if let logLevel { environment["LOG_LEVEL"] = logLevel }
        if inherited["SEED_CATALOGUE"] == nil { environment["SEED_CATALOGUE"] = seedCatalogue ? "true" : "false" }
        if service == .console {
            environment["CONSOLE_OTLP_PORT"] = String(receiverPort)
            // It has nothing to say between two questions that is worth a line.
            if logLevel == nil, inherited["LOG_LEVEL"] == nil { environment["LOG_LEVEL"] = "warning" }
        } else if let telemetryEndpoint {
            environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = telemetryEndpoint
            // A second instead of the usual five: somebody waits to see what he just did.
            if services.contains(.console), inherited["OTEL_BSP_SCHEDULE_DELAY"] == nil { environment["OTEL_BSP_SCHEDULE_DELAY"] = "1000" }
        }
        if inherited["FAULTS_ENABLED"] == nil { environment["FAULTS_ENABLED"] = "true" }
        environment[Lifeline.variable] = String(Lifeline.childDescriptor)
        for (upstream, variable) in [(Service.inventory, "INVENTORY_SERVICE_URL"), (.pricing, "PRICING_SERVICE_URL")] {
            // One that is not started here may run elsewhere, and then the environment says where.
            if services.contains(upstream) || inherited[variable] == nil { environment[variable] = url(of: upstream) }
        }
        return environment
    }
}
