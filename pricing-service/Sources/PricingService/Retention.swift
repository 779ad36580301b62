import Basics
import Database
import Logging
import ServiceKit
import ServiceLifecycle

/// Deletes what nobody will ask for any more: ended quotes that no order took up, and idempotency keys of the day before.
/// Barrier rows (`redemptions`) and the quotes they belong to stay: a late duplicate of a saga's call must find them.
struct Retention: Service {
    let database: any Database
    let sources: Sources
    /// How long an ended quote is kept.
    let quotes: Duration
    let logger: Logger

    /// Rows a statement deletes at most, so that no write waits long behind it.
    static let batch = 500

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    while try await sweep() >= Self.batch { await Task.yield() }
                    try await Task.sleep(for: .seconds(60))
                } catch is CancellationError {
                    return
                } catch {
                    // The next round tries again; nothing depends on when.
                    logger.warning("old rows could not be deleted", metadata: ["error": "\(error)"])
                    try? await Task.sleep(for: .seconds(60))
                }
            }
        }
    }

    /// Deletes up to `batch` rows of each kind; gives the larger number.
    func sweep() async throws -> Int {
        let now = sources.now()
        let keys = try await Idempotency.sweep(database, now: now, limit: Self.batch)
        return max(keys, try await Store(database).deleteQuotes(endedBefore: now - quotes, limit: Self.batch))
    }
}
