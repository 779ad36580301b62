import Basics
import Crypto
import HTTPPath
import HTTPTypes
import JWTKit
import ServiceKit
import TestKit
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#endif

@Suite("Authorizer")
struct AuthorizerTests {
    /// Makes tokens by hand, right and wrong ones.
    struct Forge {
        let key: P256.Signing.PrivateKey
        let keyID: String
        let now: Int64

        var header: JSON { ["alg": "ES256", "typ": "JWT", "kid": .string(keyID)] }
        var claims: JSON {
            [
                "iss": "local", "sub": "ann", "aud": "probe", "role": "member", "exp": .integer(now + 60), "nbf": .integer(now - 60),
                "iat": .integer(now - 60),
            ]
        }

        static func base64(_ bytes: [UInt8]) -> String {
            Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        }

        func text(_ header: JSON?, _ claims: JSON?) -> String {
            Self.base64((header ?? self.header).bytes) + "." + Self.base64((claims ?? self.claims).bytes)
        }

        func token(header: JSON? = nil, claims: JSON? = nil) throws -> String {
            let text = text(header, claims)
            return text + "." + Self.base64(Array(try key.signature(for: Array(text.utf8)).rawRepresentation))
        }
    }

    private func withForge(
        _ roles: Set<Identity.Role> = [.member, .operator], _ body: (Authorizer, Forge, ManualClock) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let keys = LocalKeys(folder: folder)
            let jwks = try keys.jwks(.users)
            let clock = ManualClock()
            let authorizer = try await Authorizer(jwks: jwks, issuer: "local", audience: "probe", roles: roles, sources: clock.sources)
            let pem = try String(contentsOfFile: "\(folder)/users.pem", encoding: .utf8)
            let forge = Forge(
                key: try P256.Signing.PrivateKey(pemRepresentation: pem), keyID: jwks.keys[0].keyIdentifier?.string ?? "",
                now: clock.now.microseconds / 1_000_000)
            try await body(authorizer, forge, clock)
        }
    }

    private func identify(_ authorizer: Authorizer, _ token: String) async -> Result<Identity, Problem> {
        do throws(Problem) {
            return .success(try await authorizer.identify([.authorization: "Bearer \(token)"]))
        } catch {
            return .failure(error)
        }
    }

    private func isRefused(_ authorizer: Authorizer, _ token: String, because reason: String) async -> Bool {
        guard case .failure(let problem) = await identify(authorizer, token) else { return false }
        return problem.status == 401 && problem.code == "unauthenticated" && problem.detail.contains(reason) && !problem.detail.contains(token)
    }

    @Test("a good token is believed, again and again, with one audience or several, and in any case of the scheme's name")
    func good() async throws {
        try await withForge { authorizer, forge, _ in
            let token = try forge.token()
            for scheme in ["Bearer", "bearer", "BEARER"] {
                #expect(try await authorizer.identify([.authorization: "\(scheme) \(token)"]) == Identity(role: .member, subject: "ann"))
            }
            let several = try forge.token(claims: forge.claims.with("aud", ["other", "probe"]))
            #expect(try await identify(authorizer, several).get().subject == "ann")
            let withoutTimes = try forge.token(claims: forge.claims.with("nbf", nil).with("iat", nil))
            #expect(try await identify(authorizer, withoutTimes).get().subject == "ann")
        }
    }

    @Test("without a token the caller is anonymous")
    func anonymous() async throws {
        try await withForge { authorizer, _, _ in
            let caller = try await authorizer.identify([:])
            #expect(caller == .anonymous)
        }
    }

    @Test("garbage is refused", arguments: ["", "x", "a.b", "a.b.c", "..", "eyJhbGciOiJFUzI1NiJ9..", "a b c"])
    func garbage(_ text: String) async throws {
        try await withForge { authorizer, _, _ in
            for header in ["Bearer \(text)", text, "Basic \(text)", "Bearer"] {
                let problem = await #expect(throws: Problem.self) { try await authorizer.identify([.authorization: header]) }
                #expect(problem?.status == 401)
            }
        }
    }

    @Test("a token of another issuer, audience or role is refused")
    func claims() async throws {
        try await withForge { authorizer, forge, _ in
            var cases: [(name: String, value: JSON?, reason: String)] = [
                ("iss", "elsewhere", "not issued for here"), ("aud", "other", "another audience"), ("aud", [], "another audience"),
                ("exp", "never", "not signed"),
            ]
            for role in ["service", "anonymous", "admin", "", "Member"] { cases.append(("role", .string(role), "no role")) }
            for subject in ["", "a b", "é", String(repeating: "x", count: 201)] { cases.append(("sub", .string(subject), "no role")) }
            for name in ["iss", "sub", "aud", "role", "exp"] { cases.append((name, nil, "not signed")) }
            for (name, value, reason) in cases {
                let token = try forge.token(claims: forge.claims.with(name, value))
                #expect(await isRefused(authorizer, token, because: reason), "\(name): \(String(describing: value))")
            }
        }
    }

    @Test("a token holds from nbf to exp, with 5 s for clocks that differ")
    func times() async throws {
        try await withForge { authorizer, forge, clock in
            let early = try forge.token(claims: forge.claims.with("nbf", .integer(forge.now + 10)))
            #expect(await isRefused(authorizer, early, because: "not valid yet"))
            clock.advance(by: .seconds(6))
            #expect(try await identify(authorizer, early).get().subject == "ann")
            clock.advance(by: .seconds(58))
            #expect(try await identify(authorizer, early).get().subject == "ann")
            clock.advance(by: .seconds(2))
            #expect(await isRefused(authorizer, early, because: "has expired"))
        }
    }

    @Test("an expiry beyond all time is no reason to fail")
    func farExpiry() async throws {
        try await withForge { authorizer, forge, _ in
            for exp in [JSON.number("1e300"), .integer(.max)] {
                let token = try forge.token(claims: forge.claims.with("exp", exp))
                #expect(try await identify(authorizer, token).get().subject == "ann")
            }
        }
    }

    @Test("the algorithm is the key's own: none, and HMAC with the public key, are refused")
    func algorithms() async throws {
        try await withForge { authorizer, forge, _ in
            for name in ["none", "None", "NONE"] {
                let text = forge.text(forge.header.with("alg", .string(name)), nil)
                #expect(await isRefused(authorizer, text + ".", because: "not signed"))
                #expect(await isRefused(authorizer, text, because: "not signed"))
            }
            let publicKeys = [
                forge.key.publicKey.pemRepresentation.utf8.map { $0 }, Array(forge.key.publicKey.x963Representation),
                Array(forge.key.publicKey.rawRepresentation),
            ]
            for secret in publicKeys {
                let text = forge.text(forge.header.with("alg", "HS256"), nil)
                let code = HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: SymmetricKey(data: secret))
                #expect(await isRefused(authorizer, "\(text).\(Forge.base64(Array(code)))", because: "not signed"))
            }
        }
    }

    @Test("a token of another key, by whatever name, or changed after signing is refused")
    func signatures() async throws {
        try await withForge { authorizer, forge, _ in
            let other = Forge(key: P256.Signing.PrivateKey(), keyID: forge.keyID, now: forge.now)
            #expect(await isRefused(authorizer, try other.token(), because: "not signed"))
            #expect(await isRefused(authorizer, try other.token(header: other.header.with("kid", "unknown")), because: "not signed"))
            let parts = try forge.token().split(separator: ".")
            let promoted = Forge.base64(forge.claims.with("role", "operator").bytes)
            #expect(await isRefused(authorizer, "\(parts[0]).\(promoted).\(parts[2])", because: "not signed"))
            #expect(await isRefused(authorizer, "\(parts[0]).\(parts[1])", because: "not signed"))
            #expect(await isRefused(authorizer, "\(parts[0]).\(parts[1]).", because: "not signed"))
        }
    }

    @Test("only a service is believed when it says on whose behalf it calls")
    func onBehalfOf() async throws {
        try await withForge([.service, .member]) { authorizer, forge, _ in
            let service = try forge.token(claims: forge.claims.with("role", "service").with("sub", "api"))
            let person = try forge.token()
            func actor(_ token: String, _ subject: String) async throws -> String {
                try await authorizer.identify([.authorization: "Bearer \(token)", .onBehalfOf: subject]).actor
            }
            #expect(try await actor(service, "bob") == "bob")
            #expect(try await actor(service, "b o b") == "api")
            #expect(try await actor(person, "bob") == "ann")
            // The verified token is remembered, and not on whose behalf it once called.
            #expect(try await authorizer.identify([.authorization: "Bearer \(service)"]).actor == "api")
        }
    }

    @Test("users' keys never make a service token")
    func pairs() async throws {
        try await withTemporaryFolder { folder in
            let keys = LocalKeys(folder: folder)
            let authorizer = try await Authorizer(jwks: keys.jwks(.services), issuer: "api", audience: "probe", roles: [.service])
            let forged = try await keys.signer(.users).token(issuer: "api", subject: "api", audience: "probe", role: .service, lifetime: .seconds(60))
            #expect(await isRefused(authorizer, forged, because: "not signed"))
            let real = try await keys.signer(.services).token(
                issuer: "api", subject: "api", audience: "probe", role: .service, lifetime: .seconds(60))
            #expect(try await identify(authorizer, real).get().role == .service)
        }
    }

    @Test("a very long token is refused before it is looked at")
    func long() async throws {
        try await withForge { authorizer, forge, _ in
            let token = try forge.token(claims: forge.claims.with("pad", .string(String(repeating: "x", count: 10_000))))
            #expect(await isRefused(authorizer, token, because: "must be a bearer token"))
        }
    }
}

