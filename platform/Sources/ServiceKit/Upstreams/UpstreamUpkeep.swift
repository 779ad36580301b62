public import HTTPPath
import Resilience
public import ServiceLifecycle

/// What calls to other services need besides the calls: their names are resolved again and again, and their gauges are set.
public struct UpstreamUpkeep: Service {
    private let upstreams: [(upstream: ResilientUpstream, addresses: [ServiceAddress])]
    private let observer: UpstreamObserver
    private let resolver: any NameResolver
    private let refresh: Duration

    /// - Parameters:
    ///   - upstreams: each with the addresses that are configured.
    ///   - refresh: between two looks at a name's addresses.
    public init(
        _ upstreams: [(upstream: ResilientUpstream, addresses: [ServiceAddress])], observer: UpstreamObserver,
        resolver: any NameResolver = SystemResolver(), refresh: Duration
    ) {
        self.upstreams = upstreams
        self.observer = observer
        self.resolver = resolver
        self.refresh = refresh
    }

    public func run() async throws {
        try? await cancelWhenGracefulShutdown {
            var due = ContinuousClock.now
            while true {
                if .now >= due {
                    for (upstream, addresses) in upstreams { upstream.update(await resolver.expand(addresses)) }
                    due = .now + refresh
                }
                for (upstream, _) in upstreams { observer.sample(upstream.pipeline) }
                try await Task.sleep(for: min(.seconds(1), refresh))
            }
        }
    }
}
