import Basics
import Caching
import NIOCore
import Redis
import Telemetry
import TestKit
import Testing
import Tracing

/// What is seen of a cache from outside, without a line in whoever uses it.
@Suite(.timeLimit(.minutes(5))) struct CacheTelemetryTests {
    @Test("each answer is counted by where it came from, and each load is measured")
    func metrics() async throws {
        let clock = ManualClock()
        let registry = MetricsRegistry(definitions: MetricDefinition.cache)
        var policy = CachePolicy()
        (policy.jitter, policy.eagerness) = (0, 0)
        let cache = Cache(name: "things", policy: policy, capacity: 1 << 20, codec: .bytes, sources: clock.sources, metrics: registry)
        for _ in 0..<3 { _ = try await cache.value(for: "a") { loaded("x", 1) } }
        clock.advance(by: .seconds(70))
        _ = try await cache.value(for: "a") { throw Broken() }
        await #expect(throws: Broken.self) { try await cache.value(for: "b") { throw Broken() } }
        await cache.invalidate("a", version: 2)
        let lines = Set(registry.renderPrometheus().split(separator: "\n").map { String($0) })
        for line in [
            #"cache_requests_total{cache_name="things",cache_outcome="memory"} 2"#,
            #"cache_requests_total{cache_name="things",cache_outcome="source"} 1"#,
            #"cache_requests_total{cache_name="things",cache_outcome="stale"} 1"#,
            #"cache_requests_total{cache_name="things",cache_outcome="failed"} 1"#,
            #"cache_load_duration_seconds_count{cache_name="things"} 1"#,
            #"cache_load_duration_seconds_count{cache_name="things",error_type="Broken"} 2"#,
            #"cache_staleness_seconds_bucket{cache_name="things",le="15"} 1"#,
            #"cache_invalidations_total{cache_name="things",cache_origin="own"} 1"#,
            #"cache_deaf_ratio{cache_name="things"} 0"#,
            #"cache_entries{cache_name="things"} 0"#,
        ] {
            #expect(lines.contains(line), "\(line) is missing in \(lines.filter { $0.hasPrefix("cache_") }.sorted())")
        }
    }

    @Test("the commands of a call, and its load, are spans of the trace of whoever asked; no key and no value is in them")
    func spans() async throws {
        let spans = RecordedSpans()
        let tracer = TelemetryTracer(sink: spans.of("test"))
        try await withProcesses(1) { (processes) async throws in
            try await tracer.begin("root").run { _ in
                let value = try await read(processes[0], "s3cret") {
                    await withChildSpan("load") { _ in loaded("s3cret", 1) }
                }
                #expect(value == "s3cret")
            }
        }
        let root = try #require(spans.named("root").first)
        for name in ["GET", "EVALSHA cache.lease", "load", "EVALSHA cache.put"] {
            #expect(spans.named(name).contains { $0.context.traceID == root.context.traceID }, "\(name) is missing in \(spans.all.map(\.name))")
        }
        #expect(spans.named("GET").first?[.dbSystem] == "redis")
        #expect(!"\(spans.all)".contains("s3cret"))
    }
}
