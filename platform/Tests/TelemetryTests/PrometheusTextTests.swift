import Metrics
import Testing

@testable import Telemetry

@Suite struct PrometheusTextTests {
    @Test("the whole text is as written here, whichever series came first")
    func golden() {
        let registry = MetricsRegistry(definitions: [
            MetricDefinition(name: "http.server.request.duration", unit: .seconds, kind: .histogram, description: "Time.", buckets: [0.1, 1]),
            MetricDefinition(name: "http.server.active_requests", unit: .count("request"), kind: .upDownCounter, description: "In flight."),
            MetricDefinition(name: "body.size", unit: .bytes, kind: .counter, description: "A \\ and\na line."),
            MetricDefinition(name: "never.used", unit: .one, kind: .counter, description: "Not shown."),
        ])
        for (route, seconds) in [("/b", 0.5), ("/a", 0.0625), ("/a", 2)] {
            Timer(label: "http.server.request.duration", dimensions: [("http.route", route), ("http.request.method", "GET")], factory: registry)
                .recordMilliseconds(seconds * 1000)
        }
        Meter(label: "http.server.active_requests", dimensions: [], factory: registry).increment(by: 2)
        FloatingPointCounter(label: "body.size", dimensions: [("kind", "a\"b\\c\nd")], factory: registry).increment(by: 1.5)
        Counter(label: "legacy.requests", dimensions: [], factory: registry).increment(by: 7)
        #expect(
            registry.renderPrometheus() == #"""
                # HELP body_size_bytes_total A \\ and\na line.
                # TYPE body_size_bytes_total counter
                body_size_bytes_total{kind="a\"b\\c\nd"} 1.5
                # HELP http_server_active_requests In flight.
                # TYPE http_server_active_requests gauge
                http_server_active_requests 2
                # HELP http_server_request_duration_seconds Time.
                # TYPE http_server_request_duration_seconds histogram
                http_server_request_duration_seconds_bucket{http_request_method="GET",http_route="/a",le="0.1"} 1
                http_server_request_duration_seconds_bucket{http_request_method="GET",http_route="/a",le="1"} 1
                http_server_request_duration_seconds_bucket{http_request_method="GET",http_route="/a",le="+Inf"} 2
                http_server_request_duration_seconds_sum{http_request_method="GET",http_route="/a"} 2.0625
                http_server_request_duration_seconds_count{http_request_method="GET",http_route="/a"} 2
                http_server_request_duration_seconds_bucket{http_request_method="GET",http_route="/b",le="0.1"} 0
                http_server_request_duration_seconds_bucket{http_request_method="GET",http_route="/b",le="1"} 1
                http_server_request_duration_seconds_bucket{http_request_method="GET",http_route="/b",le="+Inf"} 1
                http_server_request_duration_seconds_sum{http_request_method="GET",http_route="/b"} 0.5
                http_server_request_duration_seconds_count{http_request_method="GET",http_route="/b"} 1
                # HELP legacy_requests_total (undeclared)
                # TYPE legacy_requests_total counter
                legacy_requests_total 7
                # HELP telemetry_metrics_rejected_total Look-ups of a metric that gave none: its name is of another kind, in use, or one too many.
                # TYPE telemetry_metrics_rejected_total counter
                telemetry_metrics_rejected_total 0
                # HELP telemetry_series_overflows_total Look-ups of a series that ended at a metric's overflow series.
                # TYPE telemetry_series_overflows_total counter
                telemetry_series_overflows_total 0

                """#)
    }

    @Test(
        "a name has its unit once, and a counter ends in _total",
        arguments: [
            ("cpu", MetricUnit.seconds, MetricDefinition.Kind.counter, "cpu_seconds_total"),
            ("cpu.seconds.total", .seconds, .counter, "cpu_seconds_total"),
            ("memory_bytes", .bytes, .gauge, "memory_bytes"),
            ("budget", .one, .gauge, "budget_ratio"),
            ("budget", .one, .upDownCounter, "budget"),
            ("things", .count("thing"), .counter, "things_total"),
            ("wait", .milliseconds, .histogram, "wait_milliseconds"),
            ("2xx-ü.count", .one, .counter, "_2xx___count_total"),
        ])
    func names(_ name: String, _ unit: MetricUnit, _ kind: MetricDefinition.Kind, _ expected: String) {
        #expect(PrometheusText.name(of: MetricDefinition(name: name, unit: unit, kind: kind, description: "x")) == expected)
    }

    @Test(
        "special values and large ones have Prometheus' notation",
        arguments: [
            (Double.nan, "NaN"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (0, "0"), (-2, "-2"), (0.00001, "1e-05"),
            (9_007_199_254_740_991, "9007199254740991"),
        ])
    func numbers(_ value: Double, _ expected: String) throws {
        let registry = MetricsRegistry(definitions: [])
        Meter(label: "m", dimensions: [], factory: registry).set(value)
        #expect(registry.renderPrometheus().contains("\nm \(expected)\n"))
    }

    @Test("labels that would break the format are renamed or left out")
    func labels() {
        let registry = MetricsRegistry(definitions: [])
        Meter(label: "m", dimensions: [("le", "1"), ("a.b", "2"), ("a_b", "3"), ("c:d", "4"), ("__name__", "5")], factory: registry).set(1)
        #expect(registry.renderPrometheus().contains(#"m{label___name__="5",a_b="2",c_d="4",label_le="1"} 1"#))
    }

    @Test("no two metrics of the platform share a name in the exposition")
    func platform() {
        let names = MetricDefinition.platform.flatMap { PrometheusText.names(of: $0) }
        #expect(Set(names).count == names.count)
        #expect(names.contains("http_client_request_duration_seconds_bucket"))
        #expect(names.contains("db_client_operation_duration_seconds_sum"))
        #expect(MetricDefinition.platform.allSatisfy { !$0.description.isEmpty })
    }
}
