import Basics
import Database
import Foundation
import PricingAPI
import TestKit
import Testing

@testable import PricingService

@Suite("docs/pricing.md is what the service does")
struct WorkedExamples {
    @Test("every worked example comes out as the page says", arguments: StoreEngine.allCases)
    func examples(engine: StoreEngine) async throws {
        let page = try ExampleShop()
        #expect(page.examples.count >= 40)
        #expect(page.examples.map(\.number) == Array(1...page.examples.count))
        let shop = try await Shop(engine, seeded: false)
        for (index, product) in page.products.enumerated() {
            let change = Prices.Change(base: product.price, productID: .test(index + 1), category: product.category)
            _ = try await shop.prices.set(.sku(product.sku), change, version: nil)
        }
        for code in page.codes { try await shop.add(code) }
        _ = try await shop.tables.setExchange(page.rates, validFrom: nil, .none)
        _ = try await shop.tables.setTaxes(page.taxes, validFrom: nil, .none)
        for example in page.examples {
            let name = Comment(rawValue: "example \(example.number), line \(example.line)")
            do {
                let breakdown = try await shop.quotes.calculate(example.request, on: shop.database)
                #expect(example.refusal == nil, name)
                #expect(breakdown.lines.map(\.amounts.subtotal.amountMinor) == example.subtotals, name)
                #expect(breakdown.lines.map(\.amounts.discount.amountMinor) == example.discounts, name)
                #expect(breakdown.lines.map(\.amounts.tax.amountMinor) == example.taxes, name)
                #expect(breakdown.lines.map(\.amounts.total.amountMinor) == example.totals, name)
                #expect(violations(of: breakdown) == [], name)
                if let chosen = example.chosen {
                    #expect(breakdown.discountCodes.sorted() == chosen.sorted(), name)
                    #expect(breakdown.discountCodes.count + breakdown.notUsed.count == example.request.discountCodes.count, name)
                }
            } catch let refusal as Refusal {
                #expect(refusal.code.description == example.refusal, name)
            }
        }
    }

    @Test("what the page says of prices that follow demand is what is decided")
    func dynamic() throws {
        let page = try MarkdownTables(page: "docs/pricing.md")
        let steps = try page.with("demand from", "factor").flatMap(\.rows).map {
            DynamicPolicy.Step(minDemand: Int64($0.cells["demand from"]!)!, factor: try ExampleShop.rate($0.cells["factor"]!))
        }
        let hours = try page.with("days", "hours", "factor").flatMap(\.rows).map { row in
            let days = row.cells["days"]! == "every day" ? [] : row.cells["days"]!.components(separatedBy: ", ")
            let times = row.cells["hours"]!.components(separatedBy: "–").map { $0.split(separator: ":").map { Int64($0)! } }
            return DynamicPolicy.Hours(
                days: days.map { Int64(DynamicPolicy.Hours.dayNames.firstIndex(of: $0)!) + 1 }, from: times[0][0] * 60 + times[0][1],
                to: times[1][0] * 60 + times[1][1], factor: try ExampleShop.rate(row.cells["factor"]!))
        }
        let policy = DynamicPolicy(
            isEnabled: true, floor: try ExampleShop.money("80.00 USD"), ceiling: try ExampleShop.money("130.00 USD"), steps: steps, hours: hours)
        let rows = page.with("base", "views", "orders", "moment", "price", "why").flatMap(\.rows)
        #expect(rows.count >= 10 && steps.count == 3 && hours.count == 2)
        for row in rows {
            let base = try ExampleShop.money(row.cells["base"]!)
            let moment = try #require(Timestamp(row.cells["moment"]!))
            let demand = Demand(views: Int64(row.cells["views"]!)!, orders: Int64(row.cells["orders"]!)!)
            let (price, adjustment) = DynamicPricing.adjusted(base, DynamicPricing.decide(policy, demand, at: moment))
            let expected = try ExampleShop.money("\(row.cells["price"]!) \(base.currency)")
            #expect(price == expected, "line \(row.line)")
            #expect(price.amountMinor == base.amountMinor + (adjustment?.amount.amountMinor ?? 0))
            #expect((adjustment != nil) == (price != base), "line \(row.line)")
        }
    }

    @Test("an example that is wrong by a cent, or whose parts do not sum up, is caught")
    func planted() throws {
        let tables = MarkdownTables(text: "| a | b |\n| --- | ---: |\n| `x` | 1 |\n\ntext\n| c |\n| - |\n")
        #expect(tables.tables.map(\.columns) == [["a", "b"], ["c"]])
        #expect(tables.with("a", "b")[0].rows[0].cells == ["a": "x", "b": "1"])
        #expect(throws: ExampleShop.Unreadable.self) { try ExampleShop.money("1.5 USD") }
        #expect(throws: ExampleShop.Unreadable.self) { try ExampleShop.money("15 USD") }
        #expect(throws: ExampleShop.Unreadable.self) { try ExampleShop.money("1.5 JPY") }
    }
}
