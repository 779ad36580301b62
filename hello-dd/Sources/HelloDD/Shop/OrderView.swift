internal import HTTPPath
internal import PricingAPI

/// An order as people read it.
enum OrderView {
    static func lines(_ order: JSON, style: Style) -> [String] {
        let status = order["status"]?.string ?? "?"
        let tone: Style.Tone =
            switch status {
            case "confirmed": .good
            case "rejected", "needs_attention": .bad
            default: .warning
            }
        var lines = ["order \(order["id"]?.string ?? "?") \(style.paint(status, tone))"]
        if let rejection = order["rejection"] {
            lines.append("  \(rejection["code"]?.string ?? "?"): \(safe(rejection["detail"]?.string ?? ""))")
        }
        lines += (order["lines"]?.array ?? []).map { line in "  \(line["quantity"]?.integer ?? 0) × \(safe(line["productId"]?.string ?? "?"))" }
        if let codes = order["discountCodes"]?.array, !codes.isEmpty { lines.append("  with \(codes.compactMap(\.string).joined(separator: ", "))") }
        if let total = money(order["total"]) { lines.append("  total \(total), tax of \(order["taxRegion"]?.string ?? "?") included") }
        return lines
    }

    /// One line an order.
    static func table(_ orders: [JSON]) -> [String] {
        var table = Table(header: ["ORDER", "STATUS", "TOTAL", "PLACED", "WHAT"], rightAligned: [2])
        table.rows = orders.map { order in
            let what = (order["lines"]?.array ?? []).map { "\($0["quantity"]?.integer ?? 0) × \(safe($0["productId"]?.string ?? "?"))" }
            return [
                order["id"]?.string ?? "?", order["status"]?.string ?? "?", money(order["total"]) ?? "-", order["createdAt"]?.string ?? "-",
                what.joined(separator: ", "),
            ]
        }
        return table.lines()
    }

    /// `{"amountMinor": 1999, "currency": "USD"}` as `19.99 USD`; nil if it is none.
    static func money(_ json: JSON?) -> String? {
        guard let amount = json?["amountMinor"]?.integer, let currency = json?["currency"]?.string.flatMap(Currency.init) else { return nil }
        return Money(amountMinor: amount, currency: currency).description
    }

    private static func safe(_ text: String) -> String { Array(text.utf8).forTerminal(colours: false) }
}
