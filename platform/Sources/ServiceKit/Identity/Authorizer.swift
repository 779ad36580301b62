public import Basics
public import HTTPPath
public import HTTPTypes
public import JWTKit
import Logging
import Synchronization

/// The one place where a token becomes an identity.
///
/// A token is accepted only if its key is in the key set, its algorithm is the key's own, and issuer, audience, times and role are
/// right. Verified tokens are remembered until they expire or their key is taken away, because a signature costs more than most requests.
public final class Authorizer: Sendable {
    private struct Verified {
        let identity: Identity
        let expires: Timestamp
        let keyID: String
        /// A key of the same name may be another one by now.
        let material: String
    }

    private let keys: KeySet
    private let issuer: String
    private let audience: String
    private let roles: Set<Identity.Role>
    private let skew: Duration
    private let sources: Sources
    private let verified = Mutex<[String: Verified]>([:])
    /// About 1 KiB each; more than the callers that one replica sees at once.
    private static let mostRemembered = 4096

    /// - Parameters:
    ///   - keys: the public keys that may sign.
    ///   - issuer: what `iss` must be.
    ///   - audience: what `aud` must contain: this service's name.
    ///   - roles: what `role` may be from this issuer, so that users' keys never make a service token.
    ///   - skew: so much earlier and longer than it says a token holds.
    public init(
        keys: KeySet, issuer: String, audience: String, roles: Set<Identity.Role>, skew: Duration = .seconds(5), sources: Sources = .system
    ) {
        self.keys = keys
        self.issuer = issuer
        self.audience = audience
        self.roles = roles
        self.skew = skew
        self.sources = sources
    }

    /// With keys that stay what they are, each with `kid` and `alg`.
    public convenience init(
        jwks: JWKS, issuer: String, audience: String, roles: Set<Identity.Role>, sources: Sources = .system
    ) async throws(ConfigurationError) {
        let keys = try await VerificationKey.keys(jwks)
        let source = KeySource(name: "the keys given", times: .init(lifetime: .seconds(86_400), leastInterval: .seconds(86_400))) { keys }
        self.init(
            keys: try await KeySet(source, logger: Logger(label: "keys")).prepared(), issuer: issuer, audience: audience, roles: roles,
            sources: sources)
    }

    /// Of a service that knows no callers: every token is refused, and who sends none is anonymous.
    public static func anonymousOnly() async throws -> Authorizer {
        try await Authorizer(jwks: JWKS(keys: []), issuer: "", audience: "", roles: [])
    }

    /// The caller of a request. Without a token: anonymous. With one that does not hold: 401, also on routes open to anyone, so that
    /// a caller with an expired token learns it. 503 while no key has ever been read.
    public func identify(_ headers: HTTPFields) async throws(Problem) -> Identity {
        guard let header = headers[.authorization] else { return .anonymous }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer", parts[1].utf8.count <= 8192 else { throw Self.refused("must be a bearer token") }
        var identity = try await verify(String(parts[1]))
        if identity.role == .service, let subject = headers[.onBehalfOf], CallContext.isSubject(subject) { identity.onBehalfOf = subject }
        return identity
    }

    private func verify(_ token: String) async throws(Problem) -> Identity {
        let now = sources.now()
        if let known = verified.withLock({ $0[token] }), known.expires > now, keys.knownKey(known.keyID)?.material == known.material {
            return known.identity
        }
        guard let header = TokenHeader(token) else { throw Self.notSigned }
        let key: VerificationKey
        switch await keys.key(header.keyID) {
        case .key(let found): key = found
        case .unknown: throw Self.notSigned
        case .unavailable: throw .unavailable("The keys that tokens are checked with have not been read yet.")
        }
        guard header.algorithm == key.algorithm.rawValue, let claims = try? await key.verify(token) else { throw Self.notSigned }
        let identity = try identity(of: claims, at: now)
        verified.withLock { remembered in
            if remembered.count >= Self.mostRemembered { remembered.removeAll(keepingCapacity: true) }
            // A token may claim to hold for longer than a timestamp can say.
            let expires = Timestamp(microseconds: Int64(min(claims.exp, 1e12) * 1e6))
            remembered[token] = Verified(identity: identity, expires: expires, keyID: key.id, material: key.material)
        }
        return identity
    }

    private func identity(of claims: Claims, at now: Timestamp) throws(Problem) -> Identity {
        let seconds = Double(now.microseconds) / 1e6
        let leeway = skew.inSeconds
        guard claims.iss == issuer else { throw Self.refused("was not issued for here") }
        guard claims.audiences.contains(audience) else { throw Self.refused("is for another audience") }
        guard claims.exp + leeway > seconds else { throw Self.refused("has expired") }
        guard (claims.nbf ?? 0) - leeway <= seconds else { throw Self.refused("is not valid yet") }
        let role = Identity.Role(rawValue: claims.role)
        guard roles.contains(role), CallContext.isSubject(claims.sub) else {
            throw Self.refused("names no role that counts here")
        }
        return Identity(role: role, subject: claims.sub)
    }

    private static let notSigned = refused("is not signed by a key that this service knows, or is not a token")

    private static func refused(_ why: String) -> Problem {
        Problem(401, "unauthenticated", "The token \(why).", errors: [FieldError(pointer: "Authorization", detail: why)])
    }
}

extension CallContext {
    /// A subject goes into logs, headers and ledgers: 1–200 visible ASCII characters.
    static func isSubject(_ text: String) -> Bool { (1...200).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) } }
}

/// What of a token's header (RFC 7515) says how it is signed. It is believed in nothing: it only names the key to try.
private struct TokenHeader {
    let keyID: String
    let algorithm: String

    /// nil where it is no header that could be accepted here: not JSON, without a key's name, of another kind of token, or with
    /// extensions that must be understood.
    init?(_ token: String) {
        let parts = token.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = base64URLDecoded(String(parts[0])), let header = try? JSON.parse(bytes, maxDepth: 4),
            let keyID = header["kid"]?.string, let algorithm = header["alg"]?.string, header["crit"] == nil
        else { return nil }
        let type = header["typ"]?.string?.lowercased() ?? "jwt"
        guard ["jwt", "at+jwt"].contains(type) else { return nil }
        self.keyID = keyID
        self.algorithm = algorithm
    }
}

/// The claims of every token here.
struct Claims: JWTPayload {
    var iss: String
    var sub: String
    var aud: Audience
    var exp: Double
    var iat: Double?
    var nbf: Double?
    var role: String

    /// One audience or several: both forms are standard.
    enum Audience: Codable {
        case one(String), many([String])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let one = try? container.decode(String.self) { self = .one(one) } else { self = .many(try container.decode([String].self)) }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .one(let audience): try container.encode(audience)
            case .many(let audiences): try container.encode(audiences)
            }
        }
    }

    var audiences: [String] {
        switch aud {
        case .one(let audience): [audience]
        case .many(let audiences): audiences
        }
    }

    /// The signature is jwt-kit's work; what the claims must say is the authorizer's, who knows the clock.
    func verify(using _: some JWTAlgorithm) throws {}
}
