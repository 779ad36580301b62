import AsyncHTTPClient
import Foundation
import HTTPPath
import HTTPTypes
import Hummingbird
import JWTKit
import Logging
import Synchronization
import TestKit
import Testing

@testable import ServiceKit

@Suite("key sets from elsewhere")
struct KeySourceTests {
    /// Answers `GET /keys` with whatever a test puts here.
    final class Provider: Sendable {
        private let document = Mutex<JSON>(["keys": []])

        func publish(_ keys: LocalKeys...) throws {
            let all = try keys.map { try Self.document(of: $0) }
            document.withLock { $0 = ["keys": .array(all)] }
        }

        static func document(of keys: LocalKeys) throws -> JSON {
            let key = try keys.jwks(.users).keys[0]
            return [
                "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": .string(key.keyIdentifier?.string ?? ""), "x": .string(key.x ?? ""),
                "y": .string(key.y ?? ""),
            ]
        }

        var definition: ServiceDefinition {
            ServiceDefinition(name: "provider", port: 0) { boot in
                let routes = Routes(access: Routes.standardAccess.merging(["GET /keys": .anyone]) { $1 })
                routes.on("GET /keys") { _, _ in .json(self.document.withLock { $0 }) }
                return try await ServiceParts(routes: routes, boot: boot, openAPI: Array("{}".utf8), authorizer: .anonymousOnly())
            }
        }
    }

    private func withClient<T>(_ body: (HTTPClient) async throws -> T) async throws -> T {
        let client = HTTPClient.forServices()
        let outcome: Result<T, any Error>
        do { outcome = .success(try await body(client)) } catch { outcome = .failure(error) }
        try await client.shutdown()
        return try outcome.get()
    }

    private func headers(_ keys: LocalKeys) async throws -> HTTPFields {
        let token = try await keys.signer(.users).token(issuer: "i", subject: "ann", audience: "a", role: .operator, lifetime: .seconds(600))
        return [.authorization: "Bearer \(token)"]
    }

    private func isBelieved(_ authorizer: Authorizer, _ headers: HTTPFields) async -> Bool { (try? await authorizer.identify(headers)) != nil }

    @Test("a provider's new key is taken when a token names it, and its keys are kept when it is gone")
    func url() async throws {
        try await withTemporaryFolder { folder in
            let (old, new) = (LocalKeys(folder: "\(folder)/old"), LocalKeys(folder: "\(folder)/new"))
            let provider = Provider()
            try provider.publish(old)
            try await withClient { client in
                let authorizer = try await withService(provider.definition) { service in
                    let source = KeySource.url("\(service.baseURL)/keys", client: client, lifetime: .seconds(86_400), leastInterval: .zero)
                    let keys = try await KeySet(source, logger: Logger(label: "keys")).prepared()
                    let authorizer = Authorizer(keys: keys, issuer: "i", audience: "a", roles: [.operator])
                    let (first, second) = (try await headers(old), try await headers(new))
                    #expect(await isBelieved(authorizer, first))
                    #expect(await isBelieved(authorizer, second) == false)
                    try provider.publish(old, new)
                    #expect(await isBelieved(authorizer, second))
                    return authorizer
                }
                #expect(await isBelieved(authorizer, try await headers(old)))
                #expect(await isBelieved(authorizer, try await headers(new)))
            }
        }
    }

    @Test(
        "what is no key set is not taken: an error, a redirect, a body too long",
        arguments: [
            "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/keys\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"keys\":[]}",
            "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + String(repeating: " ", count: 70_000), "not HTTP",
        ])
    func refused(_ answer: String) async throws {
        try await withClient { client in
            try await withRawServer(.answerThenClose(answer)) { port in
                let source = KeySource.url("http://127.0.0.1:\(port)/keys", client: client, lifetime: .seconds(60))
                await #expect(throws: (any Error).self) { _ = try await source.load() }
            }
        }
    }

    @Test("a file is read again when it has changed; one that is damaged changes nothing, and at the start it is refused")
    func file() async throws {
        try await withTemporaryFolder { folder in
            let (old, new) = (LocalKeys(folder: "\(folder)/old"), LocalKeys(folder: "\(folder)/new"))
            let path = "\(folder)/keys.json"
            func write(_ keys: LocalKeys...) throws {
                let document: JSON = ["keys": .array(try keys.map { try Provider.document(of: $0) })]
                try Data(document.bytes).write(to: URL(filePath: path))
            }
            await #expect(throws: ConfigurationError.self) { _ = try await KeySet(.file(path), logger: Logger(label: "keys")).prepared() }
            try write(old)
            let clock = KeySetTests.Source()
            let keys = try await KeySet(.file(path), logger: Logger(label: "keys"), now: { clock.now }).prepared()
            let authorizer = Authorizer(keys: keys, issuer: "i", audience: "a", roles: [.operator])
            let (first, second) = (try await headers(old), try await headers(new))
            #expect(await isBelieved(authorizer, first))
            try write(new)
            clock.advance(.seconds(1))
            #expect(await isBelieved(authorizer, second))
            #expect(await isBelieved(authorizer, first) == false, "its key was taken away")
            try Data("{".utf8).write(to: URL(filePath: path))
            clock.advance(.seconds(1000))
            #expect(await isBelieved(authorizer, second))
        }
    }

    @Test("a file and a URL at once, or a URL that anybody on the way can answer, stop the start")
    func settings() async throws {
        func keys(_ values: [String: String]) async throws {
            let boot = Boot(service: "probe", settings: Settings(values), logger: Logger(label: "probe"))
            try await withClient { client in _ = try await boot.userKeys(client: client) }
        }
        for values in [
            ["JWT_JWKS_URL": "https://id.example/keys", "JWT_JWKS_FILE": "/keys.json"], ["JWT_JWKS_URL": "http://id.example/keys"],
            ["JWT_JWKS_FILE": "/nowhere/keys.json"],
        ] { await #expect(throws: ConfigurationError.self) { try await keys(values) } }
    }
}
