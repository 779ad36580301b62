import Basics
import HTTPPath

/// What may happen to a saga, as a pure function of what was stored and what a try showed: no I/O, so that every rule can be tested
/// by itself.
extension SagaRecord {
    enum Event: Sendable {
        case stepDone(Data)
        case stepRefused(Problem)
        /// Not known whether it had its effect; `retryAt` is when the next try is due.
        case stepUnknown(retryAt: Timestamp)
        case undoDone
        case undoUnknown(retryAt: Timestamp)
    }

    /// The reason of a saga that was called off.
    static var cancelled: Problem { Problem(409, "cancelled", "It was cancelled.") }
    static var timedOut: Problem {
        // Not a 503, which invites to send the same again: under the same key that is the same order, and its end.
        Problem(409, "order_timed_out", "It could not be completed in time, and everything was undone: place a new order.")
    }

    /// Applies an event.
    /// - Parameters:
    ///   - parkAfter: tries after which a step that can only go forward, or an undo, is left to a person.
    /// - Returns: what the history says about it.
    mutating func apply(_ event: Event, _ definition: SagaDefinition<Data>, now: Timestamp, parkAfter: Int) -> String {
        nextAttemptAt = now
        switch event {
        case .stepDone(let data):
            self.data = data
            attempt = 0
            step += 1
            if step == definition.steps.count {
                state = .completed
                return "completed"
            }
            // Called off or late counts only while everything can be undone. Recording this step as done records the next as begun, so the
            // last chance is the record that would begin the pivot.
            if step <= definition.pivot, let reason = reasonToStop(now) {
                return compensate(from: step - 1, because: reason, definition)
            }
            return "done"
        case .stepRefused(let problem):
            let kind = definition.steps[step].kind
            if kind == .retryable { return park(because: problem) }
            // A refusal is definite, at the pivot too: this step has nothing to undo.
            return compensate(from: step - 1, because: problem, definition)
        case .stepUnknown(let retryAt):
            attempt += 1
            if step < definition.pivot {
                // The current step may have had its effect: its undo is part of the compensation.
                if let reason = reasonToStop(now) { return compensate(from: step, because: reason, definition) }
                // The wait must not outlast the time allowed: when that is over, somebody has to notice.
                nextAttemptAt = min(retryAt, deadlineAt)
            } else {
                if attempt >= parkAfter {
                    return park(because: Problem(500, "step_unresolved", "The step \(definition.steps[step].name) stays unresolved."))
                }
                nextAttemptAt = retryAt
            }
            return "unknown"
        case .undoDone:
            attempt = 0
            step -= 1
            skipStepsWithoutUndo(definition)
            return state == .compensated ? "compensated" : "undone"
        case .undoUnknown(let retryAt):
            attempt += 1
            nextAttemptAt = retryAt
            if attempt >= parkAfter { return park(because: failure ?? Self.timedOut) }
            return "undo unknown"
        }
    }

    private func reasonToStop(_ now: Timestamp) -> Problem? {
        cancelRequested ? Self.cancelled : now >= deadlineAt ? Self.timedOut : nil
    }

    private mutating func compensate(from index: Int, because problem: Problem, _ definition: SagaDefinition<Data>) -> String {
        failure = problem
        attempt = 0
        step = index
        state = .compensating
        skipStepsWithoutUndo(definition)
        return "\(state.rawValue): \(problem.code)"
    }

    private mutating func park(because problem: Problem) -> String {
        failure = problem
        state = .parked
        return "parked: \(problem.code)"
    }

    /// Moves to the next step that has something to undo; with none left, it is over.
    private mutating func skipStepsWithoutUndo(_ definition: SagaDefinition<Data>) {
        while step >= 0, definition.steps[step].undo == nil { step -= 1 }
        if step < 0 { state = .compensated }
    }
}
