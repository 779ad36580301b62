internal import HTTPPath
internal import InventoryAPI
internal import NIOCore

/// What became of a file.
struct ImportOutcome: Sendable {
    var products: ImportReport
    var productsTook: Duration
    /// nil if the file has no prices, or they were to be left alone.
    var prices: PriceSetting.Report?
    var pricesTook = Duration.zero
    var omittedPrices = 0

    var hasBadRows: Bool { products.rejected > 0 || (prices?.rejected ?? 0) > 0 || omittedPrices > 0 }

    /// `FILE:LINE: COLUMN: REASON`, in the order of the lines: as compilers do, so that editors can jump there.
    func problems(file: String) -> [String] {
        let told = (products.errors + (prices?.errors ?? [])).enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }.map(
            \.element)
        var lines = told.map { error in "\(file):\(error.line): \(error.column.map { Self.safe($0) + ": " } ?? "")\(Self.safe(error.reason))" }
        let isCut = products.errors.count >= ImportReport.mostErrors || (prices?.errors.count ?? 0) >= ImportReport.mostErrors
        let untold = products.rejected - Set(products.errors.map(\.line)).count + (prices?.rejected ?? 0) - (prices?.errors.count ?? 0)
        if isCut, untold > 0 { lines.append("… and \(ImportView.grouped(untold)) more bad rows") }
        if omittedPrices > 0 {
            lines.append(
                "\(file): more than \(ImportView.grouped(PriceList.mostRows)) prices; \(ImportView.grouped(omittedPrices)) were not set: split the file"
            )
        }
        return lines
    }

    func summary(file: String, style: Style) -> [String] {
        func bad(_ count: Int) -> String { count == 0 ? "none bad" : style.paint("\(ImportView.grouped(count)) bad", .bad) }
        let rows = products.created + products.updated + products.unchanged + products.rejected
        let (verb, would) = products.dryRun ? ("checked", "would be ") : ("imported", "")
        var lines = [
            "\(verb) \(file): \(ImportView.grouped(rows)) rows in \(productsTook.forPeople): \(would)\(ImportView.grouped(products.created)) created, "
                + "\(ImportView.grouped(products.updated)) updated, \(ImportView.grouped(products.unchanged)) unchanged, \(bad(products.rejected))"
        ]
        if let prices, products.dryRun {
            lines.append("prices: \(bad(prices.rejected))")
        } else if let prices {
            lines.append(
                "prices in \(pricesTook.forPeople): \(ImportView.grouped(prices.set)) set, \(ImportView.grouped(prices.unchanged)) unchanged, \(bad(prices.rejected))"
            )
        }
        return lines
    }

    var json: JSON {
        func parsed(_ value: some JSONWritable) -> JSON { (try? JSON.parse(JSONWriter.bytes(value).readableBytesView)) ?? .null }
        var members = [JSON.Member("products", parsed(products))]
        if let prices {
            members.append(
                .init(
                    "prices",
                    .object([
                        .init("set", .integer(Int64(prices.set))), .init("unchanged", .integer(Int64(prices.unchanged))),
                        .init("rejected", .integer(Int64(prices.rejected))), .init("errors", parsed(prices.errors)),
                    ])))
        }
        return .object(members)
    }

    private static func safe(_ text: String) -> String { Array(text.utf8).forTerminal(colours: false) }
}
