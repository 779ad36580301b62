import Basics
import HTTPPath
import Testing

@testable import Orders

/// Of the steps `a`, `b`, `c`, `d` the pivot is `c`; `a` and `b` can be undone, `d` can only be repeated.
private let definition = SagaDefinition<Trace>(
    kind: "test", version: 1, timeAllowed: .seconds(10),
    steps: [
        .compensatable("a", run: { data, _ in .done(data) }, undo: { _, _ in }),
        .compensatable("b", run: { data, _ in .done(data) }, undo: { _, _ in }),
        .pivot("c", run: { data, _ in .done(data) }), .retryable("d", run: { data, _ in .done(data) }),
    ])

/// As above, but there is nothing to undo in `a`.
private let sparse = SagaDefinition<Trace>(
    kind: "test", version: 1, timeAllowed: .seconds(10),
    steps: [
        .compensatable("a", run: { data, _ in .done(data) }, undo: nil), .compensatable("b", run: { data, _ in .done(data) }, undo: { _, _ in }),
        .pivot("c", run: { data, _ in .done(data) }),
    ])

struct Trace: SagaData, Hashable {
    var text: String

    init(_ text: String) { self.text = text }
    init(_ fields: Fields) { text = fields.string("text", 0...100) }
    func write(to json: inout JSONWriter) { json.object { $0.field("text", text) } }
}

private let now = Timestamp(microseconds: 1_000_000_000)
private let refusal = Problem(409, "short", "Short.")

@Suite("what may happen to a saga")
struct SagaTransitionTests {
    enum Event: String, CaseIterable, Sendable {
        case done, refused, unknown
    }

    /// What stops a saga before its pivot.
    enum Stop: String, CaseIterable, Sendable {
        case nothing, cancel, late, both
    }

    struct Rule: Sendable, CustomTestStringConvertible {
        let step: Int
        let event: Event
        let stop: Stop
        /// Tries before this one; parking is after 3.
        let attempt: Int
        let state: SagaRecord<Trace>.State
        let next: Int
        let attempts: Int
        let failure: String?
        let text: String

        init(
            _ step: Int, _ event: Event, when stop: Stop = .nothing, attempt: Int = 0, to state: SagaRecord<Trace>.State, _ next: Int,
            attempts: Int = 0,
            because failure: String? = nil, _ text: String
        ) {
            (self.step, self.event, self.stop, self.attempt) = (step, event, stop, attempt)
            (self.state, self.next, self.attempts, self.failure, self.text) = (state, next, attempts, failure, text)
        }

        var testDescription: String { "step \(step), \(event), \(stop), \(attempt) tries before" }
    }

