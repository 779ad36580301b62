import HTTPPath
public import Logging
import Resilience
import Synchronization

/// The keys that tokens are checked with, kept up to date from their source while tokens are checked.
///
/// The last good set is kept when the source fails. However many callers want a key, the source is asked once at a time.
public final class KeySet: Sendable {
    enum Lookup {
        case key(VerificationKey)
        case unknown
        /// The source has not answered since the start.
        case unavailable
    }

    private struct State {
        var cache: KeyCache
        var load: Task<String?, Never>?
    }

    private let source: KeySource
    private let logger: Logger
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state: Mutex<State>
    /// Longer than a source's own time-out; bounds what a caller waits for it.
    private static let patience = Duration.seconds(5)

    /// - Parameter now: the clock that keys age by.
    public init(_ source: KeySource, logger: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.source = source
        self.logger = logger
        self.now = now
        state = Mutex(State(cache: KeyCache(times: source.times)))
    }

    /// Asks the source once; a failure is logged, and mended later.
    func prepare() async { _ = await load().value }

    /// - Throws: where the source holds no keys that can be used.
    func prepared() async throws(ConfigurationError) -> KeySet {
        if let failure = await load().value { throw ConfigurationError("\(source.name): \(failure)") }
        return self
    }

    func key(_ id: String) async -> Lookup {
        let answer = state.withLock { $0.cache.look(id, at: now()) }
        guard case .load = answer else { return settle(answer) }
        _ = await load().value
        return settle(state.withLock { $0.cache.found(id) })
    }

    /// The key if it can be had without waiting.
    func knownKey(_ id: String) -> VerificationKey? {
        let answer = state.withLock { $0.cache.look(id, at: now()) }
        if case .load = answer { return nil }
        guard case .key(let key) = settle(answer) else { return nil }
        return key
    }

    private func settle(_ answer: KeyCache.Answer) -> Lookup {
        switch answer {
        case .key(let key): return .key(key)
        case .keyWhileLoading(let key):
            _ = load()
            return .key(key)
        case .neverLoaded: return .unavailable
        case .unknown, .load: return .unknown
        }
    }

    /// Joins the load under way, or begins one. Its value is what went wrong.
    private func load() -> Task<String?, Never> {
        state.withLock { state in
            if let load = state.load { return load }
            state.cache.beganLoading(at: now())
            // Not a child of the caller: others wait for it too, and it has time of its own.
            let load = Task.detached { await self.ask() }
            state.load = load
            return load
        }
    }

    private func ask() async -> String? {
        let source = source
        var failure: String?
        var keys: [VerificationKey]?
        do {
            keys = try await withTimeout(Self.patience) { try await source.load() }
        } catch {
            failure = (error as? ConfigurationError)?.description ?? Problem.describe(error)
            logger.warning("the keys of tokens could not be read", metadata: ["source": "\(source.name)", "error": "\(failure ?? "")"])
        }
        let loaded = keys
        state.withLock {
            $0.cache.loaded(loaded, at: now())
            $0.load = nil
        }
        return failure
    }
}
