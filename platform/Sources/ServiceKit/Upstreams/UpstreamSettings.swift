import Basics
public import HTTPPath
public import Resilience

/// The settings of a service that calls others: where they are, and what surrounds the calls. Each bound says why it is what it is.
public enum UpstreamSettings {
    public static let timeout = Setting<Duration>.seconds(
        "service.timeout", default: 2, in: 0.01...60,
        help: "The longest a call to another service may take with all its attempts; their p99 is far below.")
    public static let attemptTimeout = Setting<Duration>.seconds(
        "service.attempt.timeout.seconds", default: 1, in: 0.01...60,
        help: "The longest one attempt takes that can be followed by another; half of SERVICE_TIMEOUT, so that a second has a chance.")
    public static let mostCalls = Setting<Int>.integer(
        "service.calls.most", default: 1024, in: 1...100_000, unit: "calls",
        help: "Calls to one service at once, those between two attempts included. Bounds memory; the load is bounded by CONCURRENCY_MOST.")
    public static let refresh = Setting<Duration>.seconds(
        "service.dns.refresh.seconds", default: 5, in: 0.1...3600,
        help: "How often the names of services are resolved again; a replica that moved is found by then.")

    public static let breakerThreshold = Setting<Int>.integer(
        "circuit.breaker.threshold", default: 20, in: 1...100_000, unit: "calls",
        help: "Fewer outcomes than this in the window never open a breaker: a few failures prove nothing.")
    public static let breakerTimeout = Setting<Duration>.seconds(
        "circuit.breaker.timeout", default: 5, in: 0.01...600,
        help: "How long a breaker stays open before it lets probes through; each further time twice as long.")
    public static let breakerLongest = Setting<Duration>.seconds(
        "circuit.breaker.longest.timeout.seconds", default: 60, in: 0.01...3600,
        help: "The bound of that doubling; a minute is soon enough to notice.")
    public static let breakerWindow = Setting<Duration>.seconds(
        "circuit.breaker.window.seconds", default: 10, in: 0.1...600, help: "What a breaker counts: the outcomes of the last while.")
    public static let breakerFailures = Setting<Int>.integer(
        "circuit.breaker.failure.percent", default: 50, in: 1...100, unit: "percent",
        help: "A breaker opens when this share failed; below half, retries to another replica do better.")
    public static let breakerSlow = Setting<Int>.integer(
        "circuit.breaker.slow.percent", default: 50, in: 1...100, unit: "percent", help: "A breaker opens when this share was slow.")
    public static let breakerSlowAfter = Setting<Duration>.seconds(
        "circuit.breaker.slow.seconds", default: 1, in: 0.001...60, help: "A call that takes longer is slow; as long as an attempt may take.")
    public static let breakerProbes = Setting<Int>.integer(
        "circuit.breaker.probes", default: 3, in: 1...1000, unit: "calls", help: "Calls that must go well before a breaker closes; one may be luck.")

    public static let attempts = Setting<Int>.integer(
        "retry.attempts", default: 3, in: 1...10, unit: "attempts", help: "Attempts of one call at most, the first included.")
    public static let backoff = Setting<Int>.integer(
        "retry.backoff.milliseconds", default: 25, in: 1...60_000, unit: "milliseconds",
        help: "The bound of the first wait between two attempts; each further one is twice as long. The wait is random below it.")
    public static let budgetPercent = Setting<Int>.integer(
        "retry.budget.percent", default: 20, in: 0...1000, unit: "percent",
        help: "Retries and hedges together, as a share of the calls of the last ten seconds: what a service in trouble gets on top.")
    public static let budgetPerSecond = Setting<Int>.integer(
        "retry.budget.per.second", default: 10, in: 0...10_000, unit: "attempts",
        help: "Retries and hedges that are allowed besides, so that a quiet service can retry too.")
    public static let hedgePercent = Setting<Int>.integer(
        "hedge.percent", default: 95, in: 0...99, unit: "percent",
        help: "A read that takes longer than this share of them is sent a second time; 0 for never.")

