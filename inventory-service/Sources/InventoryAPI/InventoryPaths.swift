public import Basics
import HTTPPath

/// Where things are; used by the client, by whoever passes calls on, and by tests that speak HTTP themselves.
public enum InventoryPaths {
    public static let base = "/api/v1"
    public static let products = base + "/products"
    public static let batchGet = products + "/batch-get"
    public static let `import` = products + "/import"
    public static let lowStock = products + "/low-stock"
    public static let movements = base + "/stock/movements"
    public static let stockBatchGet = base + "/stock/batch-get"
    public static let reservations = base + "/reservations"

    /// The paths as the service declares its routes: what calls are called in traces.
    public enum Template {
        public static let product = products + "/{id}"
        public static let stock = product + "/stock"
        public static let adjustments = stock + "/adjustments"
        public static let reservation = reservations + "/{id}"
        public static let confirm = reservation + "/confirm"
        public static let release = reservation + "/release"
        public static let restock = reservation + "/restock"
    }

    /// - Parameter reference: a product's id or SKU.
    public static func product(_ reference: String) -> String { "\(products)/\(reference.percentEncoded)" }
    public static func stock(_ reference: String) -> String { product(reference) + "/stock" }
    public static func adjustments(_ reference: String) -> String { stock(reference) + "/adjustments" }

    public static func reservation(_ id: Identifier) -> String { "\(reservations)/\(id)" }
    public static func confirm(_ id: Identifier) -> String { reservation(id) + "/confirm" }
    public static func release(_ id: Identifier) -> String { reservation(id) + "/release" }
    public static func restock(_ id: Identifier) -> String { reservation(id) + "/restock" }
}
