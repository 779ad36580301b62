import ArgumentParser
internal import LocalServers

struct Psql: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Open psql on a service's database.",
        discussion: """
            For a shop that runs on PostgreSQL (`up --with-servers`, `up --postgres URL`). It connects as the service does: as the role \
            that owns the database. Arguments behind `--` are psql's.

            EXAMPLES:
              hello-dd psql                          inventory's
              hello-dd psql orders                   the gateway's
              hello-dd psql pricing -- -c '\\dt'      one command
            """
    )

    /// The databases, by the names they have.
    enum Choice: String, CaseIterable, ExpressibleByArgument {
        case inventory, pricing, orders

        var service: Service {
            switch self {
            case .inventory: .inventory
            case .pricing: .pricing
            case .orders: .gateway
            }
        }
    }

    @Argument(help: "inventory, pricing or orders.")
    var database = Choice.inventory

    @Argument(parsing: .postTerminator, help: ArgumentHelp("What psql is given.", valueName: "argument"))
    var arguments: [String] = []

    @OptionGroup var data: DataOptions

    func run() async throws {
        let folder = data.folder
        let command = Environment.command
        guard let state = folder.running() else {
            throw CommandFailure("not running (data: \(folder.path)); start it with `\(command) up --with-servers\(folder.option)`")
        }
        let service = database.service
        guard let databases = state.databases else {
            let file = service == .gateway ? "gateway" : service.databaseName
            throw CommandFailure(
                "the shop runs on SQLite: `sqlite3 \(folder.path)/\(file).sqlite` opens the file; `\(command) up --with-servers` runs it on PostgreSQL"
            )
        }
        guard let url = databases.urls[service.rawValue], let password = try DatabaseRoles.read(folder).passwords[service.databaseName] else {
            throw CommandFailure("\(service.name) does not run here, so there is no database for it")
        }
        let program = try await psql()
        // In the environment: what stands among the arguments is for every user to see.
        throw SystemCall.become(program, [url] + arguments, with: ["PGPASSWORD": password])
    }

    private func psql() async throws(CommandFailure) -> String {
        let path = (Environment.value("PATH") ?? "").split(separator: ":").map { "\($0)/psql" }
        if let found = path.first(where: Files.isExecutable) { return found }
        let binaries = try? await PostgresBinaries.find(environment: Environment.all)
        guard let found = binaries?.program("psql") else {
            throw CommandFailure("psql is not installed: `apt-get install postgresql-client`, or `brew install libpq`")
        }
        return found
    }
}