    static let rules: [Rule] = [
        // Before the pivot: on.
        Rule(0, .done, to: .running, 1, "done"),
        Rule(0, .done, attempt: 2, to: .running, 1, "done"),
        Rule(1, .done, to: .running, 2, "done"),
        // Called off or late: undone from the step that was just done, also where the next would be the pivot.
        Rule(0, .done, when: .cancel, to: .compensating, 0, because: "cancelled", "compensating: cancelled"),
        Rule(0, .done, when: .late, to: .compensating, 0, because: "order_timed_out", "compensating: order_timed_out"),
        Rule(0, .done, when: .both, to: .compensating, 0, because: "cancelled", "compensating: cancelled"),
        Rule(1, .done, when: .cancel, to: .compensating, 1, because: "cancelled", "compensating: cancelled"),
        Rule(1, .done, when: .late, to: .compensating, 1, because: "order_timed_out", "compensating: order_timed_out"),
        // A refusal is definite: the refused step itself has nothing to undo.
        Rule(0, .refused, to: .compensated, -1, because: "short", "compensated: short"),
        Rule(0, .refused, when: .cancel, to: .compensated, -1, because: "short", "compensated: short"),
        Rule(0, .refused, when: .late, to: .compensated, -1, because: "short", "compensated: short"),
        Rule(1, .refused, to: .compensating, 0, because: "short", "compensating: short"),
        Rule(1, .refused, when: .late, attempt: 5, to: .compensating, 0, because: "short", "compensating: short"),
        // Not known: again, however often, as long as there is time; else undone, this step included.
        Rule(0, .unknown, to: .running, 0, attempts: 1, "unknown"),
        Rule(1, .unknown, attempt: 7, to: .running, 1, attempts: 8, "unknown"),
        Rule(1, .unknown, when: .cancel, to: .compensating, 1, because: "cancelled", "compensating: cancelled"),
        Rule(0, .unknown, when: .late, attempt: 3, to: .compensating, 0, because: "order_timed_out", "compensating: order_timed_out"),

        // At the pivot: neither a cancellation nor the deadline counts any more.
        Rule(2, .done, to: .running, 3, "done"),
        Rule(2, .done, when: .cancel, to: .running, 3, "done"),
        Rule(2, .done, when: .late, to: .running, 3, "done"),
        Rule(2, .unknown, to: .running, 2, attempts: 1, "unknown"),
        Rule(2, .unknown, when: .cancel, to: .running, 2, attempts: 1, "unknown"),
        Rule(2, .unknown, when: .late, attempt: 1, to: .running, 2, attempts: 2, "unknown"),
        Rule(2, .unknown, attempt: 2, to: .parked, 2, attempts: 3, because: "step_unresolved", "parked: step_unresolved"),
        // A refusal is definite at the pivot too, so everything before it is undone.
        Rule(2, .refused, to: .compensating, 1, because: "short", "compensating: short"),
        Rule(2, .refused, when: .cancel, to: .compensating, 1, because: "short", "compensating: short"),

        // After it there is only forward, or a person.
        Rule(3, .done, to: .completed, 4, "completed"),
        Rule(3, .done, when: .cancel, to: .completed, 4, "completed"),
        Rule(3, .done, when: .late, to: .completed, 4, "completed"),
        Rule(3, .unknown, to: .running, 3, attempts: 1, "unknown"),
        Rule(3, .unknown, when: .both, attempt: 1, to: .running, 3, attempts: 2, "unknown"),
        Rule(3, .unknown, attempt: 2, to: .parked, 3, attempts: 3, because: "step_unresolved", "parked: step_unresolved"),
        Rule(3, .refused, to: .parked, 3, because: "short", "parked: short"),
        Rule(3, .refused, when: .cancel, to: .parked, 3, because: "short", "parked: short"),
    ]

    @Test("a step's event leads where the table says", arguments: rules)
    func step(_ rule: Rule) {
        var saga = record(step: rule.step, attempt: rule.attempt, rule.stop)
        let text = saga.apply(event(rule.event), definition, now: now, parkAfter: 3)
        #expect(saga.state == rule.state)
        #expect(saga.step == rule.next)
        #expect(saga.attempt == rule.attempts)
        #expect(saga.failure?.code == rule.failure)
        #expect(text == rule.text)
        #expect(saga.data == (rule.event == .done ? Trace("after") : Trace("before")), "only a step that is done leaves data behind")
    }

    @Test("an undo leads to the undo before it, and the first one ends it")
    func undo() {
        var saga = record(step: 1, state: .compensating, attempt: 2)
        saga.failure = refusal
        #expect(saga.apply(.undoDone, definition, now: now, parkAfter: 3) == "undone")
        #expect(saga.state == .compensating)
        #expect(saga.step == 0)
        #expect(saga.attempt == 0)
        #expect(saga.apply(.undoDone, definition, now: now, parkAfter: 3) == "compensated")
        #expect(saga.state == .compensated)
        #expect(saga.failure == refusal, "the reason stays what it was")
    }

    @Test("an undo whose effect is not known is tried again, and after the last try left to a person with the first reason")
    func unknownUndo() {
        var saga = record(step: 1, state: .compensating)
        saga.failure = refusal
        for attempt in 1...2 {
            #expect(saga.apply(.undoUnknown(retryAt: now + .seconds(1)), definition, now: now, parkAfter: 3) == "undo unknown")
            #expect(saga.state == .compensating)
            #expect(saga.step == 1)
            #expect(saga.attempt == attempt)
            #expect(saga.nextAttemptAt == now + .seconds(1))
        }
        #expect(saga.apply(.undoUnknown(retryAt: now), definition, now: now, parkAfter: 3) == "parked: short")
        #expect(saga.state == .parked)
        #expect(saga.failure == refusal)
    }

