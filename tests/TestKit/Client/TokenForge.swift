import Basics
import Crypto
import FoundationEssentials
import HTTPPath
import JWTKit
public import ServiceKit

/// Tokens that are right but for one thing: what a service must refuse.
public struct TokenForge: Sendable {
    /// The one thing.
    public enum Flaw: String, CaseIterable, Sendable {
        case garbage = "garbage"
        case expired = "expired"
        case notYetValid = "not yet valid"
        case wrongIssuer = "wrong issuer"
        case wrongAudience = "wrong audience"
        case unsigned = "alg none"
        /// Signed with HMAC, and the public key as its secret.
        case confused = "HS256 with the public key"
    }

    let keys: LocalKeys
    let pair: LocalKeys.Pair
    let issuer: String
    let audience: String
    let subject: String
    let role: Identity.Role

    public init(keys: LocalKeys, pair: LocalKeys.Pair, issuer: String, audience: String, subject: String, role: Identity.Role) {
        self.keys = keys
        self.pair = pair
        self.issuer = issuer
        self.audience = audience
        self.subject = subject
        self.role = role
    }

    /// A token without a flaw.
    public func token() async throws -> String { try await signed() }

    public func token(_ flaw: Flaw) async throws -> String {
        switch flaw {
        case .garbage: "a.b.c"
        case .expired: try await signed(now: .now - .seconds(7200))
        case .notYetValid: try await signed(now: .now + .seconds(3600))
        case .wrongIssuer: try await signed(issuer: "somebody-else")
        case .wrongAudience: try await signed(audience: "another-service")
        case .unsigned: try text(algorithm: "none") + "."
        case .confused: try confused()
        }
    }

    private func signed(issuer: String? = nil, audience: String? = nil, now: Timestamp = .now) async throws -> String {
        try await keys.signer(pair).token(
            issuer: issuer ?? self.issuer, subject: subject, audience: audience ?? self.audience, role: role, lifetime: .seconds(3600), now: now)
    }

    private func confused() throws -> String {
        let key = try keys.jwks(pair).keys[0]
        guard let x = key.x.flatMap(Self.decoded), let y = key.y.flatMap(Self.decoded) else { throw TestKitError("the key has no point") }
        let secret = try P256.Signing.PublicKey(rawRepresentation: x + y).pemRepresentation
        let text = try text(algorithm: "HS256")
        let code = HMAC<SHA256>.authenticationCode(for: Data(text.utf8), using: SymmetricKey(data: Data(secret.utf8)))
        return "\(text).\(Self.encoded(Array(code)))"
    }

    private func text(algorithm: String) throws -> String {
        let now = Timestamp.now.microseconds / 1_000_000
        let header: JSON = ["alg": .string(algorithm), "typ": "JWT", "kid": .string(try keys.jwks(pair).keys[0].keyIdentifier?.string ?? "")]
        let claims: JSON = [
            "iss": .string(issuer), "sub": .string(subject), "aud": .string(audience), "role": .string(role.rawValue), "nbf": .integer(now - 60),
            "exp": .integer(now + 3600),
        ]
        return "\(Self.encoded(header.bytes)).\(Self.encoded(claims.bytes))"
    }

    private static func encoded(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private static func decoded(_ text: String) -> [UInt8]? {
        let standard = text.replacing("-", with: "+").replacing("_", with: "/")
        return Data(base64Encoded: standard + String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4)).map { Array($0) }
    }
}
