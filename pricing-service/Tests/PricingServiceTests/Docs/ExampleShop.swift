import Basics
import Foundation
import PricingAPI
import Testing

@testable import PricingService

/// The shop of `docs/pricing.md`, read from the page itself.
struct ExampleShop {
    struct Example: Sendable {
        var line: Int
        var number: Int
        var request: QuoteRequest
        /// The codes that are to be used, where the service chooses.
        var chosen: [String]?
        /// What it is refused with; nil where it has an answer.
        var refusal: String?
        /// Minor units a line; empty where it is refused.
        var subtotals: [Int64] = []
        var discounts: [Int64] = []
        var taxes: [Int64] = []
        var totals: [Int64] = []
    }

    var products: [(sku: String, category: String, price: Money)] = []
    var rates: [Currency: Rate] = [:]
    var taxes: [TaxRule] = []
    var codes: [DiscountRule] = []
    var examples: [Example] = []

    /// Why the page cannot be read.
    struct Unreadable: Error, CustomStringConvertible {
        var description: String
    }

    init() throws {
        let page = try MarkdownTables(page: "docs/pricing.md")
        for row in page.with("product", "category", "price").flatMap(\.rows) {
            products.append((row.cells["product"]!, row.cells["category"]!, try Self.money(row.cells["price"]!)))
        }
        for row in page.with("currency", "for one USD").flatMap(\.rows) {
            rates[try Self.currency(row.cells["currency"]!)] = try Self.rate(row.cells["for one USD"]!)
        }
        for row in page.with("region", "tax", "how").flatMap(\.rows) {
            guard let mode = TaxRule.Mode(rawValue: row.cells["how"]!) else { throw Unreadable(description: "line \(row.line)") }
            taxes.append(TaxRule(region: row.cells["region"]!, rate: try Self.percent(row.cells["tax"]!), mode: mode))
        }
        for row in page.with("code", "takes", "from", "conditions").flatMap(\.rows) { codes.append(try Self.code(row.cells)) }
        for row in page.with("no.", "order", "in", "codes", "region", "list", "off", "tax", "to pay", "what it shows").flatMap(\.rows) {
            examples.append(try Self.example(row.line, row.cells))
        }
    }

    // MARK: cells

    private static func code(_ cells: [String: String]) throws -> DiscountRule {
        let takes = cells["takes"]!
        let effect: DiscountRule.Effect
        if let offer = takes.wholeMatch(of: /buy (\d+), get (\d+)( [A-Z]+)? (free|at (.+) less)/) {
            effect = .buyXGetY(
                .init(
                    buyQuantity: Int64(offer.output.1)!, getQuantity: Int64(offer.output.2)!,
                    rate: try offer.output.5.map { try percent(String($0)) } ?? .one,
                    getProducts: offer.output.3.map { [$0.trimmingCharacters(in: .whitespaces)] } ?? [],
                    mostTimes: cells["conditions"]!.contains("once") ? 1 : nil))
        } else if takes.contains(" from ") {
            effect = .volume(
                try takes.components(separatedBy: ", ").map { tier in
                    let parts = tier.components(separatedBy: " from ")
                    return .init(minQuantity: Int64(parts[1])!, rate: try percent(parts[0]))
                })
        } else if takes.hasSuffix("%") {
            effect = .percentage(try percent(takes))
        } else {
            effect = .fixed(try money(takes))
        }
        var rule = DiscountRule(code: cells["code"]!, effect: effect)
        let from = cells["from"]!
        if from.hasPrefix("category ") {
            rule.categories = [String(from.dropFirst(9))]
        } else if from != "everything" {
            rule.products = from.components(separatedBy: ", ")
        }
        for condition in cells["conditions"]!.components(separatedBy: ", ") where !condition.isEmpty && condition != "once" {
            if condition == "alone" {
                rule.stackable = false
            } else if condition.hasPrefix("orders from ") {
                rule.minimumSpend = try money(String(condition.dropFirst(12)))
            } else if condition.hasPrefix("priority "), let priority = Int64(condition.dropFirst(9)) {
                rule.priority = priority
            } else {
                throw Unreadable(description: "a condition '\(condition)'")
            }
        }
        return rule
    }

