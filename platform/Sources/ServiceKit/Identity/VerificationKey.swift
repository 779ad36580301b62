import FoundationEssentials
import HTTPPath
import JWTKit

/// A public key that may have signed a token, with the one algorithm that it signs with.
///
/// The algorithm is the key's and never the token's: a token that names another one is refused before its signature is looked at.
struct VerificationKey: Sendable {
    enum Algorithm: String, Sendable {
        case es256 = "ES256"
        case edDSA = "EdDSA"
        case rs256 = "RS256"
    }

    /// What a token's `kid` names.
    let id: String
    let algorithm: Algorithm
    /// Equal for equal keys, whatever they are called.
    let material: String
    /// Holds this key alone: the library would take another one for an unknown name.
    private let verifier: JWTKeyCollection

    /// - Throws: where the parameters are no such key.
    fileprivate init(id: String, algorithm: Algorithm, material: String, key: JWK) async throws {
        self.id = id
        self.algorithm = algorithm
        self.material = "\(algorithm.rawValue) \(material)"
        verifier = try await JWTKeyCollection().add(jwk: key)
        // Made now, so that a point beside the curve is found when the set is read and not with the first token.
        _ = try await verifier.getKey(for: JWKIdentifier(string: id), alg: algorithm.rawValue)
    }

    /// The claims of a token whose signature is this key's.
    func verify(_ token: String) async throws -> Claims { try await verifier.verify(token, as: Claims.self) }

    /// Keys made by this program, as ``LocalKeys`` are.
    static func keys(_ set: JWKS) async throws(ConfigurationError) -> [VerificationKey] {
        var keys: [VerificationKey] = []
        for key in set.keys {
            guard let id = key.keyIdentifier?.string, let x = key.x, let y = key.y,
                let key = try? await VerificationKey(id: id, algorithm: .es256, material: "\(x) \(y)", key: key)
            else { throw ConfigurationError("a key set of this program holds P-256 keys with names only") }
            keys.append(key)
        }
        return keys
    }
}

/// Reads a JSON Web Key Set (RFC 7517) that somebody else made.
///
/// Keys for other uses, of other kinds and without a name are passed over, as the standard wants it. A set that holds anything private or
/// symmetric is refused whole: whoever can read it could sign.
enum KeySetDocument {
    /// A key of RSA 4096 is about 800 bytes; providers publish two or three.
    static let mostBytes = 64 << 10
    private static let mostKeys = 32

    static func keys(_ bytes: some Collection<UInt8>) async throws(ConfigurationError) -> [VerificationKey] {
        guard bytes.count <= mostBytes, let document = try? JSON.parse(Array(bytes), maxDepth: 8), let members = document["keys"]?.array,
            members.count <= mostKeys
        else { throw ConfigurationError("it is no JSON Web Key Set of at most \(mostBytes) bytes and \(mostKeys) keys") }
        for member in members where isSecret(member) { throw ConfigurationError("it holds a private or a symmetric key, which nobody may publish") }
        var keys: [VerificationKey] = []
        for member in members {
            guard let key = try? await key(member) else { continue }
            guard !keys.contains(where: { $0.id == key.id }) else { throw ConfigurationError("it holds two keys of one name") }
            keys.append(key)
        }
        guard !keys.isEmpty else { throw ConfigurationError("it holds no key for ES256, EdDSA or RS256 with a name") }
        return keys
    }

    private static func isSecret(_ key: JSON) -> Bool {
        key["kty"]?.string == "oct" || ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].contains { key[$0] != nil }
    }

    /// nil where it is not for us.
    private static func key(_ member: JSON) async throws -> VerificationKey? {
        guard let id = member["kid"]?.string, (1...200).contains(id.utf8.count), member["use"]?.string ?? "sig" == "sig" else { return nil }
        if let operations = member["key_ops"]?.array, !operations.contains(where: { $0.string == "verify" }) { return nil }
        let named = member["alg"]?.string
        let name = JWKIdentifier(string: id)
        func text(_ name: String, _ bytes: ClosedRange<Int>) -> String? {
            member[name]?.string.flatMap { text in base64URLDecoded(text).flatMap { bytes.contains($0.count) ? text : nil } }
        }
        switch (member["kty"]?.string, member["crv"]?.string) {
        case ("EC", "P-256"):
            guard named ?? "ES256" == "ES256", let x = text("x", 32...32), let y = text("y", 32...32) else { return nil }
            return try await VerificationKey(
                id: id, algorithm: .es256, material: "\(x) \(y)", key: .ecdsa(.es256, identifier: name, x: x, y: y, curve: .p256))
        case ("OKP", "Ed25519"):
            guard named ?? "EdDSA" == "EdDSA", let x = text("x", 32...32) else { return nil }
            return try await VerificationKey(
                id: id, algorithm: .edDSA, material: x, key: .octetKeyPair(.eddsa, identifier: name, x: x, y: nil, curve: .ed25519, privateKey: nil))
        case ("RSA", _):
            // 2048 to 8192 bits; one exponent, the one that everybody uses.
            guard named ?? "RS256" == "RS256", let modulus = text("n", 256...1024), member["e"]?.string == "AQAB" else { return nil }
            return try await VerificationKey(
                id: id, algorithm: .rs256, material: modulus, key: .rsa(.rs256, identifier: name, modulus: modulus, exponent: "AQAB"))
        default: return nil
        }
    }
}
