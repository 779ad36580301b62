public import Resilience

/// Where a Redis server is and how it is spoken to.
public struct RedisOptions: Hashable, Sendable {
    public var host: String
    public var port: Int
    /// For an ACL user; nil: the server's default user.
    public var user: String?
    public var password: String?
    /// The number of the database.
    public var database: Int
    /// Nil: no TLS.
    public var tls: TLS?
    /// How the server lists this client (`CLIENT LIST`): letters, digits, `-`, `_`, `.`; a listener as `NAME.listener`.
    public var clientName: String?
    /// Connections for commands, one on each event loop until all have one. Commands of one connection are answered in order, so one big
    /// answer holds up the others.
    public var connections = 2
    /// From the first packet until the server has answered the greeting.
    public var connectTimeout = Duration.seconds(1)
    /// How long an answer may take; a task's deadline may shorten it.
    public var commandTimeout = Duration.milliseconds(500)
    /// A connection on which commands wait and nothing arrives for so long is given up.
    public var silence = Duration.seconds(3)
    /// Before a lost connection is made anew.
    public var backoff = Backoff(base: .milliseconds(50), cap: .seconds(2))
    /// Commands that may wait for their answers on one connection.
    public var pendingLimit = 10_000
    /// Bytes of commands that may wait to be written on one connection.
    public var pendingBytes = 16 << 20
    /// Bytes of one reply.
    public var replyBytes = 64 << 20

    public struct TLS: Hashable, Sendable {
        /// A PEM file with the authorities to trust; nil: the system's.
        public var authorities: String?
        /// Whether the certificate must be one for the host. Only for tests is there a reason to say no.
        public var verifiesHost = true

        public init(authorities: String? = nil, verifiesHost: Bool = true) {
            self.authorities = authorities
            self.verifiesHost = verifiesHost
        }
    }

    public init(host: String = "127.0.0.1", port: Int = 6379, user: String? = nil, password: String? = nil, database: Int = 0, tls: TLS? = nil) {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.database = database
        self.tls = tls
    }

    /// Reads `redis://[[user]:password@]host[:port][/database]`, or `rediss://…` for TLS; the password is percent-encoded where it must be.
    ///
    /// - Throws: what is wrong with it; the text itself is not repeated, because it may hold a password.
    public init(url: String) throws(RedisURLError) {
        var rest = url[...]
        var options = RedisOptions()
        if rest.hasPrefix("redis://") {
            rest = rest.dropFirst("redis://".count)
        } else if rest.hasPrefix("rediss://") {
            rest = rest.dropFirst("rediss://".count)
            options.tls = TLS()
        } else {
            throw RedisURLError("it must begin with redis:// or rediss://")
        }
        guard !rest.contains("?"), !rest.contains("#") else { throw RedisURLError("it has parameters, and none is known") }
        if let slash = rest.firstIndex(of: "/") {
            let path = rest[rest.index(after: slash)...]
            if !path.isEmpty {
                guard let number = Int(path), (0...1_000_000).contains(number) else {
                    throw RedisURLError("the database after the slash is no number")
                }
                options.database = number
            }
            rest = rest[..<slash]
        }
        if let at = rest.lastIndex(of: "@") {
            let account = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard account.count == 2 else { throw RedisURLError("before the @ there must be user:password, or :password") }
            guard let user = Self.decoded(account[0]), let password = Self.decoded(account[1]) else {
                throw RedisURLError("the percent encoding before the @ is wrong")
            }
            options.user = user.isEmpty ? nil : user
            options.password = password.isEmpty ? nil : password
            rest = rest[rest.index(after: at)...]
        }
        var host = rest
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { throw RedisURLError("the address in brackets does not end") }
            host = rest[rest.index(after: rest.startIndex)..<end]
            rest = rest[rest.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { throw RedisURLError("after the address in brackets there must be a port") }
        } else {
            host = rest.prefix { $0 != ":" }
            rest = rest[host.endIndex...]
        }
        if rest.hasPrefix(":") {
            guard let port = Int(rest.dropFirst()), (1...65_535).contains(port) else { throw RedisURLError("the port is no number from 1 to 65535") }
            options.port = port
        }
        guard !host.isEmpty else { throw RedisURLError("it names no host") }
        options.host = String(host)
        self = options
    }

    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let hex = String(rest.prefix(2)), hex.utf8.count == 2, hex.allSatisfy(\.isHexDigit), let value = UInt8(hex, radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// What is wrong with the address of a Redis server. Holds nothing of it.
public struct RedisURLError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
