import Basics
import HTTPPath
import HTTPTypes
import Hummingbird
public import Resilience
import Synchronization

/// Who is let in how often. Nothing is limited where nothing is set.
public struct DoorPolicy: Sendable {
    /// By the client's address, before its token is even looked at: checking one costs more than refusing.
    public var perAddress: (any RateLimiting)?
    /// By the subject of a valid token.
    public var perIdentity: (any RateLimiting)?
    /// Whose `X-Forwarded-For` is believed.
    public var trustedProxies: TrustedProxies

    public init(perAddress: (any RateLimiting)? = nil, perIdentity: (any RateLimiting)? = nil, trustedProxies: TrustedProxies = .none) {
        self.perAddress = perAddress
        self.perIdentity = perIdentity
        self.trustedProxies = trustedProxies
    }
}

/// Stands before the routes: turns away what is too much, as cheaply as it can.
///
/// Health and metrics always pass. A request that carries a token is turned away for load only after the token was checked, because operators
/// pass then too; its client's rate is looked at before.
struct Door: Sendable {
    let policy: DoorPolicy
    let shedder: LoadShedder
    private let arrivals = Arrivals()

    private final class Arrivals: Sendable {
        let count = Atomic<Int>(0)
    }

    /// One in so many requests measures how long work waits for its thread.
    private static let sampling = 8

    init(policy: DoorPolicy, shedder: LoadShedder) {
        self.policy = policy
        self.shedder = shedder
    }

    /// A request on its way through; counts as in flight until ``leave()``.
    final class Visit: Sendable {
        let request: RequestClass
        private let door: Door
        private let strictest = Mutex<(name: String, decision: RateDecision)?>(nil)

        fileprivate init(_ request: RequestClass, _ door: Door) {
            self.request = request
            self.door = door
            door.shedder.enter()
        }

        func leave() { door.shedder.leave() }

        /// What `RateLimit` tells is the limit that is nearest to its end.
        fileprivate func note(_ name: String, _ decision: RateDecision) {
            strictest.withLock { strictest in
                if let known = strictest, known.decision.remaining <= decision.remaining { return }
                strictest = (name, decision)
            }
        }

        /// Adds the fields that say what the caller has left.
        func describe(in headers: inout HTTPFields) {
            guard let (name, decision) = strictest.withLock({ $0 }) else { return }
            let window = max(1, Int((Double(decision.limit.burst) / decision.limit.perSecond).rounded(.up)))
            headers[.rateLimitPolicy] = "\"\(name)\";q=\(decision.limit.burst);w=\(window)"
            headers[.rateLimit] = "\"\(name)\";r=\(decision.remaining);t=\(Problem.seconds(decision.reset))"
        }
    }

    /// - Parameter route: nil where there is no such route.
    func visit(_ route: RouteKey?) -> Visit { Visit(route.map(Self.classify) ?? .read, self) }

    private static func classify(_ route: RouteKey) -> RequestClass {
        if ["/health", "/health/live", "/health/ready", "/metrics"].contains(route.path) { return .exempt }
        return route.method == .get ? .read : .write
    }

    /// What can be known before the token is.
    func knock(_ visit: Visit, client: IPAddress?, hasToken: Bool) async throws {
        guard visit.request != .exempt else { return }
        if let limiter = policy.perAddress, let client { try await take(limiter, "address", client.rateKey, visit) }
        await measure()
        if !hasToken { try shedder.judge(visit.request) }
    }

    /// What depends on who it is.
    func recognise(_ identity: Identity, _ visit: Visit, hasToken: Bool) async throws {
        guard visit.request != .exempt else { return }
        if hasToken, identity.role != .operator { try shedder.judge(visit.request) }
        if let limiter = policy.perIdentity, identity.role != .anonymous { try await take(limiter, "identity", identity.subject, visit) }
    }

    private func take(_ limiter: any RateLimiting, _ name: String, _ key: String, _ visit: Visit) async throws {
        let decision = try await limiter.take(key)
        visit.note(name, decision)
        guard decision.isAllowed else {
            throw Problem(429, "rate_limited", "You ask more often than you may.", retryAfterSeconds: Problem.seconds(decision.retryAfter))
        }
    }

    /// How long this task waits when it lets the others go first is how long any work waits now.
    private func measure() async {
        guard arrivals.count.add(1, ordering: .relaxed).newValue % Self.sampling == 0 else { return }
        let start = ContinuousClock.now
        await Task.yield()
        shedder.observe(queueTime: .now - start)
    }
}

extension HTTPField.Name {
    static let rateLimit = HTTPField.Name("RateLimit")!
    static let rateLimitPolicy = HTTPField.Name("RateLimit-Policy")!
    static let forwardedFor = HTTPField.Name("X-Forwarded-For")!
}
