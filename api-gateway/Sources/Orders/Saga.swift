import Basics
import HTTPPath
import Resilience
import Telemetry

/// A saga's declaration: its steps in order. Before the pivot every failure is undone in reverse; from the pivot on it only goes
/// forward. Free of what it is used for, so that it can become a library of its own.
struct SagaDefinition<Data: SagaData>: Sendable {
    let kind: String
    /// Raised when the steps change; an unfinished saga keeps the version that it began with.
    let version: Int
    let steps: [SagaStep<Data>]
    /// What traces call the id of what the saga is about.
    let subject: AttributeKey
    /// Where it must be past its pivot; later than that it is undone.
    let timeAllowed: Duration

    init(kind: String, version: Int, subject: AttributeKey = "saga.subject.id", timeAllowed: Duration, steps: [SagaStep<Data>]) {
        self.subject = subject
        precondition(steps.filter { $0.kind == .pivot }.count <= 1, "a saga has at most one pivot")
        let shape = steps.map(\.kind)
        precondition(shape == shape.sorted { $0.rawValue < $1.rawValue }, "compensatable steps come first, then the pivot, then retryable ones")
        self.kind = kind
        self.version = version
        self.timeAllowed = timeAllowed
        self.steps = steps
    }

    /// Steps with an index below this can be undone; at it, or beyond, the saga only goes forward.
    var pivot: Int { steps.firstIndex { $0.kind != .compensatable } ?? steps.count }
}

protocol SagaData: Sendable, JSONReadable, JSONWritable {}

struct SagaStep<Data: SagaData>: Sendable {
    enum Kind: Int, Sendable { case compensatable, pivot, retryable }

    /// What one try showed. A thrown error means that it is not known whether the step had its effect.
    enum Outcome: Sendable {
        case done(Data)
        /// It certainly had no effect, and trying again is of no use.
        case refused(Problem)
    }

    let name: String
    let kind: Kind
    let run: @Sendable (Data, StepCall) async throws -> Outcome
    /// Takes the effect back, also one that never came or is not known; throws to be tried again.
    let undo: (@Sendable (Data, StepCall) async throws -> Void)?

    static func compensatable(
        _ name: String, run: @escaping @Sendable (Data, StepCall) async throws -> Outcome,
        undo: (@Sendable (Data, StepCall) async throws -> Void)?
    ) -> SagaStep {
        SagaStep(name: name, kind: .compensatable, run: run, undo: undo)
    }

    static func pivot(_ name: String, run: @escaping @Sendable (Data, StepCall) async throws -> Outcome) -> SagaStep {
        SagaStep(name: name, kind: .pivot, run: run, undo: nil)
    }

    static func retryable(_ name: String, run: @escaping @Sendable (Data, StepCall) async throws -> Outcome) -> SagaStep {
        SagaStep(name: name, kind: .retryable, run: run, undo: nil)
    }
}

/// What a step knows about the call it is making.
struct StepCall: Sendable {
    let saga: Identifier
    let step: String
    let isUndo: Bool

    /// The same for every try of one direction of one step.
    var key: String { "\(saga):\(step):\(isUndo ? "undo" : "do")" }
}

/// A saga as it is stored.
struct SagaRecord<Data: SagaData>: Sendable {
    enum State: String, Sendable {
        case running, compensating, completed, compensated, parked
    }

    let id: Identifier
    let kind: String
    let definitionVersion: Int
    let subjectID: Identifier
    var state: State
    var step: Int
    var attempt: Int
    var data: Data
    var failure: Problem?
    var cancelRequested: Bool
    let correlationID: String
    /// The span that it is a part of, as W3C writes it; nil where there was none.
    let traceParent: String?
    var version: Int64
    let deadlineAt: Timestamp
    var nextAttemptAt: Timestamp

    var isFinished: Bool { state != .running && state != .compensating }
}
