import NIOCore
import Synchronization

/// A request's body on its way to another service, read by a client library that may still be reading when the answer has come.
///
/// The connection's own loop reads what is left of a request when it has been answered, and two readers at once are a crash. So whoever
/// hands out such a body closes it before the request ends: nobody reads any more from then on. It also remembers why the body broke
/// off, since the client library tells only that it did.
final class WatchedBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    typealias Failure = any Error

    private struct State {
        var isReading = false
        var isClosed = false
        var failure: (any Error)?
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let base: any AsyncSequence<ByteBuffer, any Error> & Sendable
    private let state = Mutex(State())

    init(base: any AsyncSequence<ByteBuffer, any Error> & Sendable) { self.base = base }

    /// Why it broke off; nil while it has not.
    var failure: (any Error)? { state.withLock { $0.failure } }

    /// Waits until nobody reads; whoever tries afterwards gets a `CancellationError`. A read under way ends when the caller sends more,
    /// or leaves, or when the reader is cancelled.
    func close() async {
        await withCheckedContinuation { continuation in
            let isQuiet = state.withLock { state in
                state.isClosed = true
                if state.isReading { state.waiting.append(continuation) }
                return !state.isReading
            }
            if isQuiet { continuation.resume() }
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(base: base.makeAsyncIterator(), body: self) }

    struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var base: any AsyncIteratorProtocol<ByteBuffer, any Error>
        fileprivate let body: WatchedBody

        mutating func next() async throws -> ByteBuffer? {
            try body.beginReading()
            do {
                let part = try await base.next()
                body.endReading(nil)
                return part
            } catch {
                body.endReading(error)
                throw error
            }
        }
    }

    private func beginReading() throws {
        try state.withLock { state in
            if state.isClosed { throw CancellationError() }
            state.isReading = true
        }
    }

    private func endReading(_ failure: (any Error)?) {
        let waiting = state.withLock { state in
            state.isReading = false
            if let failure, !state.isClosed { state.failure = failure }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
