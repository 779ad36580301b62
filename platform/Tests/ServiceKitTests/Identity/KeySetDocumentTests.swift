import Crypto
import HTTPPath
import TestKit
import Testing

@testable import ServiceKit

@Suite("a JSON Web Key Set")
struct KeySetDocumentTests {
    static func ec(_ id: JSON? = "k1", _ more: (String, JSON)...) -> JSON {
        let point = P256.Signing.PrivateKey().publicKey.x963Representation.dropFirst()
        var key: JSON = [
            "kty": "EC", "crv": "P-256", "x": .string(base64URLEncoded(point.prefix(32))), "y": .string(base64URLEncoded(point.suffix(32))),
        ]
        key = key.with("kid", id)
        for (name, value) in more { key = key.with(name, value) }
        return key
    }

    static let okp: JSON = [
        "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": .string(base64URLEncoded(Curve25519.Signing.PrivateKey().publicKey.rawRepresentation)),
    ]

    static func read(_ keys: JSON...) async throws -> [VerificationKey] { try await read(keys) }

    static func read(_ keys: [JSON]) async throws -> [VerificationKey] {
        let document: JSON = ["keys": .array(keys)]
        return try await KeySetDocument.keys(document.bytes)
    }

    @Test("keys for ES256 and EdDSA are read, with their algorithm pinned by their kind where the set does not name it")
    func kinds() async throws {
        let keys = try await Self.read(Self.ec("a"), Self.ec("b", ("alg", "ES256"), ("use", "sig")), Self.okp)
        #expect(keys.map(\.id) == ["a", "b", "ed"])
        #expect(keys.map(\.algorithm) == [.es256, .es256, .edDSA])
    }

    @Test("keys for other uses, algorithms and curves, weak ones and those without a name are passed over")
    func passedOver() async throws {
        let weak: JSON = ["kty": "RSA", "kid": "weak", "e": "AQAB", "n": .string(base64URLEncoded([UInt8](repeating: 0xC1, count: 128)))]
        let odd: JSON = ["kty": "RSA", "kid": "odd", "e": "AQ", "n": .string(base64URLEncoded([UInt8](repeating: 0xC1, count: 256)))]
        let keys = try await Self.read(
            Self.ec("enc", ("use", "enc")), Self.ec("alg", ("alg", "ES384")), Self.ec("hs", ("alg", "HS256")), Self.ec("crv", ("crv", "P-384")),
            Self.ec("ops", ("key_ops", ["encrypt"])), Self.ec(nil), Self.ec(""), Self.ec("short", ("x", "AAAA")), weak, odd, ["kty": "new"],
            Self.ec("good"))
        #expect(keys.map(\.id) == ["good"])
    }

    @Test("a set with anything private or symmetric in it is refused whole", arguments: ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
    func secrets(_ member: String) async throws {
        let error = await #expect(throws: ConfigurationError.self) { try await Self.read(Self.ec("good"), Self.ec("bad", (member, "AAAA"))) }
        #expect(error?.description.contains("private or a symmetric") == true)
        await #expect(throws: ConfigurationError.self) { try await Self.read(Self.ec("good"), ["kty": "oct", "kid": "h"]) }
    }

    @Test("a set without a usable key, with a name twice, too large or no set at all is refused")
    func refused() async throws {
        await #expect(throws: ConfigurationError.self) { try await Self.read() }
        await #expect(throws: ConfigurationError.self) { try await Self.read(Self.ec("a"), Self.ec("a")) }
        await #expect(throws: ConfigurationError.self) {
            try await Self.read(Self.ec("off", ("y", .string(base64URLEncoded([UInt8](repeating: 1, count: 32))))))
        }
        for text in ["", "{", "[]", "{}", #"{"keys": {}}"#, #"{"keys": []}"#, #"{"keys": ["x"]}"#] {
            await #expect(throws: ConfigurationError.self) { try await KeySetDocument.keys(Array(text.utf8)) }
        }
        await #expect(throws: ConfigurationError.self) { try await Self.read((0..<33).map { Self.ec(.string("k\($0)")) }) }
        let long = Array(#"{"keys": [], "pad": ""#.utf8) + [UInt8](repeating: 0x61, count: 64 << 10) + Array(#""}"#.utf8)
        await #expect(throws: ConfigurationError.self) { try await KeySetDocument.keys(long) }
    }

    @Test("a set comes from an https URL, or from http on loopback, and from nowhere else")
    func urls() {
        for url in ["https://id.example/keys", "https://id.example:8443", "http://127.0.0.1:9000/jwks", "http://localhost/x", "http://[::1]:80/x"] {
            #expect(KeySource.isAcceptable(url: url), "\(url)")
        }
        for url in [
            "http://id.example/keys", "http://127.0.0.1.evil.example/", "http://localhost.evil/", "ftp://x/", "id.example", "https:///x", "",
            "https://u@h/x", "http://127.0.0.1@evil.example/", "https://a b/",
        ] {
            #expect(!KeySource.isAcceptable(url: url), "\(url)")
        }
    }
}
