import Basics
import Database
import Logging
import ServiceKit
import ServiceLifecycle

/// Gives back the stock of reservations whose time is over, and deletes idempotency keys of the day before.
struct Housekeeping: Service {
    let reservations: Reservations
    let database: any Database
    let sources: Sources
    let interval: Duration
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await sweep()
                } catch is CancellationError {
                    return
                } catch {
                    // The next round tries again; an expired reservation cannot be sold meanwhile.
                    logger.warning("housekeeping failed", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: interval)
            }
        }
    }

    /// Goes on until nothing is due. Batches are small, so that no request waits long behind one.
    func sweep() async throws {
        var expired = 0
        while true {
            let count = try await reservations.expireDue()
            expired += count
            if count < Reservations.sweepBatch { break }
        }
        if expired > 0 { logger.info("reservations expired", metadata: ["count": "\(expired)"]) }
        while try await Idempotency.sweep(database, now: sources.now(), limit: 500) >= 500 {}
    }
}
