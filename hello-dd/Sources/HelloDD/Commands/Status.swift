import ArgumentParser
internal import Basics
internal import FoundationEssentials

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what runs.",
        discussion: """
            The state is what the service says when it is asked now, not what the supervisor last heard. `--json` prints the same for \
            programs: {"running", "ready", "supervisorPid", "dataFolder", "services": [{"service", "state", "port", "pid", \
            "uptimeSeconds", "restarts", "residentBytes", "lastExit"}], "database": {"engine", "place", "ownServer", "pid"}, \
            "console": {"url", "otlpEndpoint"}}.

            EXAMPLES:
              hello-dd status
              hello-dd status --json | jq -r '.services[] | "\\(.service) \\(.state)"'
            """
    )

    @OptionGroup var data: DataOptions

    @Flag(help: "For programs.")
    var json = false

    @OptionGroup var colour: ColourOptions

    func run() async throws {
        let folder = data.folder
        guard let state = folder.running() else {
            if json { return print(try StatusReport(folder: folder, state: nil, services: []).json()) }
            print("not running (data: \(folder.path)); start it with `\(Environment.command) up\(folder.option)`")
            let left = folder.state()?.aliveProcesses.count ?? 0
            if left > 0 {
                print("but \(left) of a supervisor that was killed are still there; `\(Environment.command) down\(folder.option)` ends them")
            }
            return
        }
        let now = Timestamp.now
        let services = try await ServiceProbe.withHTTP { probe in
            await withTaskGroup(of: StatusReport.Entry.self) { group in
                for record in state.services {
                    group.addTask { await StatusReport.Entry(record, host: state.reachableHost(of: record.service), probe: probe, now: now) }
                }
                var entries: [StatusReport.Entry] = []
                for await entry in group { entries.append(entry) }
                return entries
            }
        }
        let report = StatusReport(folder: folder, state: state, services: services)
        if json { print(try report.json()) } else { for line in report.lines(style: colour.style()) { print(line) } }
    }
}

/// What `status` found out.
struct StatusReport: Codable, Hashable, Sendable {
    struct Entry: Codable, Hashable, Sendable {
        var service: Service
        /// A state of the supervisor's, or `unready`: there, but it says that it is not ready.
        var state: String
        var port: Int
        var pid: Int32?
        var uptimeSeconds: Int64?
        var restarts: Int
        var residentBytes: Int64?
        var lastExit: String?

        init(_ record: RunState.Record, host: String, probe: ServiceProbe, now: Timestamp) async {
            let isAlive = record.process?.isAlive ?? false
            service = record.service
            port = record.port
            restarts = record.restarts
            lastExit = record.lastExit
            state = record.state.rawValue
            if isAlive {
                pid = record.process?.pid
                residentBytes = record.process?.residentBytes
                uptimeSeconds = record.startedAt.flatMap(Timestamp.init).map { (now - $0).microseconds / 1_000_000 }
                if record.state == .ready, await !probe.isReady(host: host, port: record.port) { state = "unready" }
            }
        }

        init(
            service: Service, state: String, port: Int, pid: Int32? = nil, uptimeSeconds: Int64? = nil, restarts: Int = 0,
            residentBytes: Int64? = nil,
            lastExit: String? = nil
        ) {
            self.service = service
            self.state = state
            self.port = port
            self.pid = pid
            self.uptimeSeconds = uptimeSeconds
            self.restarts = restarts
            self.residentBytes = residentBytes
            self.lastExit = lastExit
        }
    }

    var running: Bool
    var ready: Bool
    var supervisorPid: Int32?
    var dataFolder: String
    var services: [Entry]
    var database: Engine?
    /// Where what the services say of themselves is to be seen; nil where the console does not run.
    var console: ConsolePlace?

    struct ConsolePlace: Codable, Hashable, Sendable {
        /// Of the page.
        var url: String
        /// Where telemetry is sent.
        var otlpEndpoint: String

        init?(_ state: RunState) {
            guard let url = state.url(of: .console), let port = state.receiverPort else { return nil }
            self.url = url
            otlpEndpoint = "http://127.0.0.1:\(port)"
        }
    }

    /// What the services keep their data in.
    struct Engine: Codable, Hashable, Sendable {
        /// `sqlite` or `postgres`.
        var engine: String
        /// Host and port, or a folder.
        var place: String
        /// Whether the supervisor started it.
        var ownServer: Bool
        var pid: Int32?

        init(_ state: RunState, folder: RunFolder) {
            engine = state.databases == nil ? "sqlite" : "postgres"
            place = state.databases?.place ?? folder.path
            ownServer = state.databases?.isOwnServer ?? false
            pid = state.databases?.process.flatMap { $0.isAlive ? $0.pid : nil }
        }

        var line: String {
            guard engine == "postgres" else { return "database: SQLite, a file for each service" }
            let server = !ownServer ? "" : ", a server of the shop's own (\(pid.map { "pid \($0)" } ?? "not running now"))"
            return "database: PostgreSQL at \(place)\(server)"
        }
    }

    init(folder: RunFolder, state: RunState?, services: [Entry]) {
        running = state != nil
        ready = state != nil && services.allSatisfy { $0.state == "ready" }
        supervisorPid = state?.supervisor.pid
        dataFolder = folder.path
        self.services = services.sorted { $0.port < $1.port }
        database = state.map { Engine($0, folder: folder) }
        console = state.flatMap(ConsolePlace.init)
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    func lines(style: Style) -> [String] {
        var table = Table(header: ["SERVICE", "STATE", "PORT", "PID", "UPTIME", "RESTARTS", "MEMORY"], rightAligned: [2, 3, 4, 5, 6])
        table.rows = services.map { entry in
            [
                entry.service.name, entry.state, String(entry.port), entry.pid.map { String($0) } ?? "-",
                entry.uptimeSeconds.map { Duration.seconds($0).forPeople } ?? "-", String(entry.restarts),
                entry.residentBytes.map(bytesForPeople) ?? "-",
            ]
        }
        var lines = table.lines { row, column, cell in
            guard let row else { return style.paint(cell, .quiet) }
            guard column == 1 else { return cell }
            switch services[row].state {
            case "ready": return style.paint(cell, .good)
            case "failed", "unready": return style.paint(cell, .bad)
            default: return style.paint(cell, .warning)
            }
        }
        for entry in services {
            if let exit = entry.lastExit, entry.state != "stopped" { lines.append("\(entry.service.name) last ended with \(exit)") }
        }
        if let database { lines.append(style.paint(database.line, .quiet)) }
        if let console { lines.append(style.paint("traces: \(console.url) (received at \(console.otlpEndpoint))", .quiet)) }
        lines.append(style.paint("supervisor: pid \(supervisorPid ?? 0), data: \(dataFolder)", .quiet))
        return lines
    }
}
