public import AsyncHTTPClient
import FoundationEssentials
import HTTPPath
import HTTPTypes
import NIOCore
import NIOPosix

/// Where the keys come from that tokens are checked with.
public struct KeySource: Sendable {
    /// For logs.
    let name: String
    let times: KeyCache.Times
    let load: @Sendable () async throws -> [VerificationKey]

    /// The public keys of a pair in a folder. The files are read again when a token names a key that is not known, at most once a second,
    /// and every minute: so keys change without a restart.
    public static func folder(_ keys: LocalKeys, _ pair: LocalKeys.Pair) -> KeySource {
        KeySource(name: "the keys of \(pair.rawValue)", times: files) {
            try await VerificationKey.keys(try await offThePool { try keys.jwks(pair) })
        }
    }

    /// A file with a JSON Web Key Set; read again as those of a folder are.
    public static func file(_ path: String) -> KeySource {
        KeySource(name: "JWT_JWKS_FILE", times: files) {
            let data = try await offThePool {
                guard let data = FileManager.default.contents(atPath: path) else { throw ConfigurationError("it cannot be read") }
                return data
            }
            return try await KeySetDocument.keys(data)
        }
    }

    /// A JSON Web Key Set behind a URL: fetched within 2 s, at most 64 KiB, no redirect followed; again after `lifetime`, and, at most
    /// every 10 s, when a token names a key that is not known.
    public static func url(_ url: String, client: HTTPClient, lifetime: Duration, leastInterval: Duration = .seconds(10)) -> KeySource {
        let (base, path) = parts(url)
        let upstream = HTTPUpstream(name: "key set", baseURL: base, client: client, timeout: .seconds(2), maxBodyBytes: KeySetDocument.mostBytes)
        return KeySource(name: "JWT_JWKS_URL", times: .init(lifetime: lifetime, leastInterval: leastInterval)) {
            let answer = try await upstream.send(UpstreamRequest(.get, path, headers: [.accept: "application/jwk-set+json, application/json"]))
            guard answer.status == 200 else { throw ConfigurationError("it answers \(answer.status)") }
            return try await KeySetDocument.keys(answer.body.readableBytesView)
        }
    }

    private static let files = KeyCache.Times(lifetime: .seconds(60), leastInterval: .seconds(1))

    private static func offThePool<T: Sendable>(_ read: @escaping @Sendable () throws -> T) async throws -> T {
        try await NIOThreadPool.singleton.runIfActive(read)
    }

    /// https anywhere, http on loopback only.
    static func isAcceptable(url: String) -> Bool {
        let (base, _) = parts(url)
        let isSafe =
            base.hasPrefix("https://")
            || ["http://127.0.0.1", "http://localhost", "http://[::1]"].contains { base == $0 || base.hasPrefix("\($0):") }
        return isSafe && base.last != "/" && !base.contains("@") && url.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    private static func parts(_ url: String) -> (base: String, path: String) {
        guard let scheme = url.firstRange(of: "://"), let slash = url[scheme.upperBound...].firstIndex(of: "/") else { return (url, "/") }
        return (String(url[..<slash]), String(url[slash...]))
    }
}

extension Boot {
    /// The keys of users' tokens: from `JWT_JWKS_URL`, `JWT_JWKS_FILE`, or the folder `KEYS_DIR`.
    /// - Throws: where a file or the folder holds no keys that can be used. A URL that does not answer yet is asked again later.
    public func userKeys(client: HTTPClient) async throws(ConfigurationError) -> KeySet {
        let (url, file) = (try settings.optional(ServiceSettings.keySetURL), try settings.optional(ServiceSettings.keySetFile))
        guard url == nil || file == nil else { throw ConfigurationError("JWT_JWKS_URL and JWT_JWKS_FILE are both set: unset one of them") }
        if let url {
            let keys = KeySet(.url(url, client: client, lifetime: try settings(ServiceSettings.keySetLifetime)), logger: logger)
            await keys.prepare()
            return keys
        }
        if let file { return try await KeySet(.file(file), logger: logger).prepared() }
        return try await KeySet(.folder(LocalKeys(folder: try settings(ServiceSettings.keysDirectory)), .users), logger: logger).prepared()
    }

    /// The keys of other services' tokens: from the folder `KEYS_DIR`.
    public func serviceKeys() async throws(ConfigurationError) -> KeySet {
        try await KeySet(.folder(LocalKeys(folder: try settings(ServiceSettings.keysDirectory)), .services), logger: logger).prepared()
    }
}
