import ShopTelemetry
import Telemetry

/// One graph of a dashboard.
public struct Panel: Sendable {
    public enum Shape: String, Sendable {
        case lines = "line"
        case bars
        case area
    }

    public let title: String
    public let shape: Shape
    public let queries: [(name: String, query: MetricQuery)]
    /// A line across it: where an alert fires, or what is promised.
    public let marker: (value: Double, label: String)?

    init(_ title: String, _ queries: [(String, MetricQuery)], marker: (Double, String)? = nil) {
        self.init(title, .lines, queries, marker: marker)
    }

    init(_ title: String, _ shape: Shape, _ queries: [(String, MetricQuery)], marker: (Double, String)? = nil) {
        self.title = title
        self.shape = shape
        self.queries = queries.map { (name: $0.0, query: $0.1) }
        self.marker = marker.map { (value: $0.0, label: $0.1) }
    }
}

public struct Dashboard: Sendable {
    /// File name without its ending.
    public let name: String
    public let title: String
    public let description: String
    public let groups: [(title: String, panels: [Panel])]
}

public enum Dashboards {
    public static let all: [Dashboard] = [overview] + TelemetryContract.services.map(service)

    private static let by = [MetricQuery.service]
    private static let requests = Events(.httpServerRequestDuration, Alerts.notWatching)

    private static let overview = Dashboard(
        name: "overview", title: "hello-dd: overview",
        description: "The shop in one look: what is promised, what is asked and answered, what becomes of the orders.",
        groups: [
            ("Promises", ServiceLevels.all.map(promise)),
            (
                "Requests",
                [
                    Panel("Requests a second", [("requests", .rate(requests, by: by))]),
                    Panel("Share of 5xx answers", [("errors", .share(errors([]), of: requests, by: by))], marker: (0.05, "ServiceErrors")),
                    Panel("p95", [("p95", .quantile(0.95, requests.selection, by: by))], marker: (0.5, "ServiceSlow")),
                    Panel("Being served now", .area, [("active", .total(Selection(.httpServerActiveRequests), by: by))]),
                ]
            ),
            (
                "Orders",
                [
                    Panel("Orders by outcome", .bars, [("orders", .count(Events(.shopOrders), by: ["outcome"]))]),
                    Panel(
                        "Why orders are rejected", .bars, [("orders", .count(Events(.shopOrders, [.equals("outcome", "rejected")]), by: ["reason"]))]),
                    Panel("Value of confirmed orders, median", [("median", .quantile(0.5, Selection(.shopOrderValue), by: ["currency"]))]),
                    Panel("Sagas by where they came to rest", .bars, [("sagas", .count(Events(.sagaTransitions), by: ["saga", "state"]))]),
                    Panel("Pieces that can be sold", [("available", .total(Selection(.shopStockAvailable), by: ["category"]))]),
                ]
            ),
            (
                "Between the services",
                [
                    Panel("Calls a second", [("calls", .rate(Events(.httpClientRequestDuration), by: by + ["upstream"]))]),
                    Panel("p95 of a call", [("p95", .quantile(0.95, Selection(.httpClientRequestDuration), by: by + ["upstream"]))]),
                ]
            ),
            (
                "Broken on purpose",
                [
                    Panel("Faults in force", [("faults", .highest(Selection(.faultActive), by: by))]),
                    Panel("Requests that one has met", .bars, [("requests", .count(Events(.faultInjections), by: by + ["fault.kind"]))]),
                ]
            ),
        ])

    /// Panels of what the service emits, and of nothing else.
    private static func service(_ emitter: TelemetryContract.Service) -> Dashboard {
        let all = panels(emitter)
        let known = Set(emitter.metrics.map(\.name))
        let groups = all.groups.map { group in
            (
                title: group.title,
                panels: group.panels.filter { panel in
                    panel.queries.allSatisfy {
                        $0.query.selections.allSatisfy { known.contains($0.metric.name) && (emitter.usesRedis || !asksRedis($0)) }
                    }
                }
            )
        }
        return Dashboard(name: all.name, title: all.title, description: all.description, groups: groups.filter { !$0.panels.isEmpty })
    }

    private static func asksRedis(_ selection: Selection) -> Bool { selection.filters.contains(.equals("db.system.name", "redis")) }

