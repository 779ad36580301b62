import Resilience
import Testing

@testable import Database

/// The parts of the engine that neither read nor write anything.
@Suite struct PostgresStateTests {
    // MARK: Exchange

    private func exchange(
        _ work: PostgresRequest.Work, _ steps: [PostgresExchange.Step], in transaction: PostgresTransactionState? = nil
    ) -> PostgresExchange {
        var exchange = PostgresExchange(PostgresRequest(work, Interrupt(deadline: nil), in: transaction) { _ in }, started: .now)
        exchange.steps = steps
        return exchange
    }

    private static let noValues = try! PostgresParameters([])
    private static let statement = PostgresRequest.Work.statement("INSERT …", noValues)
    private static let refusal = DatabaseError(.uniqueViolation, "refused", sqlState: "23505")
    private static let other = DatabaseError(.statement, "another", sqlState: "42601")
    private static let done = PostgresExchange.Answer.done(.nothing)

    /// What a step that was taken says.
    private func step(_ advance: PostgresExchange.Advance) -> PostgresExchange.Step? {
        if case .step(let step) = advance { return step }
        return nil
    }

    private func isMismatch(_ advance: PostgresExchange.Advance) -> Bool {
        if case .mismatch = advance { return true }
        return false
    }

    @Test("each answer takes the next step, and the last sync completes the exchange")
    func steps() {
        let prepare = PostgresExchange.Step.prepare("INSERT …", [], name: "s1")
        var exchange = exchange(Self.statement, [.timeout(128), .sync, .begin, prepare, .execute, .sync])
        #expect(step(exchange.receive(Self.done)) == .timeout(128))
        #expect(step(exchange.receive(.synced)) == .sync)
        #expect(step(exchange.receive(Self.done)) == .begin)
        #expect(step(exchange.receive(Self.done)) == prepare)
        #expect(step(exchange.receive(Self.done)) == .execute)
        #expect(!exchange.isComplete)
        // Executed, but not yet committed.
        #expect(!exchange.isCertain)
        #expect(step(exchange.receive(.synced)) == .sync)
        #expect(exchange.isComplete)
        #expect(exchange.isCertain)
        #expect(throws: Never.self) { try exchange.outcome.get() }
    }

    @Test("after a failure the rest is skipped, and the failure is the outcome, of which a lost connection changes nothing")
    func failure() {
        var exchange = exchange(Self.statement, [.prepare("", [], name: "s1"), .execute, .sync])
        #expect(step(exchange.receive(.failed(Self.refusal))) == nil)
        #expect(exchange.isCertain)
        #expect(step(exchange.receive(.skipped)) == nil)
        #expect(!exchange.isComplete)
        #expect(step(exchange.receive(.synced)) == .sync)
        #expect(exchange.isComplete)
        #expect(throws: Self.refusal) { try exchange.outcome.get() }
    }

    @Test("what fails while it is committed fails the request, and the sync is answered all the same")
    func failureAtSync() {
        var exchange = exchange(Self.statement, [.execute, .sync])
        _ = exchange.receive(Self.done)
        _ = exchange.receive(.failed(Self.refusal))
        #expect(!exchange.isComplete)
        _ = exchange.receive(.synced)
        #expect(exchange.isComplete)
        #expect(throws: Self.refusal) { try exchange.outcome.get() }
    }

    @Test("the first failure counts")
    func firstFailure() {
        var exchange = exchange(Self.statement, [.execute, .sync])
        _ = exchange.receive(.failed(Self.refusal))
        _ = exchange.receive(.failed(Self.other))
        #expect(throws: Self.refusal) { try exchange.outcome.get() }
    }

    @Test("a failure of what only prepares the connection is not the request's")
    func failureBefore() {
        var exchange = exchange(Self.statement, [.forget, .timeout(128), .sync, .execute, .sync])
        #expect(step(exchange.receive(.failed(Self.other))) == nil)
        #expect(step(exchange.receive(.skipped)) == nil)
        #expect(step(exchange.receive(.synced)) == .sync)
        #expect(step(exchange.receive(Self.done)) == .execute)
        _ = exchange.receive(.synced)
        #expect(exchange.isComplete)
        #expect(throws: Never.self) { try exchange.outcome.get() }
    }

    @Test("an answer that does not belong to its step is a mismatch")
    func mismatches() {
        for answer in [PostgresExchange.Answer.synced] {
            var exchange = exchange(Self.statement, [.execute, .sync])
            #expect(isMismatch(exchange.receive(answer)))
        }
        for answer in [Self.done, .skipped] {
            var exchange = exchange(Self.statement, [.sync])
            #expect(isMismatch(exchange.receive(answer)))
        }
        var complete = exchange(Self.statement, [])
        #expect(isMismatch(complete.receive(Self.done)))
    }

