public import Telemetry

/// Which service emits what: the contract that the tests hold the running services to, and that dashboards are made of.
public enum TelemetryContract {
    public struct Service: Sendable {
        /// `service.name`.
        public let name: String
        /// All that its `/metrics` can show.
        public let metrics: [MetricDefinition]
        /// Whether it asks a Redis server where there is one.
        public var usesRedis = false
    }

    public static let services: [Service] = [
        Service(name: "api-gateway", metrics: MetricDefinition.platform + [.shopOrders, .shopOrderValue], usesRedis: true),
        Service(name: "inventory-service", metrics: callsNobody + [.shopStockAvailable]),
        Service(name: "pricing-service", metrics: callsNobody + MetricDefinition.cache, usesRedis: true),
    ]

    /// What every service has that calls no other and runs no saga.
    private static let callsNobody = MetricDefinition.platform.filter { ![.httpClientRequestDuration, .sagaTransitions].contains($0) }

    /// Every metric there is, once.
    public static let metrics: [MetricDefinition] = MetricDefinition.platform + MetricDefinition.cache + MetricDefinition.shop
}

extension AttributeKey {
    /// On each span that is about an order: that of the request that places or cancels it, and that of its saga.
    public static let orderID = AttributeKey("shop.order.id")
}