    private static func panels(_ emitter: TelemetryContract.Service) -> Dashboard {
        let own: [Filter] = [.equals(MetricQuery.service, emitter.name)]
        let requests = Events(.httpServerRequestDuration, own + Alerts.notWatching)
        func selection(_ metric: MetricDefinition) -> Selection { Selection(metric, own) }
        let (database, redis) = (own + [.not("db.system.name", "redis")], own + [.equals("db.system.name", "redis")])
        return Dashboard(
            name: emitter.name, title: "hello-dd: \(emitter.name)", description: "What \(emitter.name) is asked, what it asks, and how it is.",
            groups: [
                (
                    "Requests",
                    [
                        Panel("Requests a second, by route", [("requests", .rate(requests, by: ["http.route", "http.request.method"]))]),
                        Panel("Answers by status", .bars, [("answers", .count(requests, by: ["http.response.status_code"]))]),
                        Panel("Share of 5xx answers, by route", [("errors", .share(errors(own), of: requests, by: ["http.route"]))]),
                        Panel(
                            "How long they take",
                            [0.5, 0.95, 0.99].map { ("p\(number($0 * 100))", .quantile($0, requests.selection)) }, marker: (0.5, "ServiceSlow")),
                        Panel("p95 by route", [("p95", .quantile(0.95, requests.selection, by: ["http.route"]))]),
                    ]
                ),
                (
                    "Calls to other services",
                    [
                        Panel("p95 of a call", [("p95", .quantile(0.95, selection(.httpClientRequestDuration), by: ["upstream"]))]),
                        Panel(
                            "Calls by what came back", .bars,
                            [("calls", .count(Events(.httpClientRequestDuration, own), by: ["upstream", "http.response.status_code", "error.type"]))]),
                    ]
                ),
                (
                    "Database",
                    [
                        Panel(
                            "Statements a second", [("statements", .rate(Events(.dbClientOperationDuration, database), by: ["db.operation.name"]))]),
                        Panel(
                            "p95 of a statement",
                            [("p95", .quantile(0.95, Selection(.dbClientOperationDuration, database), by: ["db.operation.name"]))],
                            marker: (0.1, "DatabaseSlow")),
                        Panel("Failed statements", .bars, [("failed", .count(failed(database), by: ["error.type"]))]),
                        Panel("p95 of the wait for a connection", [("p95", .quantile(0.95, selection(.dbClientConnectionWaitTime)))]),
                        Panel(
                            "Connections", .area, [("connections", .total(selection(.dbClientConnectionCount), by: ["db.client.connection.state"]))]),
                    ]
                ),
                (
                    "Cache",
                    [
                        Panel(
                            "Answers, by where they came from", .bars, [("answers", .count(Events(.cacheRequests, own), by: ["cache.outcome"]))]),
                        Panel(
                            "Share of answers without the source",
                            ["memory", "remote"].map { outcome in
                                (
                                    outcome,
                                    .share(Events(.cacheRequests, own + [.equals("cache.outcome", outcome)]), of: Events(.cacheRequests, own))
                                )
                            }),
                        Panel("p95 of a load from the source", [("p95", .quantile(0.95, selection(.cacheLoadDuration)))]),
                        Panel("Invalidations", .bars, [("invalidations", .count(Events(.cacheInvalidations, own), by: ["cache.origin"]))]),
                        Panel("Does not hear the others", [("deaf", .highest(selection(.cacheDeaf)))], marker: (0, "CacheDeaf")),
                        Panel("Invalidations not told to the others yet", [("owed", .total(selection(.cacheInvalidationsOwed)))]),
                        Panel("Longest staleness, as it is stated", [("bound", .highest(selection(.cacheStalenessBound)))]),
                        Panel(
                            "Memory", .area, [("bytes", .total(selection(.cacheSize)))]),
                        Panel("Entries", [("entries", .total(selection(.cacheEntries)))]),
                        Panel(
                            "What was not kept", .bars,
                            [("evicted", .count(Events(.cacheEvictions, own))), ("outdated", .count(Events(.cacheOutdated, own)))]),
                        Panel("Calls of the shared tier that failed", .bars, [("failed", .count(Events(.cacheRemoteFailures, own)))]),
                    ]
                ),
                (
                    "Redis",
                    [
                        Panel("Commands a second", [("commands", .rate(Events(.dbClientOperationDuration, redis), by: ["db.operation.name"]))]),
                        Panel("p95 of a command", [("p95", .quantile(0.95, Selection(.dbClientOperationDuration, redis)))]),
                        Panel("Failed commands", .bars, [("failed", .count(failed(redis), by: ["error.type"]))]),
                    ]
                ),
                (
                    "Process",
                    [
                        Panel("CPU, cores", [("cpu", .rate(Events(.processCPUTime, own)))]),
                        Panel("Memory", [("resident", .total(selection(.processResidentMemory)))]),
                        Panel("Open file descriptors", [("descriptors", .total(selection(.processOpenFiles)))]),
                        Panel("Event-loop lag, p99", [("p99", .quantile(0.99, selection(.eventLoopLag)))], marker: (0.25, "EventLoopBlocked")),
                        Panel("Started", [("started", .highest(selection(.processStartTime)))]),
                    ]
                ),
                (
                    "Its telemetry",
                    [
                        Panel("Exported", .bars, [("exported", .count(Events(.telemetryExported, own), by: ["signal"]))]),
                        Panel("Lost", .bars, [("lost", .count(Events(.telemetryDropped, own), by: ["signal", "reason"]))]),
                        Panel(
                            "Refused by the collector", .bars,
                            [("failures", .count(Events(.telemetryExportFailures, own), by: ["signal", "error.type"]))]),
                        Panel("Spans that wait", [("waiting", .total(selection(.telemetryQueueSize)))]),
                        Panel(
                            "Given up here", .bars,
                            [
                                ("overflows", .count(Events(.telemetryOverflows, own))), ("rejected", .count(Events(.telemetryRejections, own))),
                                ("log lines", .count(Events(.telemetryLogLinesDropped, own))),
                            ]),
                    ]
                ),
            ])
    }

    private static func errors(_ own: [Filter]) -> Events {
        Events(.httpServerRequestDuration, [.prefix("http.response.status_code", "5")] + own + Alerts.notWatching)
    }

    private static func failed(_ own: [Filter]) -> Events { Events(.dbClientOperationDuration, own + [.present("error.type")]) }

    private static func promise(_ level: ServiceLevel) -> Panel {
        Panel(level.title, [("good", .share(level.good, of: level.total))], marker: (level.target, "\(number(level.target * 100)) % promised"))
    }
}
