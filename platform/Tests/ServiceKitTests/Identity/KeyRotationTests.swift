import Foundation
import HTTPTypes
import Logging
import TestKit
import Testing

@testable import ServiceKit

@Suite("changing keys")
struct KeyRotationTests {
    private func token(_ keys: LocalKeys) async throws -> HTTPFields {
        let token = try await keys.signer(.services).token(issuer: "i", subject: "s", audience: "a", role: .service, lifetime: .seconds(600))
        return [.authorization: "Bearer \(token)"]
    }

    private func isBelieved(_ authorizer: Authorizer, _ headers: HTTPFields) async -> Bool {
        (try? await authorizer.identify(headers))?.role == .service
    }

    @Test("old and new key are accepted while the keys change, and no token is refused; then the old one is refused, remembered or not")
    func overlap() async throws {
        try await withTemporaryFolder { folder in
            let keys = LocalKeys(folder: folder)
            let clock = KeySetTests.Source()
            let set = KeySet(.folder(keys, .services), logger: Logger(label: "keys"), now: { clock.now })
            let authorizer = Authorizer(keys: try await set.prepared(), issuer: "i", audience: "a", roles: [.service])
            let old = try await token(keys)
            #expect(await isBelieved(authorizer, old))

            let id = try keys.publishNext(.services)
            #expect(try keys.publishNext(.services) == id, "taken again, the step changes nothing")
            #expect(try keys.entries(.services).map(\.signs) == [true, false])
            #expect(await isBelieved(authorizer, try await token(keys)))

            try keys.signWithNext(.services)
            #expect(try keys.entries(.services).map(\.signs) == [false, true])
            #expect(throws: ConfigurationError.self) { try keys.signWithNext(.services) }
            let new = try await token(keys)
            // What a second brings: the files are looked at again.
            clock.advance(.seconds(1))
            #expect(await isBelieved(authorizer, new))
            #expect(await isBelieved(authorizer, old))

            #expect(try keys.retireOthers(.services).count == 1)
            clock.advance(.seconds(120))
            #expect(await isBelieved(authorizer, new))
            #expect(await isBelieved(authorizer, old) == false)
            #expect(try keys.entries(.services).map(\.id) == [id])
            #expect(try keys.retireOthers(.services).isEmpty)
        }
    }

    @Test("private keys stay their owner's alone while they change, and nothing is left behind")
    func modes() async throws {
        try await withTemporaryFolder { folder in
            let keys = LocalKeys(folder: folder)
            try keys.publishNext(.users)
            let mode = try FileManager.default.attributesOfItem(atPath: "\(folder)/users.next.pem")[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(throws: ConfigurationError.self) { try keys.retireOthers(.users) }
            try keys.signWithNext(.users)
            try keys.retireOthers(.users)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["users.pem", "users.pub.pem"])
            let published = try String(contentsOfFile: "\(folder)/users.pub.pem", encoding: .utf8)
            #expect(!published.contains("PRIVATE"))
        }
    }

    @Test("a key that is not published does not sign")
    func unpublished() async throws {
        try await withTemporaryFolder { folder in
            let (keys, other) = (LocalKeys(folder: folder), LocalKeys(folder: "\(folder)/other"))
            try keys.publishNext(.services)
            _ = try other.jwks(.services)
            try FileManager.default.removeItem(atPath: "\(folder)/services.next.pem")
            try FileManager.default.copyItem(atPath: "\(folder)/other/services.pem", toPath: "\(folder)/services.next.pem")
            #expect(throws: ConfigurationError.self) { try keys.signWithNext(.services) }
        }
    }

    @Test("a service goes on with the old key while the new one cannot be used, and takes it when it can")
    func signing() async throws {
        try await withTemporaryFolder { folder in
            let keys = LocalKeys(folder: folder)
            let token = try await ServiceToken(keys: keys, issuer: "i", audience: "a", logger: Logger(label: "t"), interval: .zero)
            let first = try await token.header()
            #expect(try await token.header() == first)
            try keys.publishNext(.services)
            #expect(try await token.header() == first)
            try keys.signWithNext(.services)
            let second = try await token.header()
            #expect(second != first)
            try "no key".write(toFile: "\(folder)/services.pem", atomically: true, encoding: .utf8)
            #expect(try await token.header() == second)
        }
    }
}
