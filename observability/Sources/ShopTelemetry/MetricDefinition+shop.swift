public import Telemetry

/// The shop's own metrics, beside those that every service has (``MetricDefinition/platform``). Everything that is made of metrics
/// (dashboards, monitors, rules) is made of these two lists.
extension MetricDefinition {
    public static let shop: [MetricDefinition] = [shopOrders, shopOrderValue, shopStockAvailable]

    public static let shopOrders = MetricDefinition(
        name: "shop.orders", unit: .count("order"), kind: .counter,
        description: "Orders that came to an end, each counted once for each end: one that is confirmed and cancelled later counts as both.",
        attributes: [
            .oneOf("outcome", "confirmed", "rejected", "cancelled", "needs_attention"),
            .from("reason", "the error codes that an order may end with; none for one that was confirmed or cancelled", most: 40),
        ]
    )

    public static let shopOrderValue = MetricDefinition(
        name: "shop.order.value", unit: MetricUnit("{currency_unit}"), kind: .histogram,
        description: "Totals of confirmed orders, in whole units of their currency (euros, not cents).",
        attributes: [.from("currency", "the currencies that pricing offers", most: 10)],
        buckets: [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000]
    )

    public static let shopStockAvailable = MetricDefinition(
        name: "shop.stock.available", unit: .count("item"), kind: .gauge,
        description: "Pieces that can be sold now, by category.",
        attributes: [.from("category", "the categories of the catalogue", most: 100)],
        maximumSeries: 100
    )
}
