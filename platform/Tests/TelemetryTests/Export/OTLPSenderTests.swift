import NIOCore
import Synchronization
import Testing

@testable import Telemetry

/// Answers as a test wants it, and keeps what it was sent.
final class ScriptedCollector: OTLPTransport {
    enum Step: Sendable {
        case answer(Int, retryAfter: Int? = nil, body: [UInt8] = [])
        case fail
    }

    private let state: Mutex<(steps: [Step], bodies: [ByteBuffer])>

    /// - Parameter steps: the last one is repeated.
    init(_ steps: [Step]) { state = Mutex((steps, [])) }

    var bodies: [ByteBuffer] { state.withLock { $0.bodies } }

    func post(_ body: ByteBuffer, to target: ExportTarget) async throws -> OTLPAnswer {
        let step = state.withLock { state in
            state.bodies.append(body)
            return state.steps.count > 1 ? state.steps.removeFirst() : state.steps[0]
        }
        switch step {
        case .answer(let status, let retryAfter, let body): return OTLPAnswer(status: status, retryAfter: retryAfter, body: ByteBuffer(bytes: body))
        case .fail: throw ChannelError.eof
        }
    }

    func shutdown() async {}
}

@Suite("Sending an export")
struct OTLPSenderTests {
    private final class Notes: Sendable {
        let failures = Mutex<[String]>([])
        let waits = Mutex<[Duration]>([])
    }

    private let notes = Notes()

    private func send(_ steps: ScriptedCollector.Step..., attempts: Int = 5) async -> (OTLPSender.Outcome, requests: Int) {
        let collector = ScriptedCollector(steps)
        let sender = OTLPSender(
            ExportTarget(url: "http://c/v1/traces"), collector, retries: .init(attempts: attempts),
            failed: { [notes] failure in notes.failures.withLock { $0.append(failure) } },
            sleep: { [notes] time in notes.waits.withLock { $0.append(time) } })
        return (await sender.send(ByteBuffer(string: "x")), collector.bodies.count)
    }

    @Test("what the collector takes is sent once")
    func taken() async {
        let (outcome, requests) = await send(.answer(200))
        #expect(outcome == .taken(rejected: 0))
        #expect(requests == 1)
    }

    @Test("busy, and not there, are tried again", arguments: [429, 502, 503, 504])
    func again(_ status: Int) async {
        let (outcome, requests) = await send(.answer(status), .fail, .answer(200))
        #expect(outcome == .taken(rejected: 0))
        #expect(requests == 3)
        #expect(notes.failures.withLock { $0 } == [String(status), "no_answer"])
        #expect(notes.waits.withLock { $0 }.allSatisfy { $0 <= .seconds(2) })
    }

    @Test("anything else is refused for good", arguments: [400, 401, 404, 413, 500, 301])
    func refused(_ status: Int) async {
        let (outcome, requests) = await send(.answer(status))
        #expect(outcome == .refused)
        #expect(requests == 1)
    }

    @Test("Retry-After is honoured, and a collector that wants too much patience gets the next batch instead")
    func retryAfter() async {
        let (outcome, _) = await send(.answer(429, retryAfter: 7), .answer(200))
        #expect(outcome == .taken(rejected: 0))
        #expect(notes.waits.withLock { $0 } == [.seconds(7)])
        let (impatient, requests) = await send(.answer(503, retryAfter: 3600), .answer(200))
        #expect(impatient == .gaveUp)
        #expect(requests == 1)
    }

    @Test("there is an end to it")
    func end() async {
        let (outcome, requests) = await send(.fail, attempts: 4)
        #expect(outcome == .gaveUp)
        #expect(requests == 4)
    }

    @Test("what the collector says it did not take is known, and an answer that is garbage does no harm")
    func partial() async {
        // partial_success { rejected_spans: 3, error_message: "no" }
        let (outcome, _) = await send(.answer(200, body: [0x0A, 0x06, 0x08, 0x03, 0x12, 0x02, 0x6E, 0x6F]))
        #expect(outcome == .taken(rejected: 3))
        for garbage in [[0xFF], [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], Array("<html>".utf8), [0x0A, 0x01, 0x08]] as [[UInt8]] {
            let (outcome, _) = await send(.answer(200, body: garbage))
            #expect(outcome == .taken(rejected: 0))
        }
    }

    @Test("who is in a hurry does not wait between two tries")
    func hurry() async {
        let collector = ScriptedCollector([.fail])
        let sender = OTLPSender(
            ExportTarget(url: "http://c"), collector, retries: .init(attempts: 3, base: .seconds(3600), cap: .seconds(3600)), failed: { _ in })
        sender.hurry()
        #expect(await sender.send(ByteBuffer()) == .gaveUp)
        #expect(collector.bodies.count == 3)
    }
}
