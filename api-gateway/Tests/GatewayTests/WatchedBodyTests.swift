import HTTPPath
import HTTPTypes
import NIOCore
import TestKit
import Testing

@testable import Gateway

@Suite("a body that is passed on")
struct WatchedBodyTests {
    /// Gives its parts, then stands still until the gate opens, then breaks or ends.
    struct Source: AsyncSequence, Sendable {
        typealias Element = ByteBuffer
        typealias Failure = any Error

        struct Broken: Error {}

        let gate: Gate
        var parts = 1
        var breaks = false

        func makeAsyncIterator() -> AsyncIterator { AsyncIterator(source: self, left: parts) }

        struct AsyncIterator: AsyncIteratorProtocol {
            let source: Source
            var left: Int

            mutating func next() async throws -> ByteBuffer? {
                if left > 0 {
                    left -= 1
                    return ByteBuffer(string: "part")
                }
                try await source.gate.pass()
                if source.breaks { throw Broken() }
                return nil
            }
        }
    }

    @Test("it is closed when the read under way has ended, and read by nobody afterwards")
    func close() async throws {
        let gate = Gate()
        let body = WatchedBody(base: Source(gate: gate))
        let reader = Task {
            var parts = 0
            for try await _ in body { parts += 1 }
            return parts
        }
        await gate.arrivals(1)
        let closing = Task { await body.close() }
        gate.open()
        await closing.value
        _ = await reader.result
        var late = body.makeAsyncIterator()
        await #expect(throws: CancellationError.self) { _ = try await late.next() }
        #expect(body.failure == nil)
    }

    @Test("a body that nobody reads is closed at once, and why one broke off is remembered")
    func failure() async throws {
        let gate = Gate()
        gate.open()
        let body = WatchedBody(base: Source(gate: gate, breaks: true))
        await #expect(throws: Source.Broken.self) { for try await _ in body {} }
        #expect(body.failure is Source.Broken)
        await body.close()
        await WatchedBody(base: Source(gate: Gate())).close()
    }

    @Test("an import that is refused before its body has ended leaves the gateway standing")
    func earlyAnswers() async throws {
        try await withShop { shop in
            let token = try #require(try await shop.client.tokens.token(.operator))
            let row = #"{"sku": "LAMP-001", "name": "Desk lamp", "category": "light"}"# + "\n"
            let body = String(repeating: row, count: 2000)
            let head = """
                POST /api/v1/products/import?dryRun=perhaps HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\
                Content-Type: application/x-ndjson\r\nContent-Length: \(body.utf8.count)\r\n
                """
            // Behind each comes another on the same connection: what is left of the first is read by the connection's own loop.
            let next = "GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        for _ in 0..<40 {
                            let answers = try await sendRaw(Array("\(head)\r\n\(body)\(next)".utf8), to: shop.gateway.port)
                            #expect(answers.first?.status == 400)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("an import that breaks off on its way through the gateway is the caller's fault")
    func truncated() async throws {
        try await withShop { shop in
            let token = try #require(try await shop.client.tokens.token(.operator))
            let head = "POST /api/v1/products/import HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\nContent-Type: text/csv\r\n"
            let csv = "sku,name,category\nLAMP-001,Lamp,light\n"
            for (name, rest) in [
                ("shorter than it says", "Content-Length: 1000\r\n\r\n\(csv)"),
                ("chunked, broken off", "Transfer-Encoding: chunked\r\n\r\nfff\r\n\(csv)"),
                ("badly chunked", "Transfer-Encoding: chunked\r\n\r\n5\r\nsku,n\r\nXYZ\r\n"),
            ] {
                let answers = try await sendRaw(Array("\(head)\(rest)".utf8), to: shop.gateway.port, endsWriting: true)
                #expect(answers.map(\.status) == [400], "\(name)")
                let problem = try JSON.parse(answers.first?.body ?? [])
                #expect(problem["code"] == "malformed_request", "\(name)")
            }
            try await shop.client.get("/health/ready").expect(200)
        }
    }
}
