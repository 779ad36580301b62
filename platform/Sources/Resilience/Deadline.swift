/// The moment after which nobody waits for the answer any more, on the monotonic clock of this process.
///
/// It travels as a task-local, so every wait below a request can honour it without a parameter: pool checkout, lock, sleep, SQL.
/// Between processes the *remaining time* travels (`x-request-timeout-ms`), never a time of day.
public struct Deadline: Hashable, Comparable, Sendable {
    public let instant: ContinuousClock.Instant

    public init(_ instant: ContinuousClock.Instant) { self.instant = instant }

    /// `duration` from now.
    public static func after(_ duration: Duration) -> Deadline { Deadline(.now + duration) }

    /// The deadline of the work this task is part of, if any.
    @TaskLocal public static var current: Deadline?

    /// Time left; never negative.
    public var remaining: Duration { max(.zero, instant - .now) }

    public var hasPassed: Bool { instant <= .now }

    public static func < (a: Deadline, b: Deadline) -> Bool { a.instant < b.instant }

    /// Runs `body` under the earlier of `deadline` and the one already in force: a deadline is only ever shortened.
    public static func with<T, E: Error>(
        _ deadline: Deadline, isolation: isolated (any Actor)? = #isolation, _ body: () async throws(E) -> T
    ) async throws(E) -> T {
        let effective = current.map { min($0, deadline) } ?? deadline
        let result: Result<T, E> = await $current.withValue(effective) {
            do throws(E) { return .success(try await body()) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// Runs `body` without any deadline: for work that outlives the request that began it, such as a saga.
    public static func none<T, E: Error>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws(E) -> T
    ) async throws(E) -> T {
        let result: Result<T, E> = await $current.withValue(nil) {
            do throws(E) { return .success(try await body()) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// Throws `DeadlineExceeded` if the current deadline has passed.
    public static func check() throws(DeadlineExceeded) {
        if let current, current.hasPassed { throw DeadlineExceeded() }
    }
}

/// The deadline passed before the work was done. Never a sign of the callee's health when the caller chose the deadline.
public struct DeadlineExceeded: Error, Sendable, CustomStringConvertible {
    public init() {}
    public var description: String { "the deadline passed before the work was done" }
}

/// Runs `body`, and cancels it and throws `DeadlineExceeded` when `duration` (or the current deadline, if earlier) has passed.
/// `body` must honour cancellation: it is awaited after the time-out too, so nothing it started is left running.
public func withTimeout<T: Sendable>(_ duration: Duration, _ body: @escaping @Sendable () async throws -> T) async throws -> T {
    let deadline = Deadline.current.map { min($0, .after(duration)) } ?? .after(duration)
    return try await Deadline.with(deadline) {
        try await withThrowingTaskGroup(of: T?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await ContinuousClock().sleep(until: deadline.instant)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let value = first else { throw DeadlineExceeded() }
            return value
        }
    }
}
