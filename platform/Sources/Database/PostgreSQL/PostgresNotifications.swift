import Resilience
import Synchronization

/// What `NOTIFY` sent.
public struct PostgresNotification: Hashable, Sendable {
    public let channel: String
    /// Up to 8,000 bytes.
    public let payload: String

    public init(channel: String, payload: String) {
        self.channel = channel
        self.payload = payload
    }
}

/// What is sent by `NOTIFY` on one channel, for as long as it is iterated over: one iterator, on a connection of its own.
///
/// Notifications are a wake-up and never the record: whoever is not connected misses them. So each time that some may have been missed
/// there is a ``Event/gap``: at the beginning, when the connection was lost and is there again, and when the reader is so slow that the
/// buffer of 256 was full. After it, look at what there is.
public struct PostgresNotifications: AsyncSequence, Sendable {
    public enum Event: Hashable, Sendable {
        /// Listening since now; what was sent before may have been missed.
        case gap
        case notification(PostgresNotification)
    }

    let loop: PostgresLoop
    let channel: String

    public func makeAsyncIterator() -> Iterator { Iterator(listener: Listener(loop, channel)) }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let listener: Listener

        /// The next event; nil when the task was cancelled or the database shut down.
        public func next() async -> Event? { await listener.next() }
    }
}

/// One iterator's connection and buffer.
private final class Listener: Sendable {
    private struct State {
        var events: [PostgresNotifications.Event] = []
        var isListening = false
        var failures = 0
        var waiter: CheckedContinuation<Void, Never>?
    }

    private static let most = 256

    private let loop: PostgresLoop
    private let channel: String
    private let connection: PostgresConnection
    private let state: SharedState

    // Apart from the listener, so that the connection's callback does not keep the listener alive.
    private final class SharedState: Sendable {
        let mutex = Mutex(State())

        func take(_ notification: PostgresNotification?) {
            let waiter = mutex.withLock { state in
                if let notification {
                    if state.events.count >= Listener.most { state.events = [.gap] }
                    state.events.append(.notification(notification))
                } else {
                    state.isListening = false
                }
                return state.waiter.take()
            }
            waiter?.resume()
        }
    }

    init(_ loop: PostgresLoop, _ channel: String) {
        self.loop = loop
        self.channel = channel
        let state = SharedState()
        self.state = state
        connection = PostgresConnection(statementCacheCapacity: 1) { state.take($0) }
    }

    deinit { loop.close(connection) }

    func next() async -> PostgresNotifications.Event? {
        while !Task.isCancelled {
            let (event, isListening) = state.mutex.withLock { state in
                (state.events.isEmpty ? nil : state.events.removeFirst(), state.isListening)
            }
            if let event { return event }
            if isListening {
                await wait()
            } else if !(await listen()) {
                return nil
            }
        }
        return nil
    }

    private func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.mutex.withLock { state in
                    if !state.events.isEmpty || !state.isListening || Task.isCancelled { return true }
                    state.waiter = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.mutex.withLock { $0.waiter.take() }?.resume()
        }
    }

    /// Connects and listens, with back-off between attempts. False when there is no use in going on.
    private func listen() async -> Bool {
        // Before it is asked: the connection may be lost again before the answer is looked at.
        state.mutex.withLock { $0.isListening = true }
        // A listener is there until its task is cancelled; its connection is not part of what has a deadline.
        let result = await Deadline.none { await loop.run(.listen(channel), on: connection) }
        switch result {
        case .success:
            state.mutex.withLock { state in
                state.failures = 0
                state.events.insert(.gap, at: 0)
            }
            return true
        case .failure(let error):
            let failures = state.mutex.withLock { state in
                state.isListening = false
                state.failures += 1
                return state.failures
            }
            if error.code == .closed || error.code == .cancelled { return false }
            return (try? await Task.sleep(for: .milliseconds(50) + Backoff(base: .milliseconds(100), cap: .seconds(5)).delay(failures))) != nil
        }
    }
}

extension PostgresLoop {
    /// Asks a connection for something, and waits for the answer; the task's cancellation and its deadline are passed on.
    func run(
        _ work: PostgresRequest.Work, on connection: PostgresConnection, in transaction: PostgresTransactionState? = nil
    ) async -> Result<LibPQResult?, DatabaseError> {
        let interrupt = Interrupt()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                submit(PostgresRequest(work, interrupt, in: transaction) { continuation.resume(returning: $0) }, to: connection)
            }
        } onCancel: {
            interrupt.cancel()
            wake()
        }
    }
}
