import Resilience

/// The settings that every service has. Each bound says why it is what it is.
public enum ServiceSettings {
    public static let host = Setting<String>.string(
        "http.host", default: "127.0.0.1", help: "Address to listen on. Loopback, so that nothing is open to a network by default.")
    public static func port(_ number: Int) -> Setting<Int> {
        .integer("http.port", default: number, in: 0...65535, help: "Port to listen on; 0 takes a free one.")
    }
    public static let maxBody = Setting<Int>.integer(
        "http.max.body.bytes", default: 1 << 20, in: 1024...(64 << 20), unit: "bytes",
        help: "Longest request body; 1 MiB holds a batch of 200 records. Streams such as imports are bounded by row and not by this.")
    public static let maxHeaders = Setting<Int>.integer(
        "http.max.header.bytes", default: 16 << 10, in: 1024...(256 << 10), unit: "bytes",
        help: "Longest header section; a token and a trace fit many times.")
    public static let maxInFlight = Setting<Int>.integer(
        "http.max.in.flight", default: 1024, in: 1...100_000, unit: "requests",
        help: "Requests worked on at once; more are answered 503. Bounds memory.")
    public static let shedReadPercent = Setting<Int>.integer(
        "shed.read.percent", default: 80, in: 1...100, unit: "percent",
        help: "Reads may be this share of the requests worked on; the rest is kept for writes, whose callers have more to lose.")
    public static let shedQueueTime = Setting<Duration>.seconds(
        "shed.queue.time.seconds", default: 0.1, in: 0.001...60,
        help: "Work that waits longer for a thread stands in a queue; a tenth of a second is far above what an idle machine needs.")
    public static let shedPatience = Setting<Duration>.seconds(
        "shed.patience.seconds", default: 0.5, in: 0...60,
        help: "A queue that has stood for so long makes reads be answered 503, and one of four times as long writes too.")

    static func shedding(_ settings: Settings) throws(ConfigurationError) -> ShedderConfiguration {
        var configuration = ShedderConfiguration()
        configuration.mostInFlight = try settings(maxInFlight)
        configuration.readShare = Double(try settings(shedReadPercent)) / 100
        configuration.queueTime = try settings(shedQueueTime)
        configuration.patience = try settings(shedPatience)
        return configuration
    }

    public static let maxConnections = Setting<Int>.integer(
        "http.max.connections", default: 4096, in: 1...100_000, unit: "connections", help: "Open connections; more wait in the backlog.")
    public static let idleTimeout = Setting<Duration>.seconds(
        "http.idle.timeout.seconds", default: 60, in: 1...3600, help: "An idle connection is closed after this; also bounds a slow request head.")
    public static let strictTransport = Setting<Int>.integer(
        "http.hsts.seconds", default: 0, in: 0...63_072_000, unit: "seconds",
        help: "Browsers are told to use nothing but TLS for this host for so long; 0: they are not told. Only where TLS ends in front of it.")
    public static let requestTimeout = Setting<Duration>.seconds(
        "http.request.timeout.seconds", default: 10, in: 0.01...600,
        help: "A request without a deadline of its own gets this one, and none gets a longer one.")
    public static let drain = Setting<Duration>.seconds(
        "drain.seconds", default: 0, in: 0...300,
        help: "Between SIGTERM (readiness turns false) and closing the listener; a load balancer needs about 5 to notice.")
    public static let shutdownTimeout = Setting<Duration>.seconds(
        "shutdown.timeout.seconds", default: 15, in: 1...300, help: "Requests in flight get this long to end after the listener has closed.")
    public static let logLevel = Setting<String>(
        "log.level", default: "info", expected: "one of trace, debug, info, notice, warning, error, critical", help: "Least level that is logged."
    ) { ["trace", "debug", "info", "notice", "warning", "error", "critical"].contains($0) ? $0 : nil }
    public static let logFormat = Setting<String>(
        "log.format", default: "automatic", expected: "json, pretty or automatic",
        help: "automatic: pretty on a terminal, one JSON object a line elsewhere."
    ) { ["json", "pretty", "automatic"].contains($0) ? $0 : nil }
    public static let environment = Setting<String>.string("dd.env", default: "local", help: "The deployment's name in logs and metrics.")

