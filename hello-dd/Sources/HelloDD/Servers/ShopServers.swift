internal import LocalServers

/// Which database engine `up` was asked for.
enum EngineChoice: Hashable, Sendable {
    /// A file for each service, in the data folder.
    case files
    /// A PostgreSQL server that runs already.
    case server(ServerAddress)
    /// A PostgreSQL server of the shop's own.
    case ownServer(isEphemeral: Bool)
}

/// What the shop's services stand on, started and prepared.
struct ShopServers: Sendable {
    /// The address of each service's database, with its password. None: each service has a file.
    var urls: [Service: String] = [:]
    /// The servers that were started here.
    var postgres: LocalPostgres?
    var redis: LocalRedis?
    /// Why there is no Redis where there could be one.
    var redisNote: String?
    private var place = ""
    private var services: [Service: String] = [:]

    /// Starts servers if they are wanted, and makes what the services need on them.
    /// - Parameter startsRedis: whether one is wanted too where PostgreSQL is started; one that is not installed is done without.
    static func prepare(
        _ choice: EngineChoice, services: Set<Service>, folder: RunFolder, command: String, startsRedis: Bool
    ) async throws -> ShopServers {
        switch choice {
        case .files: return ShopServers()
        case .server(let address):
            return try await ShopServers(services, on: address, folder: folder, command: command)
        case .ownServer(let isEphemeral):
            let postgres = try await start(isEphemeral ? nil : folder.postgres)
            do {
                var servers = try await ShopServers(services, on: ServerAddress(postgres.adminURL), folder: folder, command: command)
                servers.postgres = postgres
                if startsRedis, !services.isDisjoint(with: Service.usingRedis) {
                    (servers.redis, servers.redisNote) = try await startRedis(isEphemeral ? nil : folder.redis)
                }
                return servers
            } catch {
                await postgres.stop()
                throw error
            }
        }
    }

    private static func start(_ folder: String?) async throws(CommandFailure) -> LocalPostgres {
        do {
            return try await LocalPostgres.start(LocalPostgres.Options(folder: folder))
        } catch {
            throw CommandFailure(error.description)
        }
    }

    private static func startRedis(_ folder: String?) async throws(CommandFailure) -> (LocalRedis?, String?) {
        do {
            return (try await LocalRedis.start(LocalRedis.Options(folder: folder)), nil)
        } catch {
            guard error.code == .notInstalled else { throw CommandFailure(error.description) }
            return (nil, "Redis is not installed, so each service remembers prices by itself")
        }
    }

    /// Stops what was started here.
    func stop() async {
        await redis?.stop()
        await postgres?.stop()
    }

    private init() {}

    private init(_ services: Set<Service>, on address: ServerAddress, folder: RunFolder, command: String) async throws {
        urls = try await PostgresPreparation(server: address, folder: folder, command: command).prepare(services)
        place = address.place
        for service in services {
            self.services[service] = address.url(user: service.databaseName, password: nil, database: service.databaseName)
        }
    }

    /// For `run.json`: nil with files.
    var state: RunState.Databases? {
        guard !urls.isEmpty else { return nil }
        let process = postgres?.processIdentifier.flatMap { ProcessIdentity(of: $0) }
        return RunState.Databases(
            place: place, urls: Dictionary(uniqueKeysWithValues: services.map { ($0.key.rawValue, $0.value) }), isOwnServer: postgres != nil,
            process: process)
    }
}
