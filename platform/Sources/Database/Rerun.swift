import Resilience

/// Runs a transaction again where others were in its way and nothing was written: `serializationFailure`, `deadlock`, `busy`; and where
/// somebody changed a table that one of its prepared statements reads.
struct Rerun: Sendable {
    /// Runs at most, the first included.
    let attempts: Int
    private let backoff = Backoff(base: .milliseconds(2), cap: .milliseconds(250))

    init(attempts: Int) { self.attempts = attempts }

    func callAsFunction<T>(_ once: () async throws -> T) async throws -> T {
        var failures = 0
        while true {
            do {
                return try await once()
            } catch {
                failures += 1
                guard let failure = error as? DatabaseError, failure.isTransient || failure.wantsNewPreparation, failures < attempts,
                    !Task.isCancelled
                else { throw error }
                let delay = backoff.delay(failures)
                // One that cannot begin before the deadline is not waited for.
                if let deadline = Deadline.current, deadline.remaining <= delay { throw error }
                try? await Task.sleep(for: delay)
            }
        }
    }
}