    public static let concurrencyLeast = Setting<Int>.integer(
        "concurrency.least", default: 4, in: 1...100_000, unit: "calls", help: "The limit of calls under way to one service never falls below it.")
    public static let concurrencyInitial = Setting<Int>.integer(
        "concurrency.initial", default: 256, in: 1...100_000, unit: "calls", help: "Where that limit starts; it finds its place within seconds.")
    public static let concurrencyMost = Setting<Int>.integer(
        "concurrency.most", default: 512, in: 1...100_000, unit: "calls", help: "It never rises above; twice the connections that are kept.")

    public static let all = [
        SettingInfo(timeout), SettingInfo(attemptTimeout), SettingInfo(mostCalls), SettingInfo(refresh), SettingInfo(breakerThreshold),
        SettingInfo(breakerTimeout), SettingInfo(breakerLongest), SettingInfo(breakerWindow), SettingInfo(breakerFailures), SettingInfo(breakerSlow),
        SettingInfo(breakerSlowAfter), SettingInfo(breakerProbes), SettingInfo(attempts), SettingInfo(backoff), SettingInfo(budgetPercent),
        SettingInfo(budgetPerSecond), SettingInfo(hedgePercent), SettingInfo(concurrencyLeast), SettingInfo(concurrencyInitial),
        SettingInfo(concurrencyMost),
    ]

    /// What surrounds the calls to a service.
    /// - Throws: where the settings contradict each other.
    public static func policy(_ settings: Settings) throws(ConfigurationError) -> CallPolicy {
        var policy = CallPolicy()
        policy.deadline = try settings(timeout)
        policy.attemptTimeout = min(try settings(attemptTimeout), try settings(timeout))
        policy.mostInside = try settings(mostCalls)
        var breaker = BreakerConfiguration()
        breaker.minimumCalls = try settings(breakerThreshold)
        breaker.openTime = try settings(breakerTimeout)
        breaker.longestOpenTime = max(try settings(breakerLongest), breaker.openTime)
        breaker.window = try settings(breakerWindow)
        breaker.failureShare = Double(try settings(breakerFailures)) / 100
        breaker.slowShare = Double(try settings(breakerSlow)) / 100
        breaker.slowAfter = try settings(breakerSlowAfter)
        breaker.probes = try settings(breakerProbes)
        policy.breaker = breaker
        policy.retry.attempts = try settings(attempts)
        policy.retry.backoff = Backoff(base: .milliseconds(try settings(backoff)), cap: .seconds(60))
        policy.budget.share = Double(try settings(budgetPercent)) / 100
        policy.budget.perSecond = Double(try settings(budgetPerSecond))
        let percent = try settings(hedgePercent)
        policy.hedge = percent == 0 ? nil : HedgePolicy()
        policy.hedge?.quantile = Double(percent) / 100
        var concurrency = ConcurrencyConfiguration()
        concurrency.least = try settings(concurrencyLeast)
        concurrency.initial = try settings(concurrencyInitial)
        concurrency.most = try settings(concurrencyMost)
        guard concurrency.isValid else {
            throw ConfigurationError("CONCURRENCY_LEAST, CONCURRENCY_INITIAL and CONCURRENCY_MOST must rise in this order")
        }
        policy.concurrency = concurrency
        return policy
    }

    /// One or several addresses of a service, separated by commas.
    public static func addresses(_ key: String, default text: String, help: String) -> Setting<[ServiceAddress]> {
        Setting(key, default: text, expected: "http or https URLs without a path, separated by commas", help: help) { text in
            let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { String($0).trimmed }
            let addresses = parts.compactMap(address)
            return addresses.count == parts.count && (1...100).contains(addresses.count) ? addresses : nil
        }
    }

    private static func address(_ text: String) -> ServiceAddress? {
        let rest = text.hasPrefix("http://") ? text.dropFirst(7) : text.hasPrefix("https://") ? text.dropFirst(8) : ""
        let host = rest.hasSuffix("/") ? rest.dropLast() : rest
        guard !host.isEmpty, !host.contains(where: { "/?#@ ".contains($0) }) else { return nil }
        return ServiceAddress(text)
    }
}
