/// What was sent for one request, and how far it was answered: the server answers each step in order. Without any input or output.
struct PostgresExchange {
    enum Step: Hashable {
        case forget
        case timeout(Int64)
        case begin
        case prepare(String, [UInt32], name: String)
        case execute
        /// Where the server gives up skipping after an error, and commits what is a transaction of its own.
        case sync

        /// Whether the request fails with it. The others stand behind a `sync` of their own.
        var isOfRequest: Bool {
            switch self {
            case .forget, .timeout: false
            case .begin, .prepare, .execute, .sync: true
            }
        }
    }

    enum Answer {
        case done(LibPQResult)
        case failed(DatabaseError)
        case skipped
        case synced
    }

    let request: PostgresRequest
    let started: ContinuousClock.Instant
    var steps: [Step] = []
    private(set) var answered = 0
    private(set) var failure: DatabaseError?
    /// A commit that finds its transaction failed.
    var rollsBack = false

    /// Sent alone, when the steps were answered.
    var script: String?
    private(set) var isInScript = false
    private var isScriptOver = false
    private var result: LibPQResult?

    init(_ request: PostgresRequest, started: ContinuousClock.Instant) {
        self.request = request
        self.started = started
    }

    var isComplete: Bool { answered == steps.count && !isInScript && scriptToSend == nil }

    /// The script, once it is its turn.
    var scriptToSend: String? { answered == steps.count && failure == nil && !isInScript && !isScriptOver ? script : nil }

    mutating func beginScript() { isInScript = true }

    mutating func endScript() {
        isInScript = false
        isScriptOver = true
    }

    enum Advance {
        /// The step that has been done; nil if it was not.
        case step(Step?)
        /// The answer does not belong to what was sent.
        case mismatch
    }

    /// Takes the server's next answer.
    mutating func receive(_ answer: Answer) -> Advance {
        if isInScript {
            if case .failed(let error) = answer { failure = failure ?? error }
            return .step(nil)
        }
        guard answered < steps.count else { return .mismatch }
        let step = steps[answered]
        switch (answer, step) {
        case (.synced, .sync):
            answered += 1
            return .step(step)
        // What fails while it is committed, such as a deferred constraint, fails here; the sync itself is answered all the same.
        case (.failed(let error), .sync):
            if answered > 0, steps[answered - 1].isOfRequest { failure = failure ?? error }
            return .step(nil)
        case (.synced, _), (.done, .sync), (.skipped, .sync): return .mismatch
        case (.failed(let error), _):
            answered += 1
            if step.isOfRequest { failure = failure ?? error }
            return .step(nil)
        case (.skipped, _):
            answered += 1
            return .step(nil)
        case (.done(let result), _):
            answered += 1
            if step == .execute { self.result = result }
            return .step(step)
        }
    }

    /// Whether it is known what became of the request, though the connection is gone.
    ///
    /// What failed has written nothing, whatever came after it. A transaction of its own is committed at the sync, so only the answer to
    /// that says that it was; `COMMIT` at once.
    var isCertain: Bool {
        if failure != nil { return true }
        if case .commit = request.work { return result != nil }
        return isComplete
    }

    /// Whether the transaction was to begin with this and did not.
    var beganInVain: Bool { failure != nil && result == nil && steps.contains(.begin) }

    var outcome: Result<LibPQResult?, DatabaseError> {
        if let failure { return .failure(failure) }
        if rollsBack { return .failure(request.transaction?.failure ?? .connectionLost) }
        // The server answers COMMIT of a failed transaction with ROLLBACK, and calls it a success.
        if case .commit = request.work, let result, result.command != "COMMIT" {
            return .failure(DatabaseError(.statement, "the server rolled the transaction back; nothing was written"))
        }
        return .success(result)
    }
}
