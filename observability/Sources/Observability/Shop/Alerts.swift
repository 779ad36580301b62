import ShopTelemetry
import Telemetry

/// All alerts of the shop, but those that come with its service levels.
public enum Alerts {
    private static let service = MetricQuery.service
    /// What watches the service is no request of anybody's.
    static let notWatching: [Filter] = [.notPrefix("http.route", "/health"), .not("http.route", "/metrics")]

    public static let all: [Alert] = requests + database + cache + processes + orders + telemetry

    private static let requests: [Alert] = [
        Alert(
            "ServiceErrors", .page, "{{service}} answers more than 5 % of its requests with a 5xx",
            .share(
                Events(.httpServerRequestDuration, [.prefix("http.response.status_code", "5")] + notWatching),
                of: Events(.httpServerRequestDuration, notWatching), by: [service]),
            over: .minutes(5), above: 0.05, recoversAt: 0.02, hold: .minutes(2),
            proof: .running("an error at inventory-service, every request")),
        Alert(
            "ServiceSlow", .page, "of the requests to {{service}} 5 % take more than half a second",
            .quantile(0.95, Selection(.httpServerRequestDuration, notWatching), by: [service]),
            over: .minutes(5), above: 0.5, recoversAt: 0.3, hold: .minutes(2),
            proof: .running("latency at the gateway, one second, every request")),
        Alert(
            "UpstreamFailing", .page, "{{service}} gets no usable answer to more than 10 % of its calls to {{upstream}}",
            .share(
                Events(
                    .httpClientRequestDuration,
                    [
                        .notPrefix("http.response.status_code", "2"), .notPrefix("http.response.status_code", "3"),
                        // A caller that gave up, or a hedge that lost, says nothing of the callee.
                        .notPrefix("http.response.status_code", "4"), .not("error.type", "cancelled"),
                    ]), of: Events(.httpClientRequestDuration), by: [service, "upstream"]),
            over: .minutes(5), above: 0.1, recoversAt: 0.05, hold: .minutes(2),
            proof: .running("an error at inventory-service, every request")),
        Alert(
            "FaultActive", .info, "a fault that somebody set on purpose is in force at {{service}}",
            .highest(Selection(.faultActive), by: [service]), over: .minutes(1), above: 0, recoversAt: 0,
            proof: .running("any of the others")),
    ]

    /// Redis is no database here: nothing fails without it.
    private static let notRedis = Filter.not("db.system.name", "redis")

    private static let database: [Alert] = [
        Alert(
            "DatabaseSlow", .ticket, "of the statements of {{service}} 5 % take more than a tenth of a second",
            .quantile(0.95, Selection(.dbClientOperationDuration, [notRedis]), by: [service]), over: .minutes(5), above: 0.1, recoversAt: 0.05,
            hold: .minutes(2), proof: .running("another process holds the write lock of the databases, again and again")),
        Alert(
            "DatabaseErrors", .page, "of the statements of {{service}} more than 5 % fail",
            .share(
                Events(.dbClientOperationDuration, [.present("error.type"), notRedis]), of: Events(.dbClientOperationDuration, [notRedis]),
                by: [service]),
            over: .minutes(5), above: 0.05, recoversAt: 0.01, hold: .minutes(2),
            proof: .series("needs a database that fails its statements and is still there; the fault kinds that do this come later")),
    ]

    private static let cache: [Alert] = [
        Alert(
            "CacheDeaf", .ticket, "a replica of {{service}} does not hear what others change: its cache asks the database nearly every time",
            .highest(Selection(.cacheDeaf), by: [service]), over: .minutes(5), above: 0, recoversAt: 0, hold: .minutes(2),
            proof: .series(
                "needs a Redis server that goes away, and the shop of these tests runs without one; what a service does then has system tests")
        )
    ]

    /// One for each service, since what is gone has no series to be grouped by.
    private static let processes: [Alert] =
        TelemetryContract.services.map { emitter in
            Alert(
                "\(camel(emitter.name))Gone", .page, "no replica of \(emitter.name) reports",
                .absence(Selection(.processStartTime, [.equals(service, emitter.name)])), over: .minutes(5), above: 0, recoversAt: 0,
                missing: .isTheFault, proof: .running("the process is stopped, and continued"))
        } + [
            Alert(
                "EventLoopBlocked", .ticket, "an event loop of {{service}} runs its timers a quarter of a second late",
                .quantile(0.99, Selection(.eventLoopLag), by: [service]), over: .minutes(5), above: 0.25, recoversAt: 0.1, hold: .minutes(2),
                proof: .running("the process is stopped and continued, again and again"))
        ]

    private static let orders: [Alert] = [
        Alert(
            "OrdersNeedAttention", .page, "an order waits for a person",
            .count(Events(.shopOrders, [.equals("outcome", "needs_attention")])), over: .minutes(15), above: 0, recoversAt: 0,
            proof: .series("needs a refund that is refused, or a capture whose outcome stays unknown; no fault of the first kinds does that")),
        Alert(
            "OrdersUndone", .page, "more than 5 % of the orders could not be completed in time, and were undone",
            .share(
                Events(.shopOrders, [.equals("outcome", "rejected"), .equals("reason", "order_timed_out")]), of: Events(.shopOrders)),
            over: .minutes(15), above: 0.05, recoversAt: 0.01, hold: .minutes(2),
            proof: .running("an error at inventory-service when a reservation is confirmed")),
    ]

    private static let telemetry: [Alert] = [
        Alert(
            "TelemetryLost", .ticket, "{{service}} cannot hand its {{signal}} to the collector",
            .count(Events(.telemetryExportFailures), by: [service, "signal"]), over: .minutes(5), above: 3, recoversAt: 0, hold: .minutes(2),
            proof: .running("nothing listens where the collector should")),
        Alert(
            "SeriesOverflow", .ticket, "a metric of {{service}} has more series than it may: what is beyond is added up in one",
            .count(Events(.telemetryOverflows), by: [service]), over: .minutes(15), above: 0, recoversAt: 0,
            proof: .series("needs a metric with a thousand different attributes, which nothing here emits")),
    ]

    static func camel(_ name: String) -> String {
        name.split(separator: "-").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }
}
