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

    private enum Outcome {
        case set, unchanged
        /// The row was bad for inventory, which has said so.
        case noProduct
        case refused(String)
    }

    /// - Parameter onProgress: called with the number of rows done, after each.
    func run(_ rows: [PriceList.Row], onProgress: @escaping @Sendable (Int) -> Void) async throws -> Report {
        var report = Report()
        try await withThrowingTaskGroup(of: (Int, Outcome).self) { group in
            var next = 0
            func startNext() {
                guard next < rows.count else { return }
                let index = next
                group.addTask { (index, try await set(rows[index])) }
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

    /// Looks, and changes what differs; looks again where somebody else was quicker, or the shop was too busy.
    private func set(_ row: PriceList.Row) async throws -> Outcome {
        var last = ""
        for attempt in 0..<5 {
            if attempt > 0 { try await Task.sleep(for: pause * (1 << (attempt - 1))) }
            let found = try await shop.send(.get, InventoryPaths.product(row.sku))
            if found.status == 404 || found.status == 400 { return .noProduct }
            guard found.status == 200, let id = found.json?["product"]?["id"]?.string, found.json?["degraded"] == nil else {
                last = found.isSuccess ? "the pricing service did not answer" : found.problem.detail
                continue
            }
            let price = found.json?["price"]
            let base = price?["base"]
            if base?["amountMinor"]?.integer == row.price.amountMinor, base?["currency"]?.string == row.price.currency.code {
                return attempt == 0 ? .unchanged : .set
            }
            var headers: HTTPFields = [:]
            var body: [JSON.Member] = [
                .init("base", .object([.init("amountMinor", .integer(row.price.amountMinor)), .init("currency", .string(row.price.currency.code))]))
            ]
            if let version = price?["version"]?.integer {
                headers[.ifMatch] = "\"\(version)\""
            } else {
                headers[.ifNoneMatch] = "*"
                body.append(.init("productId", .string(id)))
            }
            let answer = try await shop.send(
                .put, PricingPaths.prices + "/\(row.sku.percentEncoded)", as: .operator, headers: headers, body: .object(body))
            if answer.isSuccess { return .set }
            last = answer.problem.detail
            guard [412, 429, 502, 503, 504].contains(answer.status) else { return .refused(last) }
        }
        return .refused(last)
    }
}