    public static let dataDirectory = Setting<String>.string(
        "data.dir", default: ".hello-dd", help: "Folder of the embedded database; made if it is not there.")
    public static let databaseURL = Setting<String>(
        "database.url", default: nil, secret: true,
        expected: "sqlite:PATH, sqlite::memory:, or postgres://USER:PASSWORD@HOST:PORT/NAME",
        help:
            "sqlite:PATH, sqlite::memory:, or postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=…. Without it, and without DB_HOST, a file in DATA_DIR."
    ) { text in ["sqlite:", "postgres://", "postgresql://"].contains { text.hasPrefix($0) } ? text : nil }
    public static let databaseHost = Setting<String>.string(
        "db.host", help: "PostgreSQL by parts: name or address of the server, or the folder of its Unix socket. DATABASE_URL comes first.")
    public static let databasePort = Setting<Int>.integer("db.port", default: 5432, in: 1...65535, help: "PostgreSQL by parts: port.")
    public static let databaseName = Setting<String>.string(
        "db.name", help: "PostgreSQL by parts: database; by default the service's name with _ for -.")
    public static let databaseUser = Setting<String>.string(
        "db.user", help: "PostgreSQL by parts: role; by default the service's name with _ for -.")
    public static let databasePassword = Setting<String>.string("db.password", secret: true, help: "PostgreSQL by parts: password.")
    public static let databasePasswordFile = Setting<String>.string(
        "db.password.file", help: "PostgreSQL by parts: a file that holds the password, as secrets are mounted. Instead of DB_PASSWORD.")
    public static let databaseTLS = Setting<String>(
        "db.sslmode", default: nil, expected: "one of \(tlsModes.joined(separator: ", "))",
        help: """
            PostgreSQL by parts: TLS, as libpq spells it: disable, allow, prefer, require, verify-ca, verify-full; libpq's own default is prefer. \
            Only verify-full makes sure whom it talks to.
            """
    ) { tlsModes.contains($0) ? $0 : nil }
    public static let databaseRootCertificate = Setting<String>.string(
        "db.sslrootcert", help: "PostgreSQL by parts: file of the certificates that may have signed the server's; for verify-ca and verify-full.")
    public static let databasePoolSize = Setting<Int>.integer(
        "database.pool.size", default: 8, in: 1...200, unit: "connections",
        help: "Connections to PostgreSQL. All replicas together must stay below the server's max_connections, by default 100.")
    public static let databaseStartTimeout = Setting<Duration>.seconds(
        "database.start.timeout.seconds", default: 30, in: 0...3600,
        help: "How long a starting service goes on trying a PostgreSQL server that is not there yet; one that starts beside it is there by then.")
    private static let tlsModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]

    public static let keysDirectory = Setting<String>.string(
        "keys.dir", default: ".hello-dd/keys",
        help: "Folder of the local key pairs; made with fresh keys if it is not there. To check tokens, the *.pub.pem files are enough.")
    public static let issuer = Setting<String>.string(
        "jwt.issuer", default: "hello-dd-local", help: "The issuer that users' tokens must name.")
    public static let keySetFile = Setting<String>.string(
        "jwt.jwks.file",
        help: "Instead of users' keys in KEYS_DIR: a file with the JSON Web Key Set of whoever issues users' tokens; read again when it changes.")
    public static let keySetURL = Setting<String>(
        "jwt.jwks.url", default: nil, expected: "an https URL, or an http URL on loopback",
        help:
            "Instead of users' keys in KEYS_DIR: where the JSON Web Key Set of whoever issues users' tokens is. Unencrypted only on loopback: who answers decides who may call."
    ) { KeySource.isAcceptable(url: $0) ? $0 : nil }
    public static let keySetLifetime = Setting<Duration>.seconds(
        "jwt.jwks.lifetime.seconds", default: 300, in: 10...86_400,
        help: "A key set from a URL is fetched again after this; a key taken out of it is believed at most twice as long, or until it can be fetched."
    )
    public static let clockSkew = Setting<Duration>.seconds(
        "jwt.clock.skew.seconds", default: 5, in: 0...60,
        help: "A token holds so much earlier and longer than it says: clocks of different machines differ a little.")
    public static let faultsEnabled = Setting<Bool>.flag(
        "faults.enabled", default: false,
        help: "Let operators break things on purpose: latency and errors by route, each ending by itself. `hello-dd up` sets it; nothing else does.")
    public static let supervisor = Setting<Int>.integer(
        "supervisor.fd", in: 3...65535,
        help: "Set by hello-dd up: a pipe that it holds open; the service stops when the pipe ends, so when hello-dd has gone.")

    static func all(port number: Int) -> [SettingInfo] {
        [
            SettingInfo(host), SettingInfo(port(number)), SettingInfo(maxBody), SettingInfo(maxHeaders), SettingInfo(maxInFlight),
            SettingInfo(shedReadPercent), SettingInfo(shedQueueTime), SettingInfo(shedPatience),
            SettingInfo(maxConnections), SettingInfo(idleTimeout), SettingInfo(strictTransport), SettingInfo(requestTimeout), SettingInfo(drain),
            SettingInfo(shutdownTimeout),
            SettingInfo(logLevel), SettingInfo(logFormat), SettingInfo(environment), SettingInfo(dataDirectory), SettingInfo(databaseURL),
            SettingInfo(databaseHost), SettingInfo(databasePort), SettingInfo(databaseName), SettingInfo(databaseUser),
            SettingInfo(databasePassword), SettingInfo(databasePasswordFile), SettingInfo(databaseTLS), SettingInfo(databaseRootCertificate),
            SettingInfo(databasePoolSize), SettingInfo(databaseStartTimeout), SettingInfo(keysDirectory), SettingInfo(issuer),
            SettingInfo(keySetFile), SettingInfo(keySetURL), SettingInfo(keySetLifetime), SettingInfo(clockSkew), SettingInfo(faultsEnabled),
            SettingInfo(supervisor),
        ]
    }
}
