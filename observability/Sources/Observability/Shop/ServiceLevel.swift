import Telemetry

/// What is promised, over thirty days, and how fast the rest may be used up.
public struct ServiceLevel: Sendable {
    /// Camel case.
    public let name: String
    public let title: String
    public let service: String
    /// 0..<1.
    public let target: Double
    public let good: Events
    public let total: Events
    public let proof: Alert.Proof

    /// What may fail.
    public var budget: Double { 1 - target }
    public var runbook: String { Runbook.path("\(name)Burn") }

    public static let days = 30

    /// A speed at which the budget burns, and the two windows that must both show it: the long one that it is no blip, the short one that it
    /// is not over. Source: Google's "SRE Workbook", "Alerting on SLOs"; the values are those that Datadog advises for 30 days.
    public struct Burn: Sendable {
        public let name: String
        public let rate: Double
        public let long: Window
        public let short: Window
        public let severity: Alert.Severity
        /// How much of the budget is gone when it has lasted the long window.
        public let spent: String
    }

    public static let burns: [Burn] = [
        Burn(name: "Fast", rate: 14.4, long: .hours(1), short: .minutes(5), severity: .page, spent: "2 %"),
        Burn(name: "Steady", rate: 6, long: .hours(6), short: .minutes(30), severity: .page, spent: "5 %"),
        Burn(name: "Slow", rate: 3, long: .hours(24), short: .hours(2), severity: .ticket, spent: "10 %"),
    ]

    public func alertName(_ burn: Burn) -> String { "\(name)Burn\(burn.name)" }
}

public enum ServiceLevels {
    private static let gateway: Filter = .equals(MetricQuery.service, "api-gateway")

    public static let all: [ServiceLevel] = [
        ServiceLevel(
            name: "GatewayAvailability", title: "Requests to the gateway that are not answered with a 5xx", service: "api-gateway", target: 0.999,
            good: Events(.httpServerRequestDuration, [gateway, .notPrefix("http.response.status_code", "5")] + Alerts.notWatching),
            total: Events(.httpServerRequestDuration, [gateway] + Alerts.notWatching), proof: .running("an error at the gateway, every request")),
        ServiceLevel(
            name: "ProductViewLatency", title: "Product views within a quarter of a second", service: "api-gateway", target: 0.99,
            good: Events(.httpServerRequestDuration, view, atMost: 0.25), total: Events(.httpServerRequestDuration, view),
            proof: .running("latency at the gateway, one second, every request")),
        ServiceLevel(
            name: "OrderAvailability", title: "Orders that get an answer: taken, or refused for a reason of the shopper's", service: "api-gateway",
            target: 0.995,
            good: Events(.httpServerRequestDuration, order + [.notPrefix("http.response.status_code", "5")]),
            total: Events(.httpServerRequestDuration, order), proof: .running("an error at the gateway, every request")),
    ]

    private static let view: [Filter] = [gateway, .equals("http.route", "/api/v1/products/{id}"), .equals("http.request.method", "GET")]
    private static let order: [Filter] = [gateway, .equals("http.route", "/api/v1/orders"), .equals("http.request.method", "POST")]
}