    @Test("a script goes out when what comes before it was answered, and not if that failed")
    func script() {
        var good = exchange(.script("x"), [.begin, .sync])
        good.script = "x"
        #expect(good.scriptToSend == nil)
        _ = good.receive(Self.done)
        _ = good.receive(.synced)
        #expect(!good.isComplete)
        #expect(good.scriptToSend == "x")
        good.beginScript()
        #expect(good.scriptToSend == nil)
        #expect(step(good.receive(Self.done)) == nil)
        #expect(step(good.receive(.failed(Self.refusal))) == nil)
        #expect(!good.isComplete)
        good.endScript()
        #expect(good.isComplete)
        #expect(throws: Self.refusal) { try good.outcome.get() }

        var bad = exchange(.script("x"), [.begin, .sync])
        bad.script = "x"
        _ = bad.receive(.failed(Self.refusal))
        _ = bad.receive(.synced)
        #expect(bad.scriptToSend == nil)
        #expect(bad.isComplete)
    }

    @Test("a transaction that did not begin is known as such")
    func beganInVain() {
        var exchange = exchange(Self.statement, [.begin, .execute, .sync], in: PostgresTransactionState(.serializable))
        #expect(!exchange.beganInVain)
        _ = exchange.receive(.failed(Self.refusal))
        #expect(exchange.beganInVain)
    }

    @Test("the commit of a failed transaction is its failure")
    func rollsBack() {
        let transaction = PostgresTransactionState(.readCommitted)
        transaction.failure = Self.refusal
        var exchange = exchange(.commit, [.execute, .sync], in: transaction)
        exchange.rollsBack = true
        _ = exchange.receive(Self.done)
        _ = exchange.receive(.synced)
        #expect(throws: Self.refusal) { try exchange.outcome.get() }
    }

    // MARK: Request

    private final class Answer {
        var result: Result<LibPQResult?, DatabaseError>?
        var code: DatabaseError.Code? { if case .failure(let error) = result { error.code } else { nil } }
        var isSuccess: Bool { if case .success = result { true } else { false } }
    }

    /// What a request is told without a server, if anything.
    private func answer(
        _ work: PostgresRequest.Work, _ state: PostgresTransactionState?, deadline: Deadline? = nil, open: UInt64?
    ) -> Answer {
        let answer = Answer()
        let request = PostgresRequest(work, Interrupt(deadline: deadline), in: state) { answer.result = $0 }
        #expect(request.completeWithoutServer(open: open) == (answer.result != nil))
        return answer
    }

    @Test("a transaction that has not begun ends without a connection; one whose connection is gone fails without another")
    func withoutServer() {
        let fresh = PostgresTransactionState(.readCommitted)
        #expect(answer(Self.statement, fresh, open: nil).result == nil)
        #expect(answer(.commit, fresh, open: nil).isSuccess)
        #expect(answer(Self.statement, fresh, open: 1).code == .closed)

        let begun = PostgresTransactionState(.readCommitted)
        begun.opening = 1
        #expect(answer(Self.statement, begun, open: 1).result == nil)
        #expect(answer(.commit, begun, open: 1).result == nil)
        #expect(answer(Self.statement, begun, open: 2).code == .connectionLost)
        #expect(answer(Self.statement, begun, open: nil).code == .connectionLost)
        #expect(answer(.commit, begun, open: 2).code == .connectionLost)

        let lost = PostgresTransactionState(.readCommitted)
        lost.opening = 1
        #expect(answer(.rollback, lost, open: nil).isSuccess)
        #expect(answer(Self.statement, lost, open: nil).code == .closed)

        let failed = PostgresTransactionState(.readCommitted)
        (failed.opening, failed.failure) = (1, Self.refusal)
        #expect(answer(Self.statement, failed, open: 1).code == .statement)
        #expect(answer(.commit, failed, open: 1).result == nil)
        #expect(answer(.rollback, failed, open: 1).result == nil)
    }

    @Test("what is not wanted any more is not begun; but the end of a transaction always is")
    func unwanted() {
        let passed = Deadline(.now)
        #expect(answer(Self.statement, nil, deadline: passed, open: 1).code == .timeout)
        #expect(answer(.connect, nil, deadline: passed, open: nil).code == .timeout)
        let begun = PostgresTransactionState(.readCommitted)
        begun.opening = 1
        #expect(answer(.commit, begun, deadline: passed, open: 1).result == nil)
        #expect(answer(.rollback, begun, deadline: passed, open: 1).result == nil)
    }

