import HTTPPath
import NIOHTTP1
import Testing

@testable import ServiceKit

@Suite("ConnectionState")
struct ConnectionStateTests {
    private func head(_ version: HTTPVersion = .http1_1, _ headers: (String, String)...) -> HTTPRequestHead {
        HTTPRequestHead(version: version, method: .GET, uri: "/", headers: HTTPHeaders([("Host", "a")] + headers))
    }

    private func isPass(_ action: ConnectionState.ReadAction) -> Bool { if case .pass = action { true } else { false } }

    private func problem(_ action: ConnectionState.WriteAction) -> Problem? { if case .passThenRefuse(let problem) = action { problem } else { nil } }

    @Test("what is wrong behind a request that is being worked on is said after its answer, never within it")
    func pending() {
        var state = ConnectionState()
        #expect(isPass(state.read(head: head())))
        #expect(isPass(state.readEnd()))
        guard case .drop = state.parserFailed(HTTPParserError.invalidMethod) else {
            Issue.record("it was answered at once")
            return
        }
        guard case .pass = state.writeHead(), case .pass = state.writeBody() else {
            Issue.record("the answer that was due is lost")
            return
        }
        #expect(problem(state.writeEnd())?.status == 400)
        guard case .drop = state.writeHead() else {
            Issue.record("an answer to nothing was let out")
            return
        }
    }

    @Test("of two requests at once both are answered before what is wrong behind them")
    func pipelined() {
        var state = ConnectionState()
        for _ in 0..<2 {
            #expect(isPass(state.read(head: head())))
            #expect(isPass(state.readEnd()))
        }
        _ = state.parserFailed(HTTPParserError.invalidMethod)
        _ = state.writeHead()
        guard case .pass = state.writeEnd() else {
            Issue.record("the second request was passed over")
            return
        }
        _ = state.writeHead()
        #expect(problem(state.writeEnd()) != nil)
    }

    @Test("a body that breaks is told to whoever reads it; behind its early answer nothing more is said")
    func brokenBody() {
        var reading = ConnectionState()
        _ = reading.read(head: head())
        guard case .pass = reading.parserFailed(HTTPParserError.invalidChunkSize), case .passAsLast = reading.writeHead(),
            case .passThenClose = reading.writeEnd()
        else {
            Issue.record("the reader must learn it, and its answer be the last")
            return
        }
        var answered = ConnectionState()
        _ = answered.read(head: head())
        _ = answered.writeHead()
        _ = answered.writeEnd()
        guard case .close = answered.parserFailed(HTTPParserError.invalidChunkSize), case .drop = answered.writeHead() else {
            Issue.record("there must be no second answer")
            return
        }
        guard case .drop = answered.parserFailed(HTTPParserError.invalidChunkSize) else {
            Issue.record("once is enough")
            return
        }
    }

    @Test("the last request of a connection is the last, also when its answer comes before its end")
    func last() {
        for last in [head(.http1_0), head(.http1_0, ("Connection", "keep-alive")), head(.http1_1, ("Connection", "x, Close"))] {
            var state = ConnectionState()
            _ = state.read(head: last)
            guard case .passAsLast = state.writeHead(), case .pass = state.writeEnd(), case .passThenClose = state.readEnd() else {
                Issue.record("\(last) must close")
                return
            }
            guard case .drop = state.read(head: head()) else {
                Issue.record("nothing is read behind it")
                return
            }
        }
    }
}
