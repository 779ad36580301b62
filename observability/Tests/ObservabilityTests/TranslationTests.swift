import Telemetry
import Testing

@testable import Observability

@Suite("one question, two languages")
struct TranslationTests {
    private let promQL = PromQL(pace: .real)
    private let datadog = DatadogQuery()
    private let slow = MetricDefinition(
        name: "x.wait", unit: .seconds, kind: .histogram, description: "", attributes: [.oneOf("x.kind", "a", "B c")], buckets: [0.1, 0.25])
    private let count = MetricDefinition(name: "x.lost", unit: .count("item"), kind: .counter, description: "")
    private let memory = MetricDefinition(name: "process.memory", unit: .bytes, kind: .gauge, description: "")

    private func expect(_ query: MetricQuery, _ prometheus: String, _ other: String) {
        #expect(promQL.text(query, over: .minutes(5)) == prometheus)
        #expect(datadog.text(query) == other)
    }

    @Test("a histogram's values are its count; up to a bound, those of a bucket")
    func events() {
        expect(.count(Events(slow)), "sum (increase(x_wait_seconds_count[5m]))", "count:x.wait{*}.as_count()")
        expect(
            .count(Events(slow, atMost: 0.25), by: ["service"]), #"sum by (service) (increase(x_wait_seconds_bucket{le="0.25"}[5m]))"#,
            "count(v: v<=0.25):x.wait{*} by {service}.as_count()")
        expect(.rate(Events(count)), "sum (rate(x_lost_total[5m]))", "sum:x.lost{*}.as_rate()")
    }

    @Test("a share has an answer only where there was something")
    func share() {
        expect(
            .share(Events(slow, [.present("error.type")]), of: Events(slow)),
            #"sum (increase(x_wait_seconds_count{error_type!=""}[5m])) / (sum (increase(x_wait_seconds_count[5m])) > 0)"#,
            "count:x.wait{error.type:*}.as_count() / count:x.wait{*}.as_count()")
    }

    @Test("filters: a value is written as Datadog keeps it, and quoted as Prometheus reads it")
    func filters() {
        expect(
            .count(Events(slow, [.equals("x.kind", "B c"), .not("x.kind", #"a"\"#), .prefix("y", "5."), .notPrefix("y", "/health")])),
            #"sum (increase(x_wait_seconds_count{x_kind="B c",x_kind!="a\"\\",y=~"5\\..*",y!~"/health.*"}[5m]))"#,
            "count:x.wait{x.kind:b_c,!x.kind:a,y:5.*,!y:/health*}.as_count()")
    }

    @Test("distributions, last values, and what is not there")
    func others() {
        expect(
            .quantile(0.95, Selection(slow), by: ["service"]), "histogram_quantile(0.95, sum by (le, service) (rate(x_wait_seconds_bucket[5m])))",
            "p95:x.wait{*} by {service}")
        expect(.highest(Selection(memory)), "max (process_memory_bytes)", "max:otel.process.memory{*}")
        expect(
            .absence(Selection(memory, [.equals("service", "a")])), #"absent_over_time(process_memory_bytes{service="a"}[5m])"#,
            "max:otel.process.memory{service:a}")
    }

    @Test("a monitor looks back over the same window, by the aggregation that the question needs")
    func windows() {
        #expect(datadog.monitor(.count(Events(count)), over: .hours(24)) == "sum(last_24h):sum:x.lost{*}.as_count()")
        #expect(datadog.monitor(.quantile(0.5, Selection(slow)), over: .minutes(15)) == "percentile(last_15m):p50:x.wait{*}")
        #expect(Window(seconds: 90).description == "90s")
        #expect(Pace.shortened(.minutes(5)).seconds == 5)
        #expect(Pace.shortened(.hours(6)).seconds == 20)
        #expect(Pace.real(.hours(6)) == .hours(6))
    }

    @Test(
        "a tag's value is what Datadog makes of it",
        arguments: [
            ("/api/v1/products/{id}", "/api/v1/products/_id"), ("GET", "get"), ("a  b", "a_b"), ("x-y_z:1.2/3", "x-y_z:1.2/3"),
            ("trailing_", "trailing"),
            (String(repeating: "a", count: 300), String(repeating: "a", count: 200)),
        ])
    func tags(text: String, tag: String) { #expect(DatadogName.value(text) == tag) }

    @Test("each alert recovers at or below where it fires, has a page of its own, and a name of its own")
    func alerts() {
        let names = Alerts.all.map(\.name) + ServiceLevels.all.flatMap { level in ServiceLevel.burns.map(level.alertName) }
        #expect(Set(names).count == names.count)
        #expect(Set(Alerts.all.map(\.runbook)).count == Alerts.all.count)
        #expect(Alerts.all.first { $0.name == "ServiceErrors" }?.runbook == "docs/operations/service-errors.md")
        for level in ServiceLevels.all {
            for burn in ServiceLevel.burns { #expect(burn.rate * level.budget < 1, "\(level.alertName(burn)) can never be reached") }
        }
    }
}