    private static func example(_ line: Int, _ cells: [String: String]) throws -> Example {
        let currency = try currency(cells["in"]!)
        let lines = try cells["order"]!.components(separatedBy: ", ").map { part -> QuoteRequest.Line in
            let parts = part.components(separatedBy: " × ")
            guard parts.count == 2, let quantity = Int64(parts[0].replacingOccurrences(of: ",", with: "")) else {
                throw Unreadable(description: "an order '\(part)'")
            }
            return QuoteRequest.Line(product: .sku(parts[1]), quantity: quantity)
        }
        var codes: [String] = []
        var chosen: [String]?
        var text = cells["codes"]!
        if text.hasPrefix("best of ") {
            let parts = text.dropFirst(8).components(separatedBy: " → ")
            text = parts[0]
            chosen = parts[1] == "—" ? [] : parts[1].components(separatedBy: ", ")
        }
        if text != "—" { codes = text.components(separatedBy: ", ") }
        var example = Example(
            line: line, number: Int(cells["no."]!) ?? 0,
            request: QuoteRequest(
                lines: lines, discountCodes: codes, combine: chosen == nil ? .all : .best, currency: currency, taxRegion: cells["region"]!),
            chosen: chosen)
        if cells["to pay"]!.firstMatch(of: /[a-z]/) != nil {
            example.refusal = cells["to pay"]
        } else {
            example.subtotals = try amounts(cells["list"]!, currency, lines.count)
            example.discounts = try amounts(cells["off"]!, currency, lines.count)
            example.taxes = try amounts(cells["tax"]!, currency, lines.count)
            example.totals = try amounts(cells["to pay"]!, currency, lines.count)
        }
        return example
    }

    /// `5.00 = 1.67 + 1.67 + 1.66`, or one amount for one line, or nothing at all for several. The page's own sums are checked here.
    private static func amounts(_ cell: String, _ currency: Currency, _ lines: Int) throws -> [Int64] {
        let sides = cell.components(separatedBy: " = ")
        let sum = try money("\(sides[0]) \(currency)").amountMinor
        if sides.count == 2 {
            let parts = try sides[1].components(separatedBy: " + ").map { try money("\($0) \(currency)").amountMinor }
            guard parts.count == lines, parts.reduce(0, +) == sum else { throw Unreadable(description: "parts that do not sum up: '\(cell)'") }
            return parts
        }
        guard lines == 1 || sum == 0 else { throw Unreadable(description: "no parts: '\(cell)'") }
        return lines == 1 ? [sum] : Array(repeating: 0, count: lines)
    }

    static func money(_ text: String) throws -> Money {
        let parts = text.replacingOccurrences(of: ",", with: "").split(separator: " ").map(String.init)
        guard parts.count == 2 else { throw Unreadable(description: "an amount '\(text)'") }
        let currency = try currency(parts[1])
        let digits = parts[0].split(separator: ".").map(String.init)
        guard digits.count == (currency.minorDigits == 0 ? 1 : 2), digits.count == 1 || digits[1].count == currency.minorDigits,
            let amount = Int64(digits.joined())
        else { throw Unreadable(description: "an amount '\(text)'") }
        return Money(amountMinor: amount, currency: currency)
    }

    private static func currency(_ text: String) throws -> Currency {
        guard let currency = Currency(text) else { throw Unreadable(description: "a currency '\(text)'") }
        return currency
    }

    static func rate(_ text: String) throws -> Rate {
        let parts = text.split(separator: ".").map(String.init)
        guard let value = Int64(parts.joined()), let rate = Rate(value: value, scale: parts.count == 2 ? parts[1].count : 0) else {
            throw Unreadable(description: "a rate '\(text)'")
        }
        return rate
    }

    private static func percent(_ text: String) throws -> Rate {
        let rate = try rate(text.replacingOccurrences(of: " %", with: ""))
        guard let share = Rate(value: rate.value, scale: rate.scale + 2), share.isShare else { throw Unreadable(description: "a share '\(text)'") }
        return share
    }
}
