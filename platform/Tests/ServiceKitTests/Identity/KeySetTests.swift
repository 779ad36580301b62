import HTTPPath
import HTTPTypes
import Logging
import Synchronization
import TestKit
import Testing

@testable import ServiceKit

@Suite("KeySet")
struct KeySetTests {
    /// A source whose keys, failures and speed a test decides, and a clock that it moves.
    final class Source: Sendable {
        struct State {
            var keys: [VerificationKey] = []
            var isDown = false
            var asked = 0
            var now = ContinuousClock.now
        }

        let state = Mutex(State())
        let gate: Gate?

        init(gate: Gate? = nil) { self.gate = gate }

        func set(keys: [VerificationKey]) { state.withLock { $0.keys = keys } }
        func set(isDown: Bool) { state.withLock { $0.isDown = isDown } }
        func advance(_ duration: Duration) { state.withLock { $0.now += duration } }
        var now: ContinuousClock.Instant { state.withLock { $0.now } }
        var asked: Int { state.withLock { $0.asked } }

        func keySet(logs: LogCapture = LogCapture()) -> KeySet {
            let source = KeySource(name: "test", times: .init(lifetime: .seconds(100), leastInterval: .seconds(10))) {
                self.state.withLock { $0.asked += 1 }
                try await self.gate?.pass()
                return try self.state.withLock { state in
                    if state.isDown { throw ConfigurationError("it is down") }
                    return state.keys
                }
            }
            return KeySet(source, logger: logs.logger("keys"), now: { self.now })
        }
    }

    private func key(_ id: JSON) async throws -> VerificationKey { try await KeySetDocumentTests.read(KeySetDocumentTests.ec(id))[0] }

    private func found(_ set: KeySet, _ id: String) async -> String? {
        guard case .key(let key) = await set.key(id) else { return nil }
        return key.material
    }

    @Test("keys are read once and used until they are old")
    func cached() async throws {
        let source = Source()
        let key = try await key("a")
        source.set(keys: [key])
        let set = try await source.keySet().prepared()
        for _ in 0..<50 { #expect(await found(set, "a") == key.material) }
        source.advance(.seconds(99))
        #expect(await found(set, "a") == key.material)
        #expect(source.asked == 1)
    }

    @Test("an unknown name makes it ask again, once an interval however many names there are")
    func unknown() async throws {
        let source = Source()
        source.set(keys: [try await key("a")])
        let set = try await source.keySet().prepared()
        for name in 0..<100 { #expect(await found(set, "made up \(name)") == nil) }
        #expect(source.asked == 1, "it has just been asked")
        source.advance(.seconds(10))
        for name in 0..<100 { #expect(await found(set, "made up \(name)") == nil) }
        #expect(source.asked == 2)
    }

    @Test("a new key is taken when a token names it, and the one before is forgotten when the set has it no more")
    func rotation() async throws {
        let source = Source()
        let (old, new) = (try await key("old"), try await key("new"))
        source.set(keys: [old])
        let set = try await source.keySet().prepared()
        source.set(keys: [old, new])
        source.advance(.seconds(10))
        #expect(await found(set, "new") == new.material)
        #expect(await found(set, "old") == old.material)
        source.set(keys: [new])
        source.advance(.seconds(200))
        #expect(await found(set, "old") == nil)
        #expect(await found(set, "new") == new.material)
    }

    @Test("a key that is old is used while it is renewed; one that is very old is renewed first")
    func stale() async throws {
        let source = Source()
        let (first, second) = (try await key("a"), try await key("a"))
        source.set(keys: [first])
        let set = try await source.keySet().prepared()
        source.set(keys: [second])
        source.advance(.seconds(150))
        #expect(await found(set, "a") == first.material)
        // Joins the load that has begun.
        await set.prepare()
        #expect(set.knownKey("a")?.material == second.material)
        source.set(keys: [first])
        source.advance(.seconds(200))
        #expect(set.knownKey("a") == nil)
        #expect(await found(set, "a") == first.material)
    }

    @Test("when the source fails, what was known is kept, and the source is left alone for an interval")
    func failing() async throws {
        let source = Source()
        let logs = LogCapture()
        let key = try await key("a")
        source.set(keys: [key])
        let set = try await source.keySet(logs: logs).prepared()
        source.set(isDown: true)
        source.advance(.seconds(1000))
        for _ in 0..<10 { #expect(await found(set, "a") == key.material) }
        #expect(source.asked == 2)
        #expect(logs.text.contains("it is down"))
        source.set(isDown: false)
        source.advance(.seconds(10))
        #expect(await found(set, "a") == key.material)
        #expect(source.asked == 3)
    }

    @Test("before the source has ever answered nobody is refused as if their token were wrong")
    func never() async throws {
        let source = Source()
        source.set(isDown: true)
        let set = source.keySet()
        await set.prepare()
        guard case .unavailable = await set.key("a") else {
            Issue.record("it claims to know")
            return
        }
        let authorizer = Authorizer(keys: set, issuer: "i", audience: "a", roles: [.service])
        let fields: JSON = ["alg": "ES256", "kid": "a"]
        let header = base64URLEncoded(fields.bytes)
        let problem = await #expect(throws: Problem.self) { try await authorizer.identify([.authorization: "Bearer \(header).e30.AAAA"]) }
        #expect(problem?.status == 503)
        source.set(isDown: false)
        source.set(keys: [try await key("a")])
        source.advance(.seconds(10))
        #expect(await found(set, "a") != nil)
    }

    @Test("however many wait for a key, the source is asked once")
    func singleFlight() async throws {
        let gate = Gate()
        let source = Source(gate: gate)
        source.set(keys: [try await key("a")])
        let set = source.keySet()
        await withTaskGroup(of: String?.self) { group in
            for _ in 0..<20 { group.addTask { await found(set, "a") } }
            await gate.arrivals(1)
            gate.open()
            for await material in group { #expect(material != nil) }
        }
        #expect(source.asked == 1)
    }
}
