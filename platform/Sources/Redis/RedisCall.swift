internal import NIOCore
internal import Synchronization

/// Who waits for the replies of one command, or of several that were sent together.
///
/// It is answered once: by the replies, by its deadline, by the cancellation of its task, or by the loss of the connection. Who has left no
/// longer cares, but its replies still come and are still counted: commands have no numbers, only an order.
final class RedisCall: Sendable {
    typealias Answer = Result<[RESPValue], RedisError>

    private enum State {
        case new
        case waiting(UnsafeContinuation<Answer, Never>)
        case done
    }

    let replies: Int
    let deadline: NIODeadline
    private let state = Mutex(State.new)

    init(replies: Int, deadline: NIODeadline) {
        self.replies = replies
        self.deadline = deadline
    }

    /// False: it was over before it began, by its cancellation; `continuation` was resumed.
    func begin(_ continuation: UnsafeContinuation<Answer, Never>) -> Bool {
        let isNew = state.withLock { state in
            guard case .new = state else { return false }
            state = .waiting(continuation)
            return true
        }
        if !isNew { continuation.resume(returning: .failure(.cancelled)) }
        return isNew
    }

    func finish(_ answer: Answer) {
        let continuation = state.withLock { state -> UnsafeContinuation<Answer, Never>? in
            defer { state = .done }
            if case .waiting(let continuation) = state { return continuation }
            return nil
        }
        continuation?.resume(returning: answer)
    }

    var isOver: Bool {
        state.withLock { if case .done = $0 { true } else { false } }
    }
}
