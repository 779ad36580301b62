internal import HTTPPath
internal import HTTPTypes
internal import InventoryAPI
internal import PricingAPI

/// Sets the prices of a list, some at a time, through the gateway as an operator does.
struct PriceSetting: Sendable {
    struct Report: Hashable, Sendable {
        var set = 0
        var unchanged = 0
        var rejected = 0
        /// In the order of the lines; at most `ImportReport.mostErrors`.
        var errors: [ImportError] = []
    }

    /// How many are under way at once: enough to share commits, few enough to leave the shop to its customers.
    static let concurrency = 16

    let shop: Shop
    /// Before the second look; twice as long before each that follows.
    var pause = Duration.milliseconds(100)

    private enum Outcome: Sendable {
        case set, unchanged
        /// The row was bad for inventory, which has said so.
        case noProduct
        case refused(String)
    }

    /// From so many rows on, the catalogue is read page by page first, instead of product by product.
    var fewest = 500

    /// A product as the gateway shows it, with its price if it has one.
    private struct View: Sendable {
        var id: String
        var version: Int64?
        var base: Money?
        /// What the product is, and what pricing takes it for: discounts by category go by the latter.
        var category: String?
        var pricedCategory: String?

        /// Whether nothing needs to be set for this price.
        func hasAlready(_ price: Money) -> Bool { base == price && (category == nil || category == pricedCategory) }

        init?(_ json: JSON) {
            guard let id = json["product"]?["id"]?.string else { return nil }
            self.id = id
            category = json["product"]?["category"]?.string
            pricedCategory = json["price"]?["category"]?.string
            version = json["price"]?["version"]?.integer
            let base = json["price"]?["base"]
            if let amount = base?["amountMinor"]?.integer, let currency = base?["currency"]?.string.flatMap(Currency.init) {
                self.base = Money(amountMinor: amount, currency: currency)
            }
        }
    }

    private enum Look: Sendable {
        case view(View)
        case noProduct
        case noAnswer(String)
    }

    /// Of two rows of one product the later counts.
    /// - Parameter onProgress: called with the number of products done, after each.
    func run(_ all: [PriceList.Row], onProgress: @escaping @Sendable (Int) -> Void) async throws -> Report {
        var latest: [String: Int] = [:]
        for (index, row) in all.enumerated() { latest[row.sku] = index }
        let rows = all.indices.filter { latest[all[$0].sku] == $0 }.map { all[$0] }
        let catalogue = rows.count < fewest ? nil : try await catalogue(of: Set(latest.keys))
        var report = Report()
        try await withThrowingTaskGroup(of: (Int, Outcome).self) { group in
            var next = 0
            func startNext() {
                guard next < rows.count else { return }
                let index = next
                let first = catalogue.map { catalogue in catalogue[rows[index].sku].map { Look.view($0) } ?? .noProduct }
                group.addTask { (index, try await set(rows[index], first)) }
                next += 1
            }
            for _ in 0..<Self.concurrency { startNext() }
            var done = 0
            while let (index, outcome) = try await group.next() {
                Self.count(outcome, of: rows[index], in: &report)
                done += 1
                onProgress(done)
                startNext()
            }
        }
        report.errors.sort { $0.line < $1.line }
        return report
    }

    private static func count(_ outcome: Outcome, of row: PriceList.Row, in report: inout Report) {
        switch outcome {
        case .set: report.set += 1
        case .unchanged: report.unchanged += 1
        case .noProduct: break
        case .refused(let reason):
            report.rejected += 1
            if report.errors.count < ImportReport.mostErrors { report.errors.append(ImportError(line: row.line, column: "price", reason: reason)) }
        }
    }

    /// The products of these SKUs, from all pages of the catalogue; nil if a page could not be had.
    private func catalogue(of skus: Set<String>) async throws -> [String: View]? {
        var views: [String: View] = [:]
        var cursor: String?
        repeat {
            let page = try await shop.send(.get, InventoryPaths.products + "?limit=200" + (cursor.map { "&cursor=\($0.percentEncoded)" } ?? ""))
            guard page.status == 200, let items = page.json?["items"]?.array, page.json?["degraded"] == nil else { return nil }
            for item in items {
                if let sku = item["product"]?["sku"]?.string, skus.contains(sku) { views[sku] = View(item) }
            }
            cursor = page.json?["nextCursor"]?.string
        } while cursor != nil
        return views
    }

    private func look(at sku: String) async throws -> Look {
        let answer = try await shop.send(.get, InventoryPaths.product(sku))
        if answer.status == 404 || answer.status == 400 { return .noProduct }
        guard answer.isSuccess else { return .noAnswer(answer.problem.detail) }
        guard let view = answer.json.flatMap(View.init), answer.json?["degraded"] == nil else {
            return .noAnswer("the pricing service did not answer")
        }
        return .view(view)
    }

    /// Looks, unless it was looked before, and changes what differs; looks again where somebody else was quicker, or the shop was too busy.
    private func set(_ row: PriceList.Row, _ first: Look?) async throws -> Outcome {
        var last = ""
        for attempt in 0..<5 {
            if attempt > 0 { try await Task.sleep(for: pause * (1 << (attempt - 1))) }
            var look = attempt == 0 ? first : nil
            if look == nil { look = try await self.look(at: row.sku) }
            switch look {
            case .noProduct?: return .noProduct
            case .noAnswer(let why)?: last = why
            case .view(let view)?:
                if view.hasAlready(row.price) { return attempt == 0 ? .unchanged : .set }
                let answer = try await put(row, seen: view)
                if answer.isSuccess { return .set }
                last = answer.problem.detail
                guard [412, 429, 502, 503, 504].contains(answer.status) else { return .refused(last) }
            case nil: break
            }
        }
        return .refused(last)
    }

    private func put(_ row: PriceList.Row, seen view: View) async throws -> Shop.Reply {
        let base = JSON.object([.init("amountMinor", .integer(row.price.amountMinor)), .init("currency", .string(row.price.currency.code))])
        let category = view.category.map { [JSON.Member("category", .string($0))] } ?? []
        let path = PricingPaths.prices + "/\(row.sku.percentEncoded)"
        if let version = view.version {
            return try await shop.send(
                .put, path, as: .operator, headers: [.ifMatch: "\"\(version)\""], body: .object([.init("base", base)] + category))
        }
        let body = JSON.object([.init("base", base), .init("productId", .string(view.id))] + category)
        return try await shop.send(.put, path, as: .operator, headers: [.ifNoneMatch: "*"], body: body)
    }
}
