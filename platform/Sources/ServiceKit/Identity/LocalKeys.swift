public import Basics
import Crypto
import FoundationEssentials
public import JWTKit

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Key pairs in a folder, made when they are first needed: what signs users' tokens on a laptop, and what a service signs its calls with.
///
/// Two pairs, because their powers differ: `users` may name persons' roles, `services` may name services.
/// The folder is `0700`, private keys are `0600`; several processes may start at once.
///
/// Where keys are mounted rather than made, whoever only checks gets `PAIR.pub.pem` and no private key.
public struct LocalKeys: Sendable {
    public enum Pair: String, CaseIterable, Sendable {
        case users, services
    }

    let folder: String

    public init(folder: String) { self.folder = folder }

    /// The public keys of a pair: those of `PAIR.pub.pem` if it is there, else that of the private key, made if it is not there.
    ///
    /// The file may hold up to 16 keys, so that they can be changed: first the new one is made known beside the old, then it signs.
    public func jwks(_ pair: Pair) throws(ConfigurationError) -> JWKS {
        let keys: [P256.Signing.PublicKey]
        if let published = try publicKeys(pair) { keys = published } else { keys = [try privateKey(pair).publicKey] }
        return JWKS(
            keys: keys.map { key in
                // x963 is one byte 04, then x and y.
                let point = key.x963Representation.dropFirst()
                return JWK.ecdsa(
                    .es256, identifier: JWKIdentifier(string: Self.keyID(key)), x: base64URLEncoded(point.prefix(32)),
                    y: base64URLEncoded(point.suffix(32)), curve: .p256)
            })
    }

    /// Signs tokens with a pair's private key.
    /// - Throws: also where `PAIR.pub.pem` is there and does not hold its public part: nobody would accept its tokens.
    public func signer(_ pair: Pair) async throws(ConfigurationError) -> TokenSigner {
        let known = try publicKeys(pair)
        if known != nil, try read("\(folder)/\(pair.rawValue).pem") == nil {
            throw ConfigurationError("\(folder) has the public keys of \(pair.rawValue) only: signing needs \(pair.rawValue).pem")
        }
        let key = try privateKey(pair)
        let keyID = Self.keyID(key.publicKey)
        if let known, !known.contains(where: { Self.keyID($0) == keyID }) {
            throw ConfigurationError("\(folder): \(pair.rawValue).pub.pem does not hold the public part of \(pair.rawValue).pem")
        }
        return await TokenSigner(key: key, keyID: keyID)
    }

    static func keyID(_ key: P256.Signing.PublicKey) -> String {
        base64URLEncoded(Array(SHA256.hash(data: key.rawRepresentation)).prefix(9))
    }

    /// nil if there is no such file.
    func publicKeys(_ pair: Pair) throws(ConfigurationError) -> [P256.Signing.PublicKey]? {
        let path = "\(folder)/\(pair.rawValue).pub.pem"
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        let end = "-----END PUBLIC KEY-----"
        let blocks = String(decoding: data, as: UTF8.self).split(separator: end).filter { $0.contains { !$0.isWhitespace } }
        let keys = blocks.compactMap { try? P256.Signing.PublicKey(pemRepresentation: $0 + end) }
        guard (1...16).contains(keys.count), keys.count == blocks.count else {
            throw ConfigurationError("\(path) must hold 1 to 16 P-256 public keys in PEM form, and nothing else")
        }
        return keys
    }

    func privateKey(_ pair: Pair) throws(ConfigurationError) -> P256.Signing.PrivateKey { try keyPair("\(folder)/\(pair.rawValue).pem") }

    /// The private key of a file, made if it is not there.
    func keyPair(_ path: String) throws(ConfigurationError) -> P256.Signing.PrivateKey {
        if let key = try read(path) { return key }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw ConfigurationError("the keys folder \(folder) cannot be made: choose another with KEYS_DIR")
        }
        // Written whole under another name, then linked to its own: whoever comes second finds the first one's key.
        let draft = "\(path).\(getpid()).\(UInt32.random(in: 0...UInt32.max))"
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard file >= 0 else { throw ConfigurationError("the keys folder \(folder) cannot be written to: choose another with KEYS_DIR") }
        defer { unlink(draft) }
        let pem = Array(P256.Signing.PrivateKey().pemRepresentation.utf8)
        let written = pem.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        fsync(file)
        close(file)
        guard written == pem.count, link(draft, path) == 0 || errno == EEXIST, let key = try read(path) else {
            throw ConfigurationError("the keys folder \(folder) cannot be written to: choose another with KEYS_DIR")
        }
        return key
    }

    func read(_ path: String) throws(ConfigurationError) -> P256.Signing.PrivateKey? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        guard let key = try? P256.Signing.PrivateKey(pemRepresentation: String(decoding: data, as: UTF8.self)) else {
            throw ConfigurationError("\(path) is not a P-256 private key: remove it and a new one is made")
        }
        return key
    }
}

/// Makes tokens.
public struct TokenSigner: Sendable {
    private let keys: JWTKeyCollection
    private let keyID: JWKIdentifier

    init(key: P256.Signing.PrivateKey, keyID: String) async {
        keys = JWTKeyCollection()
        self.keyID = JWKIdentifier(string: keyID)
        // A key made by the same library cannot fail to convert.
        if let key = try? ECDSA.PrivateKey<P256>(backing: key) { await keys.add(ecdsa: key, kid: self.keyID) }
    }

    /// - Parameters:
    ///   - lifetime: positive.
    ///   - now: when it begins to hold.
    public func token(
        issuer: String, subject: String, audience: String, role: Identity.Role, lifetime: Duration, now: Timestamp = .now
    ) async throws -> String {
        let seconds = Double(now.microseconds / 1_000_000)
        return try await keys.sign(
            Claims(
                iss: issuer, sub: subject, aud: .one(audience), exp: seconds + lifetime.inSeconds, iat: seconds, nbf: seconds, role: role.rawValue),
            kid: keyID, header: ["typ": "JWT"])
    }
}
