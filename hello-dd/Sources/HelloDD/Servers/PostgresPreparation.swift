internal import Database

/// Gives each service a role and a database of its own on a PostgreSQL server. What is there already, and is the shop's, is left as it is;
/// what is somebody else's is not touched.
struct PostgresPreparation: Sendable {
    /// Of a user that may make roles and databases.
    let server: ServerAddress
    let folder: RunFolder
    let command: String

    /// How the shop marks a role as its own, so that it takes over no other that has the same name.
    private static func mark(_ service: Service) -> SQL { SQL(stringLiteral: "'hello-dd: \(service.name)'") }

    /// Returns the address for each of the services, with its password.
    func prepare(_ services: Set<Service>) async throws -> [Service: String] {
        var options = PostgresDatabase.Options()
        options.connections = 1
        let admin = try open(server.url, options)
        do {
            let urls = try await prepare(services, admin)
            await admin.shutdown()
            return urls
        } catch {
            await admin.shutdown()
            throw error
        }
    }

    private func open(_ url: String, _ options: PostgresDatabase.Options) throws(CommandFailure) -> PostgresDatabase {
        do {
            return try PostgresDatabase(url: url, options: options)
        } catch {
            throw CommandFailure(error.message)
        }
    }

    private func prepare(_ services: Set<Service>, _ admin: PostgresDatabase) async throws -> [Service: String] {
        do {
            try await admin.warmUp()
        } catch {
            throw Self.refusal(error.message, server: server, command: command)
        }
        let rights = try await Rights(admin)
        var roles = try DatabaseRoles.read(folder)
        var urls: [Service: String] = [:]
        for service in Service.allCases where services.contains(service) {
            let password = roles.password(of: service)
            // On disk first: a role whose password nobody knows would be worth nothing.
            if password.isNew { try roles.write(to: folder) }
            do {
                try await makeRole(service, password: password.text, isNew: password.isNew, rights, admin)
                try await makeDatabase(service, rights, admin)
            } catch let error as DatabaseError {
                throw CommandFailure("the database of \(service.name) on \(server.place) cannot be prepared: \(error.message)")
            }
            let url = server.url(user: service.databaseName, password: password.text, database: service.databaseName)
            try await tryOut(service, url)
            urls[service] = url
        }
        return urls
    }

    /// What the user of the address may do.
    private struct Rights: Sendable {
        let user: String
        let isSuperuser: Bool
        let makesRoles: Bool
        let makesDatabases: Bool

        init(_ admin: PostgresDatabase) async throws {
            let rows = try await admin.query("SELECT rolname, rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user")
            guard let row = rows.first else { throw CommandFailure("the server does not say who is asking") }
            user = try row.decode("rolname")
            isSuperuser = try row.decode("rolsuper")
            makesRoles = try isSuperuser || row.decode("rolcreaterole")
            makesDatabases = try isSuperuser || row.decode("rolcreatedb")
        }

        func missing(_ right: String, for what: String) -> CommandFailure {
            CommandFailure(
                "user \(user) may not make the \(what): let a superuser run `ALTER ROLE \"\(user)\" \(right)`, or name one in --postgres")
        }
    }

    private func makeRole(_ service: Service, password: String, isNew: Bool, _ rights: Rights, _ admin: PostgresDatabase) async throws {
        let name = service.databaseName
        let found = try await admin.query(
            "SELECT coalesce(shobj_description(oid, 'pg_authid'), '') = \(Self.mark(service)) AS ours FROM pg_roles WHERE rolname = \(name)")
        let role: SQL = "\"\(raw: name)\""
        // A statement about roles takes no parameters; the password is made of letters and digits.
        let secret: SQL = "'\(raw: password)'"
        guard let row = found.first else {
            guard rights.makesRoles else { throw rights.missing("CREATEROLE", for: "role \(name)") }
            try await admin.withTransaction { transaction in
                try await transaction.execute("CREATE ROLE \(role) LOGIN PASSWORD \(secret)")
                try await transaction.execute("COMMENT ON ROLE \(role) IS \(Self.mark(service))")
            }
            return
        }
        guard isNew else { return }
        guard try row.decode("ours", as: Bool.self) else {
            throw CommandFailure(
                "there is a role \(name) on \(server.place) that hello-dd did not make: use another server, or rename the role")
        }
        // Ours, from a data folder that is gone.
        guard rights.makesRoles else { throw rights.missing("CREATEROLE", for: "new password of role \(name)") }
        try await admin.execute("ALTER ROLE \(role) LOGIN PASSWORD \(secret)")
    }

    private func makeDatabase(_ service: Service, _ rights: Rights, _ admin: PostgresDatabase) async throws {
        let name = service.databaseName
        let found = try await admin.query(
            "SELECT pg_get_userbyid(datdba)::text AS owner, pg_encoding_to_char(encoding)::text AS encoding FROM pg_database WHERE datname = \(name)")
        if let row = found.first {
            let owner = try row.decode("owner", as: String.self)
            guard owner == name else {
                throw CommandFailure("the database \(name) on \(server.place) belongs to \(owner), not to hello-dd: use another server, or rename it")
            }
            return
        }
        guard rights.makesDatabases else { throw rights.missing("CREATEDB", for: "database \(name)") }
        let database: SQL = "\"\(raw: name)\""
        // Only a member may give a database to a role; a superuser is as good as one.
        if !rights.isSuperuser { try await admin.execute("GRANT \(database) TO CURRENT_USER") }
        // template0, since template1 may hold what somebody put there, or another encoding.
        try await admin.executeScript("CREATE DATABASE \"\(name)\" OWNER \"\(name)\" TEMPLATE template0 ENCODING 'UTF8'")
        try await admin.execute("REVOKE ALL ON DATABASE \(database) FROM PUBLIC")
        if !rights.isSuperuser { try await admin.execute("REVOKE \(database) FROM CURRENT_USER") }
    }

    /// As the service will: what keeps it from connecting is told now, and not in a log.
    private func tryOut(_ service: Service, _ url: String) async throws {
        guard let problem = await Self.problem(url) else { return }
        if problem.contains("password authentication failed") {
            throw CommandFailure(
                "the password of role \(service.databaseName) in \(DatabaseRoles.file(folder)) is not the server's: is it another server than last time? "
                    + "Remove the file, and the next `up` gives the roles of hello-dd new passwords")
        }
        throw CommandFailure("role \(service.databaseName) cannot connect to its database: \(problem)")
    }

    /// Why a database cannot be connected to; nil if it can.
    static func problem(_ url: String) async -> String? {
        var options = PostgresDatabase.Options()
        options.connections = 1
        do throws(DatabaseError) {
            let database = try PostgresDatabase(url: url, options: options)
            do throws(DatabaseError) {
                try await database.warmUp()
            } catch {
                await database.shutdown()
                throw error
            }
            await database.shutdown()
            return nil
        } catch {
            return error.message
        }
    }

    /// What to do about a server that does not let the user in.
    static func refusal(_ message: String, server: ServerAddress, command: String) -> CommandFailure {
        if message.contains("password") {
            return CommandFailure(
                "\(server.place) refuses the user: \(message). Give the right password in the address, in PGPASSWORD or in ~/.pgpass")
        }
        let isAbsent = ["refused", "could not translate", "timeout", "timed out", "No such file", "unreachable"].contains { message.contains($0) }
        return CommandFailure(
            isAbsent
                ? "no PostgreSQL server answers at \(server.place): \(message). Is it running? `\(command) up --with-servers` starts one of its own"
                : "\(server.place) does not take the connection: \(message)")
    }
}
