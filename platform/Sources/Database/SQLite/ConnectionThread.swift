import NIOPosix

/// A value that is not thread-safe, such as a connection, and the one thread that ever touches it.
///
/// `@unchecked Sendable` is sound because `value` is reached only in work that the pool's single thread runs.
final class ConnectionThread<Value>: @unchecked Sendable {
    private let value: Value
    private let thread = NIOThreadPool(numberOfThreads: 1)

    /// Takes `value` over; the caller must not touch it again.
    init(_ value: consuming sending Value) {
        self.value = value
        thread.start()
    }

    /// Runs `work` on the thread, after what was submitted before. `work` gets nil, on any thread, once ``stop(_:then:)`` was called.
    func submit(_ work: @escaping @Sendable (Value?) -> Void) {
        thread.submit { state in
            switch state {
            case .active: work(self.value)
            case .cancelled: work(nil)
            }
        }
    }

    /// As ``submit(_:)``, and waits for the result. The task's cancellation is passed on to `interrupt`.
    ///
    /// Throws `closed` once ``stop(_:then:)`` was called.
    func run<R: Sendable>(
        _ interrupt: Interrupt, _ work: @escaping @Sendable (Value) throws(DatabaseError) -> R
    ) async throws(DatabaseError) -> R {
        let result: Result<R, DatabaseError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                submit { value in
                    guard let value else { return continuation.resume(returning: .failure(.closed)) }
                    continuation.resume(returning: Result { () throws(DatabaseError) in try work(value) })
                }
            }
        } onCancel: {
            interrupt.cancel()
        }
        return try result.get()
    }

    /// Runs `last` on the thread after the work submitted so far, ends the thread, and calls `done` on some thread.
    /// When it was stopped before, `last` is not run and `done` is called all the same.
    func stop(_ last: @escaping @Sendable (Value) -> Void, then done: @escaping @Sendable () -> Void) {
        submit { value in
            guard let value else { return done() }
            last(value)
            // Only now: ending the pool drops what is still queued. The closure keeps this object until the thread has ended.
            self.thread.shutdownGracefully { _ in withExtendedLifetime(self) { done() } }
        }
    }

    func stop(_ last: @escaping @Sendable (Value) -> Void) async {
        await withCheckedContinuation { continuation in stop(last) { continuation.resume() } }
    }
}
