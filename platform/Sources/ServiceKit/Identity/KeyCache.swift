/// Which keys are known, how old that knowledge is, and when its source is asked again. Does no I/O.
struct KeyCache {
    struct Times: Hashable, Sendable {
        /// Knowledge older than this is renewed while it is used; older than twice this, before it is used.
        var lifetime: Duration
        /// The source is not asked more often than this: names of keys come from callers, who can make up as many as they like.
        var leastInterval: Duration
    }

    enum Answer {
        case key(VerificationKey)
        /// It counts still, and the source is to be asked meanwhile.
        case keyWhileLoading(VerificationKey)
        /// The source is to be asked first, or is being asked.
        case load
        case unknown
        /// The source has never answered.
        case neverLoaded
    }

    private let times: Times
    private var keys: [String: VerificationKey] = [:]
    private var loadedAt: ContinuousClock.Instant?
    private var askedAt: ContinuousClock.Instant?
    private var isLoading = false

    init(times: Times) { self.times = times }

    func look(_ id: String, at now: ContinuousClock.Instant) -> Answer {
        let mayLoad = isLoading || askedAt.map { now - $0 >= times.leastInterval } ?? true
        guard let loadedAt else { return mayLoad ? .load : .neverLoaded }
        guard let key = keys[id] else { return mayLoad ? .load : .unknown }
        let age = now - loadedAt
        guard age >= times.lifetime, mayLoad else { return .key(key) }
        return age < times.lifetime * 2 ? .keyWhileLoading(key) : .load
    }

    /// What is known, without asking again.
    func found(_ id: String) -> Answer {
        guard loadedAt != nil else { return .neverLoaded }
        return keys[id].map(Answer.key) ?? .unknown
    }

    mutating func beganLoading(at now: ContinuousClock.Instant) {
        isLoading = true
        askedAt = now
    }

    /// - Parameter keys: nil where the source failed: what was known before goes on being believed.
    mutating func loaded(_ keys: [VerificationKey]?, at now: ContinuousClock.Instant) {
        isLoading = false
        guard let keys else { return }
        self.keys = Dictionary(keys.map { ($0.id, $0) }) { first, _ in first }
        loadedAt = now
    }
}
