internal import Resilience
internal import Synchronization

/// The loads under way: one for each key, shared by all who ask for it meanwhile.
///
/// A load is nobody's child. It is cancelled when the last who waited for it has left, and from that moment nobody joins it; one that was
/// begun to refresh a value in good time is not cancelled. (`load` sees the task-local values of whoever began it, its deadline too.) A load during which its key was invalidated is joined no more either, and what
/// it brings is not kept.
final class Flights<Value: Sendable>: Sendable {
    typealias Answer = Result<Value, any Error>
    typealias Continuation = UnsafeContinuation<Answer, Never>

    /// Touched under the lock only.
    final class Flight {
        fileprivate var waiters: [ObjectIdentifier: Waiter] = [:]
        fileprivate var task: Task<Void, Never>?
        fileprivate var isInvalidated = false
        fileprivate let key: String
        fileprivate let isRefresh: Bool

        fileprivate init(_ key: String, isRefresh: Bool) {
            self.key = key
            self.isRefresh = isRefresh
        }
    }

    /// Touched under the lock only.
    fileprivate final class Waiter: @unchecked Sendable {
        var continuation: Continuation?
        var flight: Flight?
        var hasLeft = false
    }

    private struct State {
        var flights: [String: Flight] = [:]
        /// Of loads of many keys at once, which nobody joins: they too must know what was invalidated meanwhile.
        var watches: [String: [Flight]] = [:]
        /// All that run, also those that nobody may join any more.
        var running = 0
    }

    private let state = Mutex(State())
    private let limit: Int
    private let mutations: CacheMutations

    /// - Parameter limit: loads at the same time.
    init(limit: Int, mutations: CacheMutations = []) {
        self.limit = limit
        self.mutations = mutations
    }

    /// What a load is told about itself when it ends.
    struct Ticket: @unchecked Sendable {
        // The flight is only touched under the lock of its flights.
        fileprivate let flight: Flight
    }

    /// Joins the load of `key`, or begins one, and waits for it until `deadline`.
    ///
    /// - Throws: what the load throws; `DeadlineExceeded`; `CancellationError`; ``CacheError/tooManyLoads``.
    func value(for key: String, until deadline: Deadline?, load: @escaping @Sendable (Ticket) async throws -> Value) async throws -> Value {
        let waiter = Waiter()
        let timer = deadline.map { deadline in
            Task.detached {
                guard (try? await ContinuousClock().sleep(until: deadline.instant)) != nil else { return }
                self.leave(waiter, DeadlineExceeded())
            }
        }
        defer { timer?.cancel() }
        let answer = await withTaskCancellationHandler {
            await withUnsafeContinuation { join(key, waiter, $0, load) }
        } onCancel: {
            leave(waiter, CancellationError())
        }
        return try answer.get()
    }

    /// Begins a load of `key` for which nobody waits, unless one is under way.
    func refresh(_ key: String, load: @escaping @Sendable (Ticket) async throws -> Value) {
        state.withLock { state in
            guard state.flights[key] == nil, state.running < limit else { return }
            begin(&state, key, isRefresh: true, load)
        }
    }

    /// Nobody joins the loads of `key` that are under way any more, and what they bring is not kept. Nil: of all keys.
    func invalidate(_ key: String?) {
        state.withLock { state in
            guard let key else {
                for flight in state.flights.values { flight.isInvalidated = true }
                for flight in state.watches.values.joined() { flight.isInvalidated = true }
                state.flights = [:]
                return
            }
            state.flights.removeValue(forKey: key)?.isInvalidated = true
            for flight in state.watches[key] ?? [] { flight.isInvalidated = true }
        }
    }

    /// Runs `body` if what the load brings may be kept. An invalidation comes either before, and is seen here, or after `body`.
    func keep(_ ticket: Ticket, _ body: () -> Void) -> Bool {
        state.withLock { _ in
            guard !ticket.flight.isInvalidated || mutations.contains(.flightInvalidation) else { return false }
            body()
            return true
        }
    }

    /// A ticket for each key, for a load that is not shared; to be given back.
    func watch(_ keys: [String]) -> [Ticket] {
        state.withLock { state in
            keys.map { key in
                let flight = Flight(key, isRefresh: false)
                state.watches[key, default: []].append(flight)
                return Ticket(flight: flight)
            }
        }
    }

    func unwatch(_ tickets: [Ticket]) {
        state.withLock { state in
            for ticket in tickets {
                let key = ticket.flight.key
                state.watches[key]?.removeAll { $0 === ticket.flight }
                if state.watches[key]?.isEmpty == true { state.watches[key] = nil }
            }
        }
    }

    var count: Int { state.withLock { $0.running } }

    // MARK: Under the lock

    private func join(
        _ key: String, _ waiter: Waiter, _ continuation: Continuation, _ load: @escaping @Sendable (Ticket) async throws -> Value
    ) {
        let refusal = state.withLock { state -> (any Error)? in
            // By its cancellation; a deadline that has passed already is found by the timer again.
            if waiter.hasLeft { return Task.isCancelled ? CancellationError() : DeadlineExceeded() }
            guard state.flights[key] != nil || state.running < limit else { return CacheError.tooManyLoads(limit) }
            let flight = state.flights[key] ?? begin(&state, key, isRefresh: false, load)
            flight.waiters[ObjectIdentifier(waiter)] = waiter
            waiter.flight = flight
            waiter.continuation = continuation
            return nil
        }
        if let refusal { continuation.resume(returning: .failure(refusal)) }
    }

    @discardableResult
    private func begin(
        _ state: inout State, _ key: String, isRefresh: Bool, _ load: @escaping @Sendable (Ticket) async throws -> Value
    ) -> Flight {
        let flight = Flight(key, isRefresh: isRefresh)
        state.flights[key] = flight
        state.running += 1
        let ticket = Ticket(flight: flight)
        // Not a detached one: what it does belongs to the trace of whoever began it.
        flight.task = Task {
            let answer: Answer
            do { answer = .success(try await load(ticket)) } catch { answer = .failure(error) }
            self.end(ticket, answer)
        }
        return flight
    }

    private func end(_ ticket: Ticket, _ answer: Answer) {
        let continuations = state.withLock { state in
            state.running -= 1
            if state.flights[ticket.flight.key] === ticket.flight { state.flights[ticket.flight.key] = nil }
            let waiters = ticket.flight.waiters.values
            ticket.flight.waiters = [:]
            return waiters.compactMap { $0.continuation.take() }
        }
        for continuation in continuations { continuation.resume(returning: answer) }
    }

    private func leave(_ waiter: Waiter, _ reason: any Error) {
        let (continuation, task) = state.withLock { state -> (Continuation?, Task<Void, Never>?) in
            waiter.hasLeft = true
            guard let continuation = waiter.continuation.take(), let flight = waiter.flight else { return (nil, nil) }
            flight.waiters[ObjectIdentifier(waiter)] = nil
            guard flight.waiters.isEmpty, !flight.isRefresh else { return (continuation, nil) }
            flight.isInvalidated = true
            if state.flights[flight.key] === flight { state.flights[flight.key] = nil }
            return (continuation, flight.task)
        }
        task?.cancel()
        continuation?.resume(returning: .failure(reason))
    }
}

/// What a cache itself refuses. What a load throws is thrown as it is.
public enum CacheError: Error, Hashable, Sendable, CustomStringConvertible {
    /// So many loads are under way already.
    case tooManyLoads(Int)

    public var description: String {
        switch self {
        case .tooManyLoads(let limit): "\(limit) loads are under way already"
        }
    }
}
