import Basics
import HTTPPath
import HTTPTypes
import NIOCore
import Synchronization
import TestKit

/// The other side of an order: what was called, in order, and what a test wants to go wrong.
final class Stage: Sendable {
    enum Fault: Sendable {
        /// The call has its effect, and its answer is lost.
        case lost
        /// The call never arrives.
        case unreachable
        /// It arrives, and is answered with a problem instead of being done.
        case refused(Problem)
        /// It has its effect, and its answer comes when the gate opens.
        case held(Gate)
        /// It never arrives, and meanwhile time passes.
        case late(Duration)
    }

    struct Call: Hashable, Sendable {
        /// quote, redeem, undo redeem, reserve, confirm, release, restock, authorize, capture, void, refund.
        let name: String
        /// The ids and the key it carried.
        let identity: String
    }

    private struct State {
        var calls: [Call] = []
        var faults: [String: [Fault]] = [:]
        var always: [String: Fault] = [:]
    }

    private let state = Mutex(State())

    /// The next calls of that name go wrong, one after the other; then they go right.
    func fail(_ name: String, _ faults: Fault...) { state.withLock { $0.faults[name, default: []] += faults } }

    /// Every call of that name goes wrong from now on; nil ends it.
    func alwaysFail(_ name: String, _ fault: Fault?) { state.withLock { $0.always[name] = fault } }

    var calls: [Call] { state.withLock { $0.calls } }
    var names: [String] { calls.map(\.name) }

    /// Notes a call.
    /// - Returns: what shall go wrong with it.
    func enter(_ name: String, _ identity: String) -> Fault? {
        state.withLock { state in
            state.calls.append(Call(name: name, identity: identity))
            if let faults = state.faults[name], let first = faults.first {
                state.faults[name] = Array(faults.dropFirst())
                return first
            }
            return state.always[name]
        }
    }

    /// The answer to one HTTP call.
    func answer(_ name: String, _ identity: String, clock: ManualClock, _ effect: () -> Result<ByteBuffer, Problem>) -> FakeUpstream.Step {
        func step(_ result: Result<ByteBuffer, Problem>) -> FakeUpstream.Step {
            switch result {
            case .success(let body): .answer(UpstreamResponse(status: 200, headers: [.contentType: "application/json"], body: body))
            case .failure(let problem): .problem(problem)
            }
        }
        switch enter(name, identity) {
        case nil: return step(effect())
        case .lost:
            _ = effect()
            return .fail(.timeout)
        case .unreachable: return .fail(.unreachable)
        case .refused(let problem): return .problem(problem)
        case .held(let gate): return .held(gate, step(effect()))
        case .late(let duration):
            clock.advance(by: duration)
            return .fail(.timeout)
        }
    }
}
