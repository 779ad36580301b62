import ArgumentParser
internal import LocalServers

struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start the shop and keep it running.",
        discussion: """
            Starts the console, then inventory-service and pricing-service, then api-gateway, waits until each is ready, and shows their logs. A service \
            that crashes is started again, after a pause that grows from 0.2 s to 10 s; ten crashes in a row and it is given up. \
            Ctrl-C stops the shop: the gateway first, each service with 20 s to finish what it has begun. A second Ctrl-C does not wait.

            On the first start the catalogue is filled with 60 products. To begin with an empty one: SEED_CATALOGUE=false hello-dd up

            EXAMPLES:
              hello-dd up                      all, ports 8000 to 8002 and 8090, data in .hello-dd/
              hello-dd up --detach             in the background, until `hello-dd down`
              hello-dd up inventory            one service (and what it needs)
              hello-dd up --gateway-port 0     any free port; the banner tells which
              hello-dd up --ephemeral -q       leaves nothing behind, shows no logs
              hello-dd up --json-logs | jq .   what the services log, as they log it
              hello-dd up --with-servers       on PostgreSQL and Redis, with servers in .hello-dd
              hello-dd up --postgres postgres://postgres@localhost/postgres

            On a PostgreSQL server each service gets a role and a database of its own: inventory, pricing and orders. Their passwords are \
            made here and kept in postgres.json in the data folder. A server that `--with-servers` started is started again if it dies, and \
            stopped after the services; its data stays for the next time, unless `--ephemeral` says otherwise. The password of the address \
            is better given in PGPASSWORD or ~/.pgpass: other users see the arguments.

            Redis is what replicas share of prices and rate limits; it keeps nothing, and nothing fails without it. Where it is not installed, \
            `--with-servers` starts PostgreSQL alone. A Redis that runs already is named by REDIS_URL, and then none is started.

            The services send traces, metrics and logs to the console (OTLP on port 4318), which shows traces on its page and to \
            `hello-dd trace`. Where something listens on 4318 already, such as a Datadog Agent or a Collector, or where the environment \
            says where telemetry goes (OTEL_EXPORTER_OTLP_ENDPOINT, DD_AGENT_HOST), it goes there, and the console is not started.

            Every other environment variable is passed on to the services.
            """
    )

    @Argument(help: ArgumentHelp("Only these services, and those they need: console, inventory, pricing, gateway.", valueName: "service"))
    var services: [Service] = []

    @Flag(name: .shortAndLong, help: "Run in the background. Returns when the shop is up.")
    var detach = false

    @Flag(
        name: .customLong("no-deps"),
        help: "Without the services that the named ones need; INVENTORY_SERVICE_URL and PRICING_SERVICE_URL may tell where those are.")
    var withoutDependencies = false

    @Flag(help: "Keep the data in a temporary folder that is removed at the end.")
    var ephemeral = false

    @Flag(
        name: .customLong("with-servers"),
        help: "Start a PostgreSQL and a Redis server of the shop's own, from the binaries that are installed, and run on them instead of SQLite.")
    var withServers = false

    @Option(
        help: ArgumentHelp("Run on this PostgreSQL server instead of SQLite; the user must be able to make roles and databases.", valueName: "url"))
    var postgres: String?

    @OptionGroup var data: DataOptions

    @Option(help: ArgumentHelp("Port of api-gateway; 0 picks a free one.", valueName: "port"))
    var gatewayPort = Service.gateway.defaultPort

    @Option(help: ArgumentHelp("Port of inventory-service; 0 picks a free one.", valueName: "port"))
    var inventoryPort = Service.inventory.defaultPort

    @Option(help: ArgumentHelp("Port of pricing-service; 0 picks a free one.", valueName: "port"))
    var pricingPort = Service.pricing.defaultPort

    @Option(help: ArgumentHelp("Port of the console's page; 0 picks a free one (default: 8090, or a free one if that is taken).", valueName: "port"))
    var consolePort: Int?

    @Option(
        help: ArgumentHelp(
            "Port on which the console receives telemetry; 0 picks a free one (default: 4318, and no console if that is taken).", valueName: "port"))
    var otlpPort: Int?

    @Flag(name: .customLong("no-console"), help: "Without the console; telemetry goes where the environment says, or nowhere.")
    var withoutConsole = false

    @Option(help: ArgumentHelp("trace, debug, info, notice, warning or error.", valueName: "level"))
    var logLevel: String?

    @Flag(name: .customLong("json-logs"), help: "The services log JSON, one object a line.")
    var jsonLogs = false

    @Flag(name: .shortAndLong, help: "Leave the services' logs to their files.")
    var quiet = false

    @OptionGroup var colour: ColourOptions

    @Option(
        name: .customLong("bin"),
        help: ArgumentHelp("The folder with the services' executables (default: where this program is).", valueName: "dir"))
    var binaries: String?

    /// Set in the process that `--detach` starts.
    @Option(help: .hidden)
    var reportDescriptor: Int32?

    func validate() throws {
        for (port, service) in [(gatewayPort, Service.gateway), (inventoryPort, .inventory), (pricingPort, .pricing)] {
            guard (0...65_535).contains(port) else { throw ValidationError("\(service.portOption) must be from 0 to 65535, not \(port).") }
        }
        for (port, option) in [(consolePort, "--console-port"), (otlpPort, "--otlp-port")] {
            guard let port else { continue }
            guard (0...65_535).contains(port) else { throw ValidationError("\(option) must be from 0 to 65535, not \(port).") }
            if withoutConsole { throw ValidationError("\(option) and --no-console exclude each other.") }
        }
        let levels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]
        if let logLevel, !levels.contains(logLevel) { throw ValidationError("--log-level must be one of \(levels.joined(separator: ", ")).") }
        if ephemeral, data.data != RunFolder.defaultPath { throw ValidationError("--ephemeral and --data exclude each other.") }
        if withServers, postgres != nil {
            throw ValidationError("--with-servers and --postgres exclude each other: one starts a server, the other names one.")
        }
        if ephemeral, postgres != nil {
            throw ValidationError("--ephemeral and --postgres exclude each other: the databases on the server would stay.")
        }
        _ = try engine()
    }

    private func engine() throws -> EngineChoice {
        if let postgres { return .server(try ServerAddress(postgres)) }
        return withServers ? .ownServer(isEphemeral: ephemeral) : .files
    }

    func run() async throws {
        SystemCall.ignoreBrokenPipes()
        SystemCall.keepInheritedDescriptors()
        if detach { return try await runDetached() }
        let report = reportDescriptor.map(Report.init(descriptor:))
        if report != nil { Detached.leaveSession() }
        do {
            try await runHere(report: report)
        } catch let failure as CommandFailure {
            guard let report else { throw failure }
            report.send(.problem(lines: ["Error: \(failure)"]))
            throw ExitCode.failure
        }
    }

    private func runDetached() async throws {
        let own = CommandLine.arguments.dropFirst().filter { $0 != "--detach" && $0 != "-d" }
        let arguments = own + ["--report-descriptor", String(Detached.reportDescriptor)] + (colour.style().isOn ? [] : ["--no-color"])
        let isUp = try await Detached.start(arguments: arguments) { message in
            switch message {
            case .note(let lines), .up(let lines): for line in lines { print(line) }
            case .problem(let lines): for line in lines { printError(line) }
            }
        }
        guard isUp else { throw ExitCode.failure }
    }

    private func runHere(report: Report?) async throws {
        let path = ephemeral ? try Files.makeTemporaryFolder() : data.data
        defer { if ephemeral { Files.removeTree(path) } }
        let folder = RunFolder(path: path)
        var plan = Plan(
            services: withoutDependencies ? selected : Service.withDependencies(selected), folder: folder, dataDirectory: path,
            binaries: binaries ?? Self.folder(of: Environment.executable))
        plan.host = Environment.value("HTTP_HOST") ?? plan.host
        plan.logLevel = logLevel
        plan.jsonLogs = jsonLogs
        let engine = try engine()
        if withoutConsole { plan.services.remove(.console) }
        try Preflight.checkBinaries(plan)
        try Preflight.checkDatabases(engine, services: plan.services, environment: Environment.all)
        try folder.prepare()
        plan.dataDirectory = Environment.realPath(path) ?? path
        let lock = try RunLock(folder)
        _ = await Preflight.stopLeftovers(folder)
        let telemetry = try ConsoleChoice.make(
            isWanted: plan.services.contains(.console), page: consolePort, receiver: otlpPort, environment: Environment.all)
        if telemetry.ports == nil { plan.services.remove(.console) }
        guard !plan.services.isEmpty else { throw CommandFailure(telemetry.note ?? "there is nothing to start without the console") }
        plan.ports = try chosenPorts(host: plan.host)
        plan.apply(telemetry)
        try Preflight.checkPorts(plan)
        if report != nil { try Detached.redirectOutput(to: folder.supervisorLog) }

        let isLive = Environment.isTerminal(1) && report == nil
        // In the background, what is printed is shown by the process in front, which knows whether there are colours.
        let style = report == nil ? colour.style() : Style(isOn: !colour.noColor)
        let terminal = Terminal(isLive: isLive, style: style)
        let console = UpConsole(
            terminal: terminal, isQuiet: quiet || report != nil, isRaw: jsonLogs && !Environment.isTerminal(1), command: Environment.command,
            report: report)
        if let note = telemetry.note { console.note(note) }
        if engine != .files { console.server(withServers ? "starting" : "preparing the databases", .quiet) }
        let servers: ShopServers
        do {
            servers = try await ShopServers.prepare(
                engine, services: plan.services.filter(\.hasDatabase), folder: folder, command: Environment.command,
                startsRedis: ["REDIS_URL", "REDIS_HOST"].allSatisfy { Environment.value($0) == nil })
        } catch {
            await terminal.finish()
            throw error
        }
        plan.databases = servers.urls
        plan.databasePlace = servers.state?.place
        plan.redis = servers.redis?.url
        plan.redisPlace = servers.redis.map { "127.0.0.1:\($0.port)" }
        if let note = servers.redisNote { console.note(note) }
        let exitCode = try await Self.supervise(plan, on: servers, console)
        await terminal.finish()
        withExtendedLifetime(lock) {}
        guard exitCode == 0 else { throw ExitCode(exitCode) }
    }

    /// Runs the services, and beside them watches the servers that they stand on; those are stopped when they have gone.
    private static func supervise(_ plan: Plan, on servers: ShopServers, _ console: UpConsole) async throws -> Int32 {
        try await ServiceProbe.withHTTP { probe in
            let supervisor = try Supervisor(
                plan: plan, console: console, probe: probe, environment: Environment.all, databases: { servers.state })
            var watched: [(name: Style.ServerName, server: any OwnServer)] = []
            if let redis = servers.redis { watched.append((.redis, redis)) }
            if let postgres = servers.postgres { watched.append((.postgres, postgres)) }
            let watches = watched.map { one in
                Task { await ServerWatch(server: one.server, name: one.name, console: console) { await supervisor.writeState() }.run() }
            }
            let exitCode = await supervisor.run()
            for watch in watches { watch.cancel() }
            for (one, watch) in zip(watched, watches) {
                await one.server.stop()
                await watch.value
                console.server("stopped", .quiet, one.name)
            }
            return exitCode
        }
    }

    private var selected: Set<Service> { services.isEmpty ? Set(Service.allCases) : Set(services) }

    private func chosenPorts(host: String) throws -> [Service: Int] {
        var ports: [Service: Int] = [.gateway: gatewayPort, .inventory: inventoryPort, .pricing: pricingPort]
        let open = Service.allCases.filter { ports[$0] == 0 }
        for (service, port) in zip(open, try Ports.pick(open.count, host: host)) { ports[service] = port }
        return ports
    }

    static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }
}
