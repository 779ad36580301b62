internal import Basics
public import Resilience

/// A rate limit that processes share: the generic cell rate algorithm in one script, on the server's clock.
///
/// This process' own limit is looked at first, so a flood from one key costs the server nothing. Where the server does not answer, the own
/// limit decides alone: each process then lets as much through as all of them should. The server remembers a key for as long as it owes
/// something, so what is remembered is bounded by who asks.
///
/// Source: ITU-T I.371; the same arithmetic as `RateLimiterMachine`.
public final class RedisRateLimiter: RateLimiting {
    private let client: RedisClient
    private let limit: RateLimit
    private let prefix: String
    private let patience: Duration
    private let breaker: CircuitBreaker
    private let local: LocalRateLimiter
    /// Microseconds, as the server counts.
    private let interval: Int64
    private let tolerance: Int64

    /// - Parameters:
    ///   - name: of the limit: processes that give the same share it. Letters, digits, `-`, `_`, `.`.
    ///   - patience: how long the server may take; a caller waits for it.
    public init(
        _ client: RedisClient, name: String, limit: RateLimit, patience: Duration = .milliseconds(20),
        breaker: CircuitBreaker = CircuitBreaker(RedisRateLimiter.breakerConfiguration)
    ) {
        self.client = client
        self.limit = limit
        self.patience = patience
        self.breaker = breaker
        prefix = "rate:\(name):"
        local = LocalRateLimiter(limit)
        interval = max(1, limit.interval.microseconds)
        tolerance = interval * Int64(limit.burst - 1)
    }

    /// It opens after few calls, because each costs its caller the patience, and looks again soon.
    public static var breakerConfiguration: BreakerConfiguration {
        var configuration = BreakerConfiguration()
        configuration.minimumCalls = 5
        configuration.openTime = .seconds(1)
        configuration.longestOpenTime = .seconds(5)
        return configuration
    }

    private static let script = RedisScript(
        "rate.take",
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local interval = tonumber(ARGV[1])
        local paid = tonumber(redis.call('GET', KEYS[1]) or '0')
        if paid < now then paid = now end
        if paid - now > tonumber(ARGV[2]) then return {0, paid - now} end
        local debt = paid + interval - now
        redis.call('SET', KEYS[1], string.format('%.0f', paid + interval), 'PX', math.ceil(debt / 1000))
        return {1, debt}
        """)

    public func take(_ key: String) async throws -> RateDecision {
        let own = local.take(key)
        guard own.isAllowed else { return own }
        return try await shared(key) ?? own
    }

    /// Nil: the server does not answer.
    private func shared(_ key: String) async throws -> RateDecision? {
        let permit: CircuitBreaker.Permit
        do { permit = try breaker.permit() } catch { return nil }
        let command = (script: Self.script, keys: [RedisCommand.Word.text(prefix + key)])
        let arguments: [RedisCommand.Word] = [.integer(interval), .integer(tolerance)]
        let end = Deadline.after(patience)
        do {
            let reply = try await Deadline.with(end) { [client] in try await client.run(command.script, keys: command.keys, arguments: arguments) }
            permit.succeed()
            guard let parts = reply.elements, parts.count == 2, let allowed = parts[0].integer, let debt = parts[1].integer else { return nil }
            return decision(isAllowed: allowed == 1, debt: debt)
        } catch {
            switch (error as? RedisError)?.code {
            case .cancelled:
                permit.ignore()
                throw CancellationError()
            case .queueFull, .server, .unexpectedReply, .closed: permit.ignore()
            default:
                // A caller with less time left than the patience says nothing of the server.
                if let outer = Deadline.current, outer < end { permit.ignore() } else { permit.fail() }
            }
            return nil
        }
    }

    /// - Parameter debt: microseconds until all is paid.
    private func decision(isAllowed: Bool, debt: Int64) -> RateDecision {
        guard isAllowed else {
            return RateDecision(
                isAllowed: false, limit: limit, remaining: 0, retryAfter: .microseconds(max(1, debt - tolerance)), reset: .microseconds(debt))
        }
        let left = tolerance - debt
        let remaining = left < 0 ? 0 : Int(left / interval) + 1
        return RateDecision(
            isAllowed: true, limit: limit, remaining: remaining, retryAfter: remaining > 0 ? .zero : .microseconds(debt - tolerance),
            reset: .microseconds(debt))
    }
}
