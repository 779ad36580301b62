import Crypto
import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Changing the key that signs while everybody goes on: first the new key is made known beside the old, then it signs, and when no token
/// of the old one is left, the old one is forgotten. Each step is a file put in the place of another, so that nobody reads half of one.
extension LocalKeys {
    /// One key of a pair.
    public struct Entry: Hashable, Sendable {
        /// What tokens call it (`kid`).
        public let id: String
        public let signs: Bool
    }

    /// The keys that are accepted, the oldest first.
    public func entries(_ pair: Pair) throws(ConfigurationError) -> [Entry] {
        let signing = Self.keyID(try privateKey(pair).publicKey)
        return try accepted(pair).map { Self.keyID($0) }.map { Entry(id: $0, signs: $0 == signing) }
    }

    private func accepted(_ pair: Pair) throws(ConfigurationError) -> [P256.Signing.PublicKey] {
        if let published = try publicKeys(pair) { return published }
        return [try privateKey(pair).publicKey]
    }

    /// Step 1: makes a key, `PAIR.next.pem`, and makes it known in `PAIR.pub.pem` beside those that were. It signs nothing yet.
    /// - Returns: its id; that of the one before, where this step was taken already and the next was not.
    @discardableResult
    public func publishNext(_ pair: Pair) throws(ConfigurationError) -> String {
        var known = try accepted(pair)
        let next = try keyPair(nextPath(pair)).publicKey
        if !known.contains(where: { $0.rawRepresentation == next.rawRepresentation }) {
            known.append(next)
            try publish(known, pair)
        }
        return Self.keyID(next)
    }

    /// Step 2: the next key signs from now on, and the one before no more; its tokens are still accepted.
    /// - Throws: where there is no next key.
    public func signWithNext(_ pair: Pair) throws(ConfigurationError) {
        guard let next = try read(nextPath(pair)) else { throw ConfigurationError("\(nextPath(pair)) is not there: publish a new key first") }
        let id = Self.keyID(next.publicKey)
        guard let published = try publicKeys(pair), published.contains(where: { Self.keyID($0) == id }) else {
            throw ConfigurationError("\(nextPath(pair)) is not published: nobody would accept its tokens")
        }
        guard rename(nextPath(pair), "\(folder)/\(pair.rawValue).pem") == 0 else { throw unwritable }
    }

    /// Step 3: only the key that signs is accepted from now on.
    /// - Returns: the ids of those that are accepted no more.
    @discardableResult
    public func retireOthers(_ pair: Pair) throws(ConfigurationError) -> [String] {
        let retired = try entries(pair).filter { !$0.signs }.map { $0.id }
        guard try read(nextPath(pair)) == nil else { throw ConfigurationError("\(nextPath(pair)) waits to sign: let it, or remove it, first") }
        if !retired.isEmpty { try publish([try privateKey(pair).publicKey], pair) }
        return retired
    }

    /// Changes with the private key; nil where there is none.
    func fingerprint(_ pair: Pair) -> String? {
        FileManager.default.contents(atPath: "\(folder)/\(pair.rawValue).pem").map { base64URLEncoded(Array(SHA256.hash(data: $0))) }
    }

    private func nextPath(_ pair: Pair) -> String { "\(folder)/\(pair.rawValue).next.pem" }

    private func publish(_ keys: [P256.Signing.PublicKey], _ pair: Pair) throws(ConfigurationError) {
        guard keys.count <= 16 else { throw ConfigurationError("\(folder) knows 16 keys of \(pair.rawValue): retire the old ones first") }
        let path = "\(folder)/\(pair.rawValue).pub.pem"
        let draft = "\(path).\(getpid()).\(UInt32.random(in: 0...UInt32.max))"
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL, 0o644)
        guard file >= 0 else { throw unwritable }
        defer { unlink(draft) }
        let pem = Array(keys.map { $0.pemRepresentation + "\n" }.joined().utf8)
        let written = pem.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        fsync(file)
        close(file)
        guard written == pem.count, rename(draft, path) == 0 else { throw unwritable }
    }

    private var unwritable: ConfigurationError { ConfigurationError("the keys folder \(folder) cannot be written to: choose another with KEYS_DIR") }
}
