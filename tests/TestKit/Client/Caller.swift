public import Basics
import HTTPPath
import HTTPTypes
import ServiceKit

/// Who a test's request comes from.
public enum Caller: Hashable, Sendable {
    case anonymous
    case shopper(String)
    case operatorNamed(String)
    /// A person with a role of the service's own.
    case person(String, role: String)
    /// A service's own token, as the gateway's is on inventory and pricing.
    case service(String)
    /// A service that calls on behalf of a person.
    case serviceFor(String, subject: String)
    /// Whatever stands behind `Bearer `.
    case raw(String)

    public static let `operator` = Caller.operatorNamed("olivia")
    public static let gateway = Caller.service("api-gateway")
}

/// Makes the tokens of test callers with the service's own key folder.
public struct Tokens: Sendable {
    let folder: String
    /// What `aud` is: the called service's name.
    let audience: String
    /// What `iss` is on users' tokens.
    let issuer: String
    let sources: Sources

    public init(folder: String, audience: String, issuer: String = "hello-dd-local", sources: Sources = .system) {
        self.folder = folder
        self.audience = audience
        self.issuer = issuer
        self.sources = sources
    }

    /// The token that a caller sends; nil for the anonymous one.
    public func token(_ caller: Caller) async throws -> String? {
        switch caller {
        case .anonymous: nil
        case .raw(let token): token
        case .shopper(let name): try await sign(.users, issuer, name, Identity.Role(rawValue: "shopper"))
        case .person(let name, let role): try await sign(.users, issuer, name, Identity.Role(rawValue: role))
        case .operatorNamed(let name): try await sign(.users, issuer, name, .operator)
        case .service(let name), .serviceFor(let name, _): try await sign(.services, name, name, .service)
        }
    }

    func headers(_ caller: Caller) async throws -> HTTPFields {
        var headers = HTTPFields()
        if let token = try await token(caller) { headers[.authorization] = "Bearer \(token)" }
        if case .serviceFor(_, let subject) = caller { headers[.onBehalfOf] = subject }
        return headers
    }

    private func sign(_ pair: LocalKeys.Pair, _ issuer: String, _ subject: String, _ role: Identity.Role) async throws -> String {
        try await LocalKeys(folder: folder).signer(pair)
            .token(issuer: issuer, subject: subject, audience: audience, role: role, lifetime: .seconds(3600), now: sources.now())
    }
}
