import HTTPPath
import Hummingbird
import NIOCore
import ServiceKit
import Synchronization

/// A fixed number of places to work in, and a queue before them.
final class Pace: Sendable {
    struct Behaviour {
        var service = Duration.milliseconds(1)
        var capacity = 100_000
        /// Requests that wait; more are answered 503.
        var queue = 100_000
        /// This share is answered 500, at once.
        var failPercent = 0
    }

    private struct State {
        var behaviour = Behaviour()
        var working = 0
        var waiting: [(id: Int, continuation: CheckedContinuation<Bool, Never>)] = []
        var nextID = 0
        var (received, done, refused) = (0, 0, 0)
    }

    private enum Entry {
        case place, refused
        case queue(Int)
    }

    private let state = Mutex(State())

    func set(_ behaviour: Behaviour) {
        let admitted = state.withLock { state in
            state.behaviour = behaviour
            return Self.admit(&state)
        }
        for continuation in admitted { continuation.resume(returning: true) }
    }

    func describe() -> ByteBuffer {
        let (received, done, refused) = state.withLock { ($0.received, $0.done, $0.refused) }
        return JSONWriter.object { json in
            json.field("received", received)
            json.field("done", done)
            json.field("refused", refused)
        }
    }

    func work(_ answer: () -> String) async throws -> Response {
        let (entry, behaviour) = state.withLock { state -> (Entry, Behaviour) in
            state.received += 1
            let behaviour = state.behaviour
            if state.working < behaviour.capacity {
                state.working += 1
                return (.place, behaviour)
            }
            guard state.waiting.count < behaviour.queue else {
                state.refused += 1
                return (.refused, behaviour)
            }
            state.nextID += 1
            return (.queue(state.nextID), behaviour)
        }
        switch entry {
        case .refused: throw Problem.unavailable("The queue is full.")
        case .place: break
        case .queue(let id): guard await wait(id) else { throw CancellationError() }
        }
        defer { leave() }
        if Int.random(in: 0..<100) < behaviour.failPercent { throw Problem(500, "internal_error", "As it was told to.") }
        try await Task.sleep(for: behaviour.service)
        state.withLock { $0.done += 1 }
        return .json(bytes: ByteBuffer(string: answer()))
    }

    /// - Returns: whether there is a place now; false where the caller gave up.
    private func wait(_ id: Int) async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if Task.isCancelled { return false }
                    if state.working < state.behaviour.capacity {
                        state.working += 1
                        return true
                    }
                    state.waiting.append((id, continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let gone = state.withLock { state in
                state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0).continuation }
            }
            gone?.resume(returning: false)
        }
    }

    private func leave() {
        let admitted = state.withLock { state in
            state.working -= 1
            return Self.admit(&state)
        }
        for continuation in admitted { continuation.resume(returning: true) }
    }

    private static func admit(_ state: inout State) -> [CheckedContinuation<Bool, Never>] {
        var admitted: [CheckedContinuation<Bool, Never>] = []
        while state.working < state.behaviour.capacity, !state.waiting.isEmpty {
            admitted.append(state.waiting.removeFirst().continuation)
            state.working += 1
        }
        return admitted
    }
}