    @Test("an undo goes on whatever was called off or is late", arguments: Stop.allCases)
    func undoIsNotStopped(_ stop: Stop) {
        var saga = record(step: 1, state: .compensating, stop)
        saga.failure = refusal
        _ = saga.apply(.undoDone, definition, now: now, parkAfter: 3)
        #expect(saga.state == .compensating)
        #expect(saga.failure == refusal)
    }

    @Test("steps without an undo are skipped on the way back")
    func sparseUndo() {
        var refused = record(step: 1)
        #expect(refused.apply(.stepRefused(refusal), sparse, now: now, parkAfter: 3) == "compensated: short")
        #expect(refused.state == .compensated)

        var undone = record(step: 1, state: .compensating)
        #expect(undone.apply(.undoDone, sparse, now: now, parkAfter: 3) == "compensated")
        #expect(undone.state == .compensated)
    }

    @Test("the next try is due when the back-off says, and everything else at once")
    func due() {
        var unknown = record(step: 2)
        _ = unknown.apply(.stepUnknown(retryAt: now + .seconds(4)), definition, now: now, parkAfter: 3)
        #expect(unknown.nextAttemptAt == now + .seconds(4))
        var late = record(step: 1, .late)
        _ = late.apply(.stepUnknown(retryAt: now + .seconds(4)), definition, now: now, parkAfter: 3)
        #expect(late.state == .compensating)
        #expect(late.nextAttemptAt == now)
        var done = record(step: 1)
        _ = done.apply(.stepDone(Trace("after")), definition, now: now, parkAfter: 3)
        #expect(done.nextAttemptAt == now)
    }

    @Test("before the pivot no try is put off beyond the time allowed")
    func dueInTime() {
        var saga = record(step: 1)
        _ = saga.apply(.stepUnknown(retryAt: now + .seconds(4)), definition, now: now, parkAfter: 3)
        #expect(saga.nextAttemptAt == saga.deadlineAt)
    }

    @Test("whatever happens in whatever order, a saga that took its pivot is never undone, and one that did not ends undone or parked")
    func safety() {
        var random = Numbers(state: 7)
        for _ in 1...2000 {
            var saga = record(step: 0)
            var tookPivot = false
            var steps = 0
            while !saga.isFinished, steps < 200 {
                steps += 1
                if random.next(of: 10) == 0 { saga.cancelRequested = true }
                let late = random.next(of: 10) == 0
                let moment = late ? saga.deadlineAt + .seconds(1) : now
                let atPivot = saga.state == .running && saga.step == definition.pivot
                switch saga.state {
                case .running:
                    #expect(definition.steps.indices.contains(saga.step))
                    let kind = Event.allCases[random.next(of: 3)]
                    _ = saga.apply(event(kind), definition, now: moment, parkAfter: 3)
                    if atPivot, kind == .done { tookPivot = true }
                case .compensating:
                    #expect(saga.step < definition.pivot && definition.steps[saga.step].undo != nil)
                    _ = saga.apply(random.next(of: 2) == 0 ? .undoDone : .undoUnknown(retryAt: moment), definition, now: moment, parkAfter: 3)
                case .completed, .compensated, .parked: break
                }
                if tookPivot { #expect(saga.state != .compensating && saga.state != .compensated) }
            }
            #expect(saga.isFinished)
            if !tookPivot { #expect(saga.state == .compensated || saga.state == .parked) }
            #expect((saga.state == .completed) == (saga.failure == nil))
        }
    }

    // MARK: -

    private func event(_ event: Event) -> SagaRecord<Trace>.Event {
        switch event {
        case .done: .stepDone(Trace("after"))
        case .refused: .stepRefused(refusal)
        case .unknown: .stepUnknown(retryAt: now + .seconds(1))
        }
    }

    private func record(step: Int, state: SagaRecord<Trace>.State = .running, attempt: Int = 0, _ stop: Stop = .nothing) -> SagaRecord<Trace> {
        let id = Identifier(high: 1, low: 2)
        return SagaRecord(
            id: id, kind: "test", definitionVersion: 1, subjectID: id, state: state, step: step, attempt: attempt, data: Trace("before"),
            failure: nil,
            cancelRequested: stop == .cancel || stop == .both, correlationID: "c", traceParent: nil, version: 1,
            deadlineAt: stop == .late || stop == .both ? now : now + .microseconds(1), nextAttemptAt: now)
    }

    /// A generator that replays.
    private struct Numbers {
        var state: UInt64

        mutating func next(of bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
    }
}
