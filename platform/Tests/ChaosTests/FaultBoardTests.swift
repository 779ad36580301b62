import Basics
import Chaos
import HTTPPath
import Synchronization
import TestKit
import Testing

@Suite("faults")
struct FaultBoardTests {
    /// A monotonic clock that a test moves.
    final class Stopwatch: Sendable {
        private let time = Mutex(Duration.zero)
        var now: Duration { time.withLock { $0 } }
        func advance(by duration: Duration) { time.withLock { $0 += duration } }
    }

    private let stopwatch = Stopwatch()
    private let board: FaultBoard

    init() {
        let stopwatch = stopwatch
        board = FaultBoard(sources: ManualClock().sources, clock: { stopwatch.now })
    }

    @Test("without a fault nothing happens to a request")
    func none() {
        #expect(board.effect(on: "GET /a") == nil)
        #expect(board.active == 0)
    }

    @Test("a fault meets its route and no other, or every route where it names none")
    func routes() throws {
        let first = try board.set(.init(.error, route: "GET /a", status: 502), by: "olivia")
        #expect(board.effect(on: "GET /a")?.problem?.status == 502)
        #expect(board.effect(on: "POST /a") == nil)
        _ = try board.set(.init(.latency, latency: .milliseconds(250)), by: "olivia")
        #expect(board.effect(on: "POST /a")?.latency == .milliseconds(250))
        #expect(board.effect(on: "POST /a")?.problem == nil)
        #expect(board.effect(on: "GET /a")?.fault == first.id, "the older one decides")
        #expect(board.list().map(\.injections) == [2, 2])
    }

    @Test("a fault ends by itself, by a clock that nobody sets back")
    func ends() throws {
        _ = try board.set(.init(.error, duration: .seconds(5)), by: "olivia")
        stopwatch.advance(by: .milliseconds(4999))
        #expect(board.active == 1)
        stopwatch.advance(by: .milliseconds(1))
        #expect(board.effect(on: "GET /a") == nil)
        #expect(board.list() == [])
        #expect(board.active == 0)
    }

    @Test("cleared is cleared, and an unknown one is told apart")
    func clearing() throws {
        let fault = try board.set(.init(.error), by: "olivia")
        _ = try board.set(.init(.latency), by: "olivia")
        #expect(board.clear(fault.id))
        #expect(!board.clear(fault.id))
        #expect(board.effect(on: "GET /a")?.kind == .latency)
        #expect(board.clear() == 1)
        #expect(board.clear() == 0)
        #expect(board.effect(on: "GET /a") == nil)
    }

    @Test("a rate of 30 % meets about as many, and the same seed the same ones", arguments: [1, 2, 77] as [UInt64])
    func rate(seed: UInt64) throws {
        func sequence() throws -> [Bool] {
            let board = FaultBoard()
            _ = try board.set(.init(.error, percent: 30, seed: seed), by: "olivia")
            return (0..<2000).map { _ in board.effect(on: "GET /a") != nil }
        }
        let first = try sequence()
        #expect(first == (try sequence()))
        #expect((500...700).contains(first.count { $0 }))
    }

    @Test("the board is bounded, and what has ended makes room")
    func bound() throws {
        for _ in 0..<FaultBoard.most { _ = try board.set(.init(.latency, duration: .seconds(10)), by: "olivia") }
        let refused = #expect(throws: Problem.self) { try board.set(.init(.latency), by: "olivia") }
        #expect(refused?.code == "too_many_faults")
        stopwatch.advance(by: .seconds(10))
        _ = try board.set(.init(.latency), by: "olivia")
    }

    @Test(
        "a fault is read strictly, and everything wrong with it is told",
        arguments: [
            (#"{"kind": "explosion"}"#, "/kind"), (#"{"kind": "latency", "latencyMs": 0}"#, "/latencyMs"),
            (#"{"kind": "latency", "status": 503}"#, "/status"), (#"{"kind": "error", "status": 501}"#, "/status"),
            (#"{"kind": "error", "percent": 0}"#, "/percent"), (#"{"kind": "error", "durationSeconds": 3601}"#, "/durationSeconds"),
            (#"{"kind": "error", "seed": -1}"#, "/seed"), (#"{"kind": "error", "forever": true}"#, "/forever"),
        ])
    func reading(text: String, pointer: String) throws {
        let json = try JSON.parse(Array(text.utf8))
        let error = #expect(throws: InvalidInput.self) { try Fields.read(json) { Fault.Specification($0) } }
        #expect(error?.errors.map(\.pointer) == [pointer])
    }
}
