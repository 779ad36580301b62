import Testing

@testable import HelloDD

struct RestartPolicyTests {
    @Test("pauses double from 200 ms to 10 s, at full jitter")
    func pauses() {
        var policy = RestartPolicy()
        let pauses = (0..<8).map { _ in policy.verdict(on: .signal(9), readyFor: nil, hasServed: true, jitter: 1) }
        let expected: [Duration] = [
            .milliseconds(200), .milliseconds(400), .milliseconds(800), .milliseconds(1600), .milliseconds(3200),
            .milliseconds(6400), .seconds(10), .seconds(10),
        ]
        #expect(pauses == expected.map { .restart(after: $0) })
    }

    @Test("without jitter's share, half of the pause is left", arguments: [-1.0, 0.0])
    func leastPause(jitter: Double) {
        var policy = RestartPolicy()
        #expect(policy.verdict(on: .signal(9), readyFor: nil, hasServed: true, jitter: jitter) == .restart(after: .milliseconds(100)))
    }

    @Test("the tenth crash in a row is the last")
    func givesUp() {
        var policy = RestartPolicy()
        for _ in 0..<9 {
            guard case .restart = policy.verdict(on: .code(1), readyFor: .seconds(29), hasServed: true, jitter: 0.5) else {
                Issue.record("given up too early")
                return
            }
        }
        #expect(policy.verdict(on: .code(1), readyFor: .seconds(29), hasServed: true, jitter: 0.5) == .giveUp(crashes: 10))
    }

    @Test("having been ready for 30 s, earlier crashes are forgotten")
    func recovers() {
        var policy = RestartPolicy()
        for _ in 0..<9 { _ = policy.verdict(on: .code(1), readyFor: nil, hasServed: true, jitter: 1) }
        #expect(policy.verdict(on: .code(1), readyFor: .seconds(30), hasServed: true, jitter: 1) == .restart(after: .milliseconds(200)))
        #expect(policy.crashes == 1)
    }

    @Test("a bad configuration is not tried again, even by a service that has served")
    func badConfiguration() {
        var policy = RestartPolicy()
        #expect(policy.verdict(on: .code(78), readyFor: .seconds(60), hasServed: true, jitter: 1) == .hopeless)
    }

    @Test("what is unavailable at the first start is not waited for; later it is")
    func unavailable() {
        var policy = RestartPolicy()
        #expect(policy.verdict(on: .code(69), readyFor: nil, hasServed: false, jitter: 1) == .hopeless)
        #expect(policy.verdict(on: .code(69), readyFor: nil, hasServed: true, jitter: 1) == .restart(after: .milliseconds(200)))
    }

    @Test("ending with exit code 0 unasked is a crash")
    func cleanExit() {
        var policy = RestartPolicy()
        #expect(policy.verdict(on: .code(0), readyFor: .seconds(1), hasServed: true, jitter: 1) == .restart(after: .milliseconds(200)))
    }

    @Test(
        "a wait status tells an exit code from a signal",
        arguments: [
            (Int32(0), Exit.code(0)), (78 << 8, .code(78)), (9, .signal(9)), (11 | 0x80, .signal(11)),
        ])
    func waitStatus(status: Int32, exit: Exit) {
        #expect(Exit(waitStatus: status) == exit)
    }
}