@Suite("LocalKeys")
struct LocalKeysTests {
    private func mode(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return attributes[.posixPermissions] as? Int ?? -1
    }

    @Test("folder and private keys are their owner's alone")
    func modes() async throws {
        try await withTemporaryFolder { folder in
            let path = "\(folder)/deep/keys"
            _ = try LocalKeys(folder: path).jwks(.users)
            _ = try LocalKeys(folder: path).jwks(.services)
            #expect(try mode(path) == 0o700)
            for file in try FileManager.default.contentsOfDirectory(atPath: path) { #expect(try mode("\(path)/\(file)") == 0o600) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: path).sorted() == ["services.pem", "users.pem"])
        }
    }

    @Test("many that start at once agree on one key, and leave nothing else behind")
    func concurrent() async throws {
        try await withTemporaryFolder { folder in
            for round in 0..<10 {
                let path = "\(folder)/\(round)"
                let ids = try await withThrowingTaskGroup(of: String.self) { group in
                    for _ in 0..<16 { group.addTask { try LocalKeys(folder: path).jwks(.users).keys[0].keyIdentifier?.string ?? "" } }
                    return try await group.reduce(into: Set<String>()) { $0.insert($1) }
                }
                #expect(ids.count == 1)
                #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["users.pem"])
            }
        }
    }

    @Test("a key that is there is used, and never replaced")
    func kept() async throws {
        try await withTemporaryFolder { folder in
            let first = try LocalKeys(folder: folder).jwks(.users).keys[0].x
            #expect(try LocalKeys(folder: folder).jwks(.users).keys[0].x == first)
            try "no key".write(toFile: "\(folder)/services.pem", atomically: true, encoding: .utf8)
            let error = #expect(throws: ConfigurationError.self) { try LocalKeys(folder: folder).jwks(.services) }
            #expect(error?.description.contains("services.pem is not a P-256 private key") == true)
            #expect(try String(contentsOfFile: "\(folder)/services.pem", encoding: .utf8) == "no key")
        }
    }

    @Test("a folder that cannot be made says which, and what to set")
    func unwritable() async throws {
        try await withTemporaryFolder { folder in
            try "a file".write(toFile: "\(folder)/file", atomically: true, encoding: .utf8)
            let error = #expect(throws: ConfigurationError.self) { try LocalKeys(folder: "\(folder)/file/keys").jwks(.users) }
            #expect(error?.description.contains("\(folder)/file/keys") == true)
            #expect(error?.description.contains("KEYS_DIR") == true)
        }
    }

    @Test("the key set shows nothing private")
    func publicOnly() async throws {
        try await withTemporaryFolder { folder in
            let key = try LocalKeys(folder: folder).jwks(.users).keys[0]
            #expect(key.privateExponent == nil)
            #expect(key.algorithm == .es256)
        }
    }

    /// A folder as it is mounted where tokens are only checked.
    private func publish(_ folders: [String], in folder: String) throws {
        let pems = try folders.map { source in
            let pem = try String(contentsOfFile: "\(source)/services.pem", encoding: .utf8)
            return try P256.Signing.PrivateKey(pemRepresentation: pem).publicKey.pemRepresentation
        }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try pems.joined(separator: "\n").write(toFile: "\(folder)/services.pub.pem", atomically: true, encoding: .utf8)
    }

    @Test("who only checks tokens needs public keys only: the old one and the new one, while they change")
    func publicFile() async throws {
        try await withTemporaryFolder { folder in
            let (old, new, mounted) = (LocalKeys(folder: "\(folder)/old"), LocalKeys(folder: "\(folder)/new"), "\(folder)/mounted")
            let ids = [try old.jwks(.services).keys[0].keyIdentifier, try new.jwks(.services).keys[0].keyIdentifier]
            try publish(["\(folder)/old", "\(folder)/new"], in: mounted)
            let jwks = try LocalKeys(folder: mounted).jwks(.services)
            #expect(jwks.keys.map(\.keyIdentifier) == ids)
            #expect(try FileManager.default.contentsOfDirectory(atPath: mounted) == ["services.pub.pem"], "nothing was made beside it")
            let authorizer = try await Authorizer(jwks: jwks, issuer: "i", audience: "a", roles: [.service])
            for keys in [old, new] {
                let token = try await keys.signer(.services).token(issuer: "i", subject: "s", audience: "a", role: .service, lifetime: .seconds(60))
                #expect(try await authorizer.identify([.authorization: "Bearer \(token)"]).role == .service)
            }
        }
    }

    @Test("a folder of public keys signs nothing, and a private key that nobody would accept is refused")
    func signingNeedsItsPair() async throws {
        try await withTemporaryFolder { folder in
            _ = try LocalKeys(folder: "\(folder)/other").jwks(.services)
            try publish(["\(folder)/other"], in: "\(folder)/mounted")
            let keys = LocalKeys(folder: "\(folder)/mounted")
            let lacking = await #expect(throws: ConfigurationError.self) { _ = try await keys.signer(.services) }
            #expect(lacking?.description.contains("signing needs services.pem") == true)
            let stranger = P256.Signing.PrivateKey().pemRepresentation
            try stranger.write(toFile: "\(folder)/mounted/services.pem", atomically: true, encoding: .utf8)
            let strange = await #expect(throws: ConfigurationError.self) { _ = try await keys.signer(.services) }
            #expect(strange?.description.contains("does not hold the public part") == true)
        }
    }

    @Test("a file of public keys is read whole or refused", arguments: ["", "\n", "no key", "-----END PUBLIC KEY-----"])
    func brokenPublicFile(text: String) async throws {
        try await withTemporaryFolder { folder in
            try text.write(toFile: "\(folder)/users.pub.pem", atomically: true, encoding: .utf8)
            let error = #expect(throws: ConfigurationError.self) { try LocalKeys(folder: folder).jwks(.users) }
            #expect(error?.description.contains("users.pub.pem must hold 1 to 16 P-256 public keys") == true)
            try (text + P256.Signing.PrivateKey().publicKey.pemRepresentation + "and more")
                .write(toFile: "\(folder)/users.pub.pem", atomically: true, encoding: .utf8)
            #expect(throws: ConfigurationError.self) { try LocalKeys(folder: folder).jwks(.users) }
        }
    }
}
