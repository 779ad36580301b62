import Basics
public import Database
import FoundationEssentials
import Logging
import Resilience

/// The service's own database: what `DATABASE_URL` names, or the PostgreSQL server of `DB_HOST` and its parts, or a file in `DATA_DIR`.
///
/// A PostgreSQL server that is not there yet is waited for, up to `DATABASE_START_TIMEOUT_SECONDS`: whatever starts both need not order them.
///
/// - Throws: `ConfigurationError` for settings that cannot be used, `DatabaseError` for a database that cannot be opened. Neither holds a
///   password.
public func openDatabase(_ boot: Boot, defaultFile: String) async throws -> any Database {
    let settings = boot.settings
    let url = try settings.optional(ServiceSettings.databaseURL)
    if url == "sqlite::memory:" { return try SQLiteDatabase(.memory) }
    if let url, url.hasPrefix("sqlite:") { return try SQLiteDatabase(.file(String(url.dropFirst("sqlite:".count)))) }
    if let url {
        for setting in [ServiceSettings.databaseTLS, ServiceSettings.databaseRootCertificate] where try settings.optional(setting) != nil {
            throw ConfigurationError("\(setting.variable) goes with DB_HOST and has no effect on DATABASE_URL: write it there, as ?sslmode=…")
        }
        return try await openPostgres(url, named: "DATABASE_URL", boot)
    }
    if let parts = try PostgresParts(boot) { return try await openPostgres(parts.connectionString, named: "DB_HOST", boot) }
    return try SQLiteDatabase(.file("\(try settings(ServiceSettings.dataDirectory))/\(defaultFile)"))
}

/// Brings the service's database up to date, and says so where a newer release has been there before: one that was taken back, or that
/// is being rolled out beside this one.
public func migrate(_ database: any Database, _ migrations: [Migration], _ boot: Boot) async throws {
    let unknown = try await migrate(database, migrations, now: boot.sources.now)
    guard unknown > 0 else { return }
    boot.logger.notice(
        "the database is ahead of this release, which works with it", metadata: ["migrations": "\(unknown)", "known": "\(migrations.count)"])
}

private func openPostgres(_ address: String, named variable: String, _ boot: Boot) async throws -> PostgresDatabase {
    var options = PostgresDatabase.Options()
    options.connections = try boot.settings(ServiceSettings.databasePoolSize)
    options.applicationName = boot.service
    let database: PostgresDatabase
    do {
        database = try PostgresDatabase(url: address, options: options)
    } catch {
        throw ConfigurationError("\(variable) cannot be used: \(error.message)")
    }
    do {
        try await connect(to: database, boot, within: boot.settings(ServiceSettings.databaseStartTimeout))
        return database
    } catch {
        await database.shutdown()
        throw error
    }
}

/// Tries until the server answers. One connection is enough to begin with; the others are opened too, so that the first callers need not wait.
private func connect(to database: PostgresDatabase, _ boot: Boot, within time: Duration) async throws {
    let backoff = Backoff(base: .milliseconds(200), cap: .seconds(2))
    let begun = ContinuousClock.now
    var logged: ContinuousClock.Instant?
    var failures = 0
    while true {
        do {
            // A server that takes the connection and answers nothing is one that is not there.
            _ = try await Deadline.with(.after(.seconds(15))) { try await database.query("SELECT 1 AS one") }
            break
        } catch let error as DatabaseError {
            let delay = backoff.delay(failures)
            failures += 1
            guard .now + delay < begun + time, error.code != .cancelled, error.code != .closed else {
                throw DatabaseError(
                    error.code, "the PostgreSQL server at \(database.server) could not be reached within \(time): \(error.message)")
            }
            if logged.map({ .now - $0 >= .seconds(5) }) ?? true {
                logged = .now
                boot.logger.warning(
                    "the database is not there yet; trying again", metadata: ["server": "\(database.server)", "error": "\(error.message)"])
            }
            try await Task.sleep(for: delay)
        }
    }
    do {
        try await database.warmUp()
    } catch {
        boot.logger.warning("not all connections to the database could be opened", metadata: ["error": "\(error.message)"])
    }
}

/// A PostgreSQL server by its parts.
struct PostgresParts: Sendable {
    /// Keywords of libpq and their values, in order.
    private let values: [(keyword: String, value: String)]

    /// nil where `DB_HOST` is not set.
    init?(_ boot: Boot) throws(ConfigurationError) {
        let settings = boot.settings
        guard let host = try settings.optional(ServiceSettings.databaseHost) else { return nil }
        let own = boot.service.replacing("-", with: "_")
        var values = [
            ("host", host), ("port", String(try settings(ServiceSettings.databasePort))),
            ("dbname", try settings.optional(ServiceSettings.databaseName) ?? own),
            ("user", try settings.optional(ServiceSettings.databaseUser) ?? own),
        ]
        if let password = try Self.password(settings) { values.append(("password", password)) }
        if let mode = try settings.optional(ServiceSettings.databaseTLS) { values.append(("sslmode", mode)) }
        if let file = try settings.optional(ServiceSettings.databaseRootCertificate) { values.append(("sslrootcert", file)) }
        self.values = values
    }

    /// As libpq reads it: `host='…' port='…' …`.
    var connectionString: String { values.map { "\($0.keyword)=\(Self.quoted($0.value))" }.joined(separator: " ") }

    private static func quoted(_ value: String) -> String {
        "'" + value.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
    }

    private static func password(_ settings: Settings) throws(ConfigurationError) -> String? {
        let given = try settings.optional(ServiceSettings.databasePassword)
        guard let path = try settings.optional(ServiceSettings.databasePasswordFile) else { return given }
        guard given == nil else { throw ConfigurationError("DB_PASSWORD and DB_PASSWORD_FILE are both set: unset one of them") }
        return try secret(in: path, "DB_PASSWORD_FILE")
    }
}

/// The password that a file holds.
/// - Parameter variable: what named the file, for the error.
func secret(in path: String, _ variable: String) throws(ConfigurationError) -> String {
    // Tokens of cloud providers that stand for a password are about two kilobytes long.
    let most = 8192
    guard let data = FileManager.default.contents(atPath: path), data.count <= most, var text = String(validating: data, as: UTF8.self),
        !text.utf8.contains(0)
    else { throw ConfigurationError("\(variable) must name a file that can be read and holds a password of at most \(most) bytes") }
    // An editor, and `echo`, end the line; a line's end is no part of a password.
    if text.hasSuffix("\r\n") || text.hasSuffix("\n") { text.removeLast() }
    guard !text.isEmpty else { throw ConfigurationError("\(variable) names an empty file") }
    return text
}
