import Foundation
import HTTPPath
import HTTPTypes
import NIOCore
import Synchronization
import TestKit
import Testing

@Suite(.serialized)
struct IdentitySystemTests {
    /// What callers that go on until they are told not to have done.
    private final class Run: Sendable {
        private let isOver = Atomic(false)
        private let answers = Atomic(0)

        var goesOn: Bool { !isOver.load(ordering: .relaxed) }
        var count: Int { answers.load(ordering: .relaxed) }

        func end() { isOver.store(true, ordering: .relaxed) }
        func answered() { answers.add(1, ordering: .relaxed) }
    }

    @Test("both pairs of keys are changed while the shop runs: no request is refused, and no answer degraded")
    func rotation() async throws {
        try await RunningShop.with { shop in
            let manager = try await shop.token("operator", "operator")
            try await shop.addProduct("ROTATE-1", pieces: 100_000, as: manager)
            let before = try await shop.token("ann", "shopper")
            let run = Run()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<4 {
                    group.addTask {
                        var number = 0
                        while run.goesOn {
                            number += 1
                            let view = try await shop.send(.get, "/api/v1/products/ROTATE-1", token: nil)
                            #expect(view.status == 200 && !String(buffer: view.body).contains("degraded"), "\(String(buffer: view.body))")
                            let placed = try await shop.send(
                                .post, "/api/v1/orders", token: before, key: "rotate-\(worker)-\(number)", body: RunningShop.order("ROTATE-1"))
                            #expect(placed.status == 201 || placed.status == 202, "\(String(buffer: placed.body))")
                            run.answered()
                        }
                    }
                }
                for pair in ["services", "users"] {
                    for step in [["rotate", pair], ["list"]] {
                        let result = try await RunningShop.command(shop.folder, ["keys"] + step)
                        #expect(result.code == 0, "\(result.output)\(result.errors)")
                    }
                }
                // A token of the new key, and one of the old.
                let after = try await RunningShop.command(shop.folder, "token", "--role", "shopper", "--subject", "bob").output
                let bob = "Bearer " + after.trimmingCharacters(in: .whitespacesAndNewlines)
                let own = try await shop.send(.get, "/api/v1/orders", token: bob)
                #expect(own.status == 200)
                #expect(try JSON.parse(own.body.readableBytesView)["items"]?.array?.isEmpty == true)
                run.end()
                try await group.waitForAll()
                let retired = try await RunningShop.command(shop.folder, "keys", "retire", "services")
                #expect(retired.code == 0 && retired.output.contains("accepted no more"), "\(retired.output)\(retired.errors)")
                let last = try await shop.send(.get, "/api/v1/products/ROTATE-1", token: nil)
                #expect(last.status == 200 && !String(buffer: last.body).contains("degraded"))
            }
            #expect(run.count > 0)
        }
    }

    @Test("no secret that was used is in any log, whatever happened, at the chattiest level")
    func secrets() async throws {
        try await RunningShop.with(["--with-servers", "--log-level", "trace"]) { shop in
            let shopper = try await shop.token("ann", "shopper")
            let manager = try await shop.token("operator", "operator")
            let (key, card, basic, query) = ("idem-7f3a9c1e", "card_9b1d44aa", "dXNlcjpodW50ZXIy", "tok-55e1c0de")
            try await shop.addProduct("SECRET-1", pieces: 10, as: manager)
            // What goes well, what is refused in each way, and what breaks off.
            _ = try await shop.send(.post, "/api/v1/orders", token: shopper, key: key, body: RunningShop.order("SECRET-1"))
            _ = try await shop.send(.post, "/api/v1/orders", token: shopper, key: key, body: RunningShop.order("SECRET-1", quantity: 2))
            _ = try await shop.send(.post, "/api/v1/orders", token: shopper, key: key + "-2", body: RunningShop.order("SECRET-1", card: card))
            _ = try await shop.send(.post, "/api/v1/products", token: shopper, key: key, body: "{\"sku\": \"\(card)\"")
            _ = try await shop.send(.get, "/api/v1/orders", token: shopper + "x")
            _ = try await shop.send(.get, "/api/v1/orders", token: "Basic " + basic)
            _ = try await shop.send(.get, "/api/v1/orders?access_token=\(query)", token: shopper)
            _ = try await shop.send(.get, "/api/v1/stock/movements?product=\(query)", token: manager)
            let port = try #require(try await RunningShop.status(shop.folder).first { $0.name == "api-gateway" }).port
            for raw in ["GET /\(query) HTTP/1.1\r\nHost: a\r\nAuthorization : \(shopper)\r\n\r\n", "GET /api/v1/orders?\(query) HTTP/9\r\n\r\n"] {
                _ = try await sendRaw(Array(raw.utf8), to: port)
            }

            var secrets = ["key": key, "card": card, "basic": basic, "query": query]
            for (name, token) in [("shopper", shopper), ("operator", manager)] {
                for (part, text) in zip(["header", "claims", "signature"], token.dropFirst(7).split(separator: ".")) {
                    secrets["\(name)'s \(part)"] = String(text)
                }
            }
            let passwords = try JSON.parse(Array(Data(contentsOf: shop.folder.appending(path: "postgres.json"))))
            for (index, text) in strings(passwords).enumerated() where text.count >= 16 { secrets["password \(index)"] = text }
            #expect(secrets.keys.contains { $0.hasPrefix("password") }, "the passwords were not found")
            for file in try FileManager.default.contentsOfDirectory(atPath: shop.folder.appending(path: "keys").path()) where file.hasSuffix(".pem") {
                let pem = try String(contentsOf: shop.folder.appending(path: "keys/\(file)"), encoding: .utf8)
                if pem.contains("PRIVATE") { secrets[file] = pem.split(separator: "\n").dropFirst().first.map(String.init) }
            }

            var lines = 0
            for file in try logs(shop.folder) {
                let text = try String(decoding: Data(contentsOf: file), as: UTF8.self)
                lines += text.split(separator: "\n").count
                for (name, secret) in secrets { #expect(!text.contains(secret), "\(name) is in \(file.lastPathComponent)") }
                // Tokens of services were made inside, so they are looked for by their form.
                #expect(text.firstMatch(of: /eyJ[A-Za-z0-9_-]{8,}\.eyJ/) == nil, "a token is in \(file.lastPathComponent)")
                #expect(text.firstMatch(of: /postgres(ql)?:\/\/[^\s:@\/]+:[^\s*@]+@/) == nil, "a password is in \(file.lastPathComponent)")
            }
            #expect(lines > 30, "the logs were not found")
        }
    }

    private func logs(_ folder: URL) throws -> [URL] {
        let walker = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        return walker.compactMap { $0 as? URL }.filter { $0.pathExtension == "log" || $0.path().contains("/logs/") && !$0.hasDirectoryPath }
    }

    private func strings(_ json: JSON) -> [String] {
        if let text = json.string { return [text] }
        return (json.array ?? []).flatMap(strings) + (json.members ?? []).flatMap { strings($0.value) }
    }
}
