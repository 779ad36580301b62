import Basics
import FoundationEssentials
import Logging
public import Redis

/// The Redis server that a service shares with its replicas, and with others: `REDIS_URL`, or `REDIS_HOST` and its parts. Nothing waits for
/// it at the start, and nothing fails without it.
public enum RedisSettings {
    public static let url = Setting<String>(
        "redis.url", default: nil, secret: true, expected: "redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], or rediss://… for TLS",
        help:
            "redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], or rediss://… for TLS. Without it, and without REDIS_HOST, each replica is on its own."
    ) { text in ["redis://", "rediss://"].contains { text.hasPrefix($0) } ? text : nil }
    public static let host = Setting<String>.string("redis.host", help: "Redis by parts: name or address of the server. REDIS_URL comes first.")
    public static let port = Setting<Int>.integer("redis.port", default: 6379, in: 1...65535, help: "Redis by parts: port.")
    public static let user = Setting<String>.string("redis.user", help: "Redis by parts: an ACL user; by default the server's default user.")
    public static let password = Setting<String>.string("redis.password", secret: true, help: "Redis by parts: password.")
    public static let passwordFile = Setting<String>.string(
        "redis.password.file", help: "Redis by parts: a file that holds the password, as secrets are mounted. Instead of REDIS_PASSWORD.")
    public static let tls = Setting<Bool>.flag(
        "redis.tls", default: false, help: "Redis by parts: whether the server speaks TLS; it is checked then.")
    public static let authorities = Setting<String>.string(
        "redis.tls.ca.file", help: "A PEM file of the certificates that may have signed the server's; by default the system's.")
    public static let silence = Setting<Duration>.seconds(
        "redis.silence.seconds", default: 2, in: 0.2...60,
        help: "A connection that is asked and says nothing for so long is given up. Twice this is the better part of how stale a cache can become.")

    public static let all: [SettingInfo] = [
        SettingInfo(url), SettingInfo(host), SettingInfo(port), SettingInfo(user), SettingInfo(password), SettingInfo(passwordFile),
        SettingInfo(tls), SettingInfo(authorities), SettingInfo(silence),
    ]
}

/// A client of that server, which connects when it is first used; nil where none is named.
///
/// - Throws: `ConfigurationError` for settings that cannot be used; it holds no password.
public func openRedis(_ boot: Boot) throws(ConfigurationError) -> RedisClient? {
    let settings = boot.settings
    var options: RedisOptions
    if let url = try settings.optional(RedisSettings.url) {
        do { options = try RedisOptions(url: url) } catch { throw ConfigurationError("REDIS_URL cannot be used: \(error)") }
    } else if let host = try settings.optional(RedisSettings.host) {
        let given = try settings.optional(RedisSettings.password)
        let file = try settings.optional(RedisSettings.passwordFile)
        guard given == nil || file == nil else { throw ConfigurationError("REDIS_PASSWORD and REDIS_PASSWORD_FILE are both set: unset one of them") }
        options = RedisOptions(
            host: host, port: try settings(RedisSettings.port), user: try settings.optional(RedisSettings.user),
            password: try file.map { path throws(ConfigurationError) in try secret(in: path, "REDIS_PASSWORD_FILE") } ?? given,
            tls: try settings(RedisSettings.tls) ? RedisOptions.TLS() : nil)
    } else {
        return nil
    }
    if options.tls != nil { options.tls?.authorities = try settings.optional(RedisSettings.authorities) }
    options.clientName = boot.service
    options.silence = try settings(RedisSettings.silence)
    boot.logger.info(
        "replicas share a Redis server", metadata: ["server": "\(options.host):\(options.port)", "tls": "\(options.tls != nil)"])
    return RedisClient(options)
}

extension HealthCheck {
    /// Whether the Redis server answers. Without it a service works on: see the caches and limits that use it.
    public static func redis(_ client: RedisClient) -> HealthCheck {
        HealthCheck("redis") { _ = try await client.send(RedisCommand("PING")) }
    }
}
