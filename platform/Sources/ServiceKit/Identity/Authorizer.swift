public import Basics
public import HTTPPath
public import HTTPTypes
public import JWTKit
import Synchronization

/// The one place where a token becomes an identity.
///
/// A token is accepted only if its key is in the key set, its algorithm is the key's own, and issuer, audience, times and role are
/// right. Verified tokens are remembered until they expire, because a signature costs more than most requests.
public final class Authorizer: Sendable {
    private let keys: JWTKeyCollection
    private let issuer: String
    private let audience: String
    private let roles: Set<Identity.Role>
    private let sources: Sources
    private let verified = Mutex<[String: (identity: Identity, expires: Timestamp)]>([:])
    /// About 1 KiB each; more than the callers that one replica sees at once.
    private static let mostRemembered = 4096

    /// - Parameters:
    ///   - jwks: the public keys that may sign, each with `kid` and `alg`.
    ///   - issuer: what `iss` must be.
    ///   - audience: what `aud` must contain: this service's name.
    ///   - roles: what `role` may be from this issuer, so that users' keys never make a service token.
    public init(jwks: JWKS, issuer: String, audience: String, roles: Set<Identity.Role>, sources: Sources = .system) async throws {
        keys = JWTKeyCollection()
        try await keys.add(jwks: jwks)
        self.issuer = issuer
        self.audience = audience
        self.roles = roles
        self.sources = sources
    }

    /// Of a service that knows no callers: every token is refused, and who sends none is anonymous.
    public static func anonymousOnly() async throws -> Authorizer {
        try await Authorizer(jwks: JWKS(keys: []), issuer: "", audience: "", roles: [])
    }

    /// The caller of a request. Without a token: anonymous. With one that does not hold: 401, also on routes open to anyone, so that
    /// a caller with an expired token learns it.
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
        if let known = verified.withLock({ $0[token] }), known.expires > now { return known.identity }
        let claims: Claims
        do {
            claims = try await keys.verify(token, as: Claims.self)
        } catch {
            throw Self.refused("is not signed by a key that this service knows, or is not a token")
        }
        let seconds = Double(now.microseconds) / 1e6
        // Clocks of different machines differ a little.
        let leeway = 5.0
        guard claims.iss == issuer else { throw Self.refused("was not issued for here") }
        guard claims.audiences.contains(audience) else { throw Self.refused("is for another audience") }
        guard claims.exp + leeway > seconds else { throw Self.refused("has expired") }
        guard (claims.nbf ?? 0) - leeway <= seconds else { throw Self.refused("is not valid yet") }
        let role = Identity.Role(rawValue: claims.role)
        guard roles.contains(role), CallContext.isSubject(claims.sub) else {
            throw Self.refused("names no role that counts here")
        }
        let identity = Identity(role: role, subject: claims.sub)
        verified.withLock { remembered in
            if remembered.count >= Self.mostRemembered { remembered.removeAll(keepingCapacity: true) }
            // A token may claim to hold for longer than a timestamp can say.
            remembered[token] = (identity, Timestamp(microseconds: Int64(min(claims.exp, 1e12) * 1e6)))
        }
        return identity
    }

    private static func refused(_ why: String) -> Problem {
        Problem(401, "unauthenticated", "The token \(why).", errors: [FieldError(pointer: "Authorization", detail: why)])
    }
}

extension CallContext {
    /// A subject goes into logs, headers and ledgers: 1–200 visible ASCII characters.
    static func isSubject(_ text: String) -> Bool { (1...200).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) } }
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
