extension TelemetryContract {
    /// The main journeys.
    public static let journeys: [Journey] = [view, list, bulk, confirmed, declined, short, cancelled]

    private static func gateway(_ name: String) -> SpanReference { SpanReference("api-gateway", .server, name) }
    private static func inventory(_ name: String) -> SpanReference { SpanReference("inventory-service", .server, name) }
    private static func pricing(_ name: String) -> SpanReference { SpanReference("pricing-service", .server, name) }
    private static func statement(_ service: String) -> SpanReference { SpanReference(service, .client, "*") }

    private static let view: Journey = {
        let root = gateway("GET /api/v1/products/{id}")
        let product = inventory("GET /api/v1/products/{id}")
        let price = pricing("GET /api/v1/prices/{productId}")
        return Journey(
            name: "view", title: "A product with its price",
            edges: [
                Edge(from: root, to: product), Edge(from: root, to: price), Edge(from: product, to: statement("inventory-service")),
                Edge(from: price, to: statement("pricing-service")),
            ], failing: [])
    }()

    private static let list: Journey = {
        let root = gateway("GET /api/v1/products")
        let products = inventory("GET /api/v1/products")
        let prices = pricing("POST /api/v1/prices/batch-get")
        return Journey(
            name: "list", title: "A page of products with their prices",
            edges: [
                Edge(from: root, to: products), Edge(from: root, to: prices), Edge(from: products, to: statement("inventory-service")),
                Edge(from: prices, to: statement("pricing-service")),
            ], failing: [])
    }()

    private static let bulk: Journey = {
        let root = gateway("POST /api/v1/products/bulk-check")
        let products = inventory("POST /api/v1/products/batch-get")
        let stock = inventory("POST /api/v1/stock/batch-get")
        let prices = pricing("POST /api/v1/prices/batch-get")
        return Journey(
            name: "bulk", title: "Many products, whether they are there, and what they cost",
            edges: [
                Edge(from: root, to: products), Edge(from: root, to: stock), Edge(from: root, to: prices),
                Edge(from: products, to: statement("inventory-service")), Edge(from: stock, to: statement("inventory-service")),
                Edge(from: prices, to: statement("pricing-service")),
            ], failing: [])
    }()

    private static let order = gateway("POST /api/v1/orders")
    private static let quote = pricing("POST /api/v1/quotes")
    private static let reserve = inventory("PUT /api/v1/reservations/{id}")

    private static let confirmed = Journey(
        name: "confirmed", title: "An order that is confirmed",
        edges: [
            Edge(from: order, to: statement("api-gateway")), Edge(from: order, to: quote), Edge(from: order, to: reserve),
            Edge(from: order, to: inventory("POST /api/v1/reservations/{id}/confirm")), Edge(from: quote, to: statement("pricing-service")),
            Edge(from: reserve, to: statement("inventory-service")),
        ], failing: [])

    private static let declined = Journey(
        name: "declined", title: "An order whose payment is declined: what was reserved is released",
        edges: [
            Edge(from: order, to: quote), Edge(from: order, to: reserve), Edge(from: order, to: inventory("POST /api/v1/reservations/{id}/release")),
        ], failing: [SpanReference("api-gateway", .internal, "order authorize")])

    private static let short = Journey(
        name: "short", title: "An order of more than there is",
        edges: [Edge(from: order, to: quote), Edge(from: order, to: reserve), Edge(from: reserve, to: statement("inventory-service"))],
        failing: [
            SpanReference("api-gateway", .internal, "order reserve"), SpanReference("api-gateway", .client, "PUT /api/v1/reservations/{id}"),
        ])

    private static let cancelled: Journey = {
        let cancel = gateway("POST /api/v1/orders/{id}/cancel")
        return Journey(
            name: "cancelled", title: "A confirmed order that is cancelled: money back, goods back on the shelf",
            edges: [Edge(from: cancel, to: inventory("POST /api/v1/reservations/{id}/restock")), Edge(from: cancel, to: statement("api-gateway"))],
            failing: [])
    }()
}