    @Test("what a lost connection means depends on what may have been committed")
    func losses() {
        func loss(_ work: PostgresRequest.Work, _ state: PostgresTransactionState? = nil) -> DatabaseError.Code {
            PostgresRequest(work, Interrupt(deadline: nil), in: state) { _ in }.loss.code
        }
        func statement(_ text: String) -> PostgresRequest.Work { .statement(text, Self.noValues) }
        let transaction = PostgresTransactionState(.readCommitted)
        #expect(loss(statement("SELECT 1")) == .connectionLost)
        #expect(loss(statement("-- why\n VALUES (1)")) == .connectionLost)
        #expect(loss(statement("WITH w AS (DELETE FROM t RETURNING n) SELECT n FROM w")) == .commitUnknown)
        #expect(loss(statement("INSERT INTO t VALUES (1)")) == .commitUnknown)
        #expect(loss(statement("INSERT INTO t VALUES (1)"), transaction) == .connectionLost)
        #expect(loss(.script("SELECT 1")) == .commitUnknown)
        #expect(loss(.script("INSERT"), transaction) == .connectionLost)
        #expect(loss(.commit, transaction) == .commitUnknown)
        #expect(loss(.rollback, transaction) == .connectionLost)
        #expect(loss(.listen("c")) == .connectionLost)
    }

    // MARK: Prepared statements

    @Test("statements are known by text and types, and the one unused for longest makes room")
    func statements() {
        var statements = PostgresStatements(capacity: 2)
        #expect(statements.name(of: "a", []) == nil)
        let (a, b, c) = (statements.newName(), statements.newName(), statements.newName())
        #expect(Set([a, b, c]).count == 3)
        statements.insert(a, "a", [])
        _ = statements.name(of: "b", [])
        statements.insert(b, "b", [])
        #expect(statements.surplus().isEmpty)
        #expect(statements.name(of: "a", []) == a)
        #expect(statements.name(of: "a", [20]) == nil)
        statements.insert(c, "a", [20])
        #expect(statements.name(of: "b", []) == nil)
        #expect(statements.name(of: "a", []) == a)
        #expect(statements.name(of: "a", [20]) == c)
        #expect(statements.surplus() == [b])
        #expect(statements.surplus().isEmpty)
        statements.forgetAll()
        #expect(statements.name(of: "a", []) == nil)
        #expect(statements.surplus() == ["ALL"])
        #expect(![a, b, c].contains(statements.newName()))
    }

    @Test("the server's timeout is never below what is left, at most eight times of it, and changed seldom")
    func serverTimeout() {
        var timeout = ServerTimeout()
        #expect(timeout.change(for: nil) == nil)
        for seconds: Int64 in [1, 10, 1000, 100_000] {
            let wanted = timeout.change(for: .after(.seconds(seconds))) ?? timeout.milliseconds
            #expect(wanted >= seconds * 1000)
            #expect(wanted <= seconds * 8000)
            timeout.milliseconds = wanted
            #expect(timeout.change(for: .after(.seconds(seconds))) == nil)
        }
        #expect(timeout.change(for: nil) == 0)
        timeout.milliseconds = 0
        #expect(timeout.change(for: .after(.seconds(1 << 40))) == 1 << 30)
        timeout.milliseconds = 1 << 30
        #expect(timeout.change(for: .after(.seconds(1 << 40))) == nil)
        // A deadline that has passed is no reason for none.
        #expect(timeout.change(for: Deadline(.now - .seconds(1))) == 128)
    }

    // MARK: Gate

    private static let down = DatabaseError(.unavailable, "down")

    @Test("after a failure the gate is closed for a jittered time that grows to two seconds, and a success opens it")
    func gate() {
        let start = ContinuousClock.now
        var gate = ReconnectGate()
        #expect(gate.refusal(start) == nil)
        var longest = Duration.zero
        for _ in 0..<50 {
            gate.failed(Self.down, begun: start + .seconds(3600), now: start + .seconds(3600))
            let closed = (0...2000).last { gate.refusal(start + .seconds(3600) + .milliseconds($0)) != nil } ?? 0
            longest = max(longest, .milliseconds(closed))
            #expect(gate.refusal(start + .seconds(3602)) == nil)
        }
        #expect(longest > .seconds(1))
        gate.succeeded()
        #expect(gate.refusal(start + .seconds(3600)) == nil)
        // And it begins with a tenth of a second again.
        gate.failed(Self.down, begun: start, now: start)
        #expect(gate.refusal(start + .milliseconds(100)) == nil)
    }

    @Test("what the gate says is what the last attempt found")
    func gateError() {
        let start = ContinuousClock.now
        var gate = ReconnectGate()
        // Jitter may be next to nothing.
        repeat { gate.failed(Self.down, begun: start, now: start) } while gate.refusal(start) == nil
        #expect(gate.refusal(start) == Self.down)
    }

    @Test("attempts that ran side by side are one failure")
    func gateParallel() {
        let start = ContinuousClock.now
        for _ in 0..<100 {
            var gate = ReconnectGate()
            for milliseconds: Int64 in 0..<8 { gate.failed(Self.down, begun: start, now: start + .milliseconds(10 + milliseconds)) }
            #expect(gate.refusal(start + .milliseconds(110)) == nil)
        }
    }
}
