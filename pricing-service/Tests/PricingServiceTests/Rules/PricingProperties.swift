import Basics
import PricingAPI
import Testing

@testable import PricingService

/// Laws that hold for every order, over thousands of generated ones.
@Suite struct PricingProperties {
    @Test(
        "parts sum to totals, nothing is negative, nothing traps", arguments: [Currency.jpy, .usd, .kwd],
        [QuoteRequest.Combination.all, .best])
    func laws(currency: Currency, combine: QuoteRequest.Combination) throws {
        var random = Seeded(UInt64(currency.minorDigits) + 1)
        var priced = 0
        var offers = 0
        var left = 0
        var refused: [PricingErrorCode: Int] = [:]
        for round in 0..<(combine == .all ? 4000 : 1000) {
            var order = OrderGenerator.order(in: currency, extreme: false, using: &random)
            order.combine = combine
            do throws(Refusal) {
                let breakdown = try order.breakdown()
                #expect(violations(of: breakdown) == [], "round \(round)")
                #expect(
                    zip(breakdown.lines, order.lines).allSatisfy { $0.sku == $1.sku && $0.unitPrice == $1.unitPrice && $0.quantity == $1.quantity })
                #expect(Set(breakdown.discountCodes + breakdown.notUsed.map(\.code)) == Set(order.codes.map(\.rule.code)))
                priced += 1
                offers += breakdown.discounts.count { $0.kind == .buyXGetY && $0.amount.amountMinor > 0 }
                left += breakdown.notUsed.count
            } catch {
                refused[error.code, default: 0] += 1
            }
        }
        // The generator reaches what it is for: most orders have an answer, and some each kind of refusal.
        #expect(offers > 20)
        if combine == .all {
            #expect(priced > 1800 && left == 0)
            #expect(refused[.discountNotStackable, default: 0] > 10)
            #expect(refused[.minimumSpendNotMet, default: 0] > 10)
            #expect(refused[.discountNotApplicable, default: 0] > 10)
        } else {
            // Of codes that fit together or not, some selection always does.
            #expect(priced == 1000 && left > 100)
        }
    }

    @Test("at the extremes an order has an answer or a clear refusal", arguments: [Currency.jpy, .usd, .kwd])
    func extremes(currency: Currency) throws {
        var random = Seeded(UInt64(currency.minorDigits) + 101)
        var priced = 0
        var tooLarge = 0
        for round in 0..<2000 {
            let order = OrderGenerator.order(in: currency, extreme: true, using: &random)
            do throws(Refusal) {
                let breakdown = try order.breakdown()
                #expect(violations(of: breakdown) == [], "round \(round)")
                priced += 1
            } catch {
                if error.code == .amountTooLarge {
                    tooLarge += 1
                    #expect(!error.errors.isEmpty)
                }
            }
        }
        #expect(priced > 50 && tooLarge > 500)
    }

    @Test("the largest order that is taken has the finest discounts of every kind, and does not overflow")
    func largest() throws {
        let fine = Rate(value: 333_333, scale: 6)!
        let codes = [
            DiscountRule(code: "OFFER", effect: .buyXGetY(.init(buyQuantity: 1, getQuantity: 999_999, rate: fine))),
            DiscountRule(code: "VOLUME", effect: .volume([.init(minQuantity: 1_000_000, rate: fine)])),
            DiscountRule(code: "SHARE", effect: .percentage(fine)),
            DiscountRule(code: "AMOUNT", effect: .fixed(Money(amountMinor: Money.largestAmountMinor, currency: .usd))),
        ]
        let tax = TaxRule(region: "XX", rate: .one, mode: .inclusive)
        let orders: [[(price: Int64, quantity: Int64)]] = [
            [(1_000_000_000, 1_000_000)], Array(repeating: (price: 10_000_000, quantity: 1_000_000), count: 100),
        ]
        for lines in orders {
            let breakdown = try Order.of(lines, tax: tax, codes: codes).breakdown()
            #expect(violations(of: breakdown) == [])
            #expect(breakdown.totals.subtotal.amountMinor == Money.largestAmountMinor && breakdown.totals.total.amountMinor == 0)
        }
        #expect(throws: Refusal.self) { try Order.of([(1_000_000_001, 1_000_000)], codes: codes).breakdown() }
    }

    @Test("the order in which codes are named changes nothing", arguments: [QuoteRequest.Combination.all, .best])
    func codesCommute(combine: QuoteRequest.Combination) throws {
        var random = Seeded(11)
        var compared = 0
        for _ in 0..<500 {
            var order = OrderGenerator.order(in: .usd, extreme: false, using: &random)
            order.combine = combine
            guard let breakdown = try? order.breakdown() else { continue }
            order.codes.shuffle(using: &random)
            let shuffled = try order.breakdown()
            #expect(shuffled == breakdown)
            compared += 1
        }
        #expect(compared > 200)
    }

    @Test("without offers and fixed amounts, the order of lines changes nothing but their order")
    func linesCommute() throws {
        var random = Seeded(15)
        var compared = 0
        for _ in 0..<1000 {
            var order = OrderGenerator.order(in: .kwd, extreme: false, using: &random)
            order.codes.removeAll { $0.rule.kind == .fixed || $0.rule.kind == .buyXGetY }
            guard let breakdown = try? order.breakdown() else { continue }
            order.lines.shuffle(using: &random)
            let shuffled = try order.breakdown()
            #expect(shuffled.totals == breakdown.totals)
            #expect(Set(shuffled.lines) == Set(breakdown.lines))
            compared += 1
        }
        #expect(compared > 300)
    }

    @Test("what is chosen is never dearer than any selection that may stand together, and says all it leaves out")
    func best() throws {
        var random = Seeded(16)
        var dearer = 0
        for round in 0..<300 {
            var order = OrderGenerator.order(in: .usd, extreme: false, using: &random)
            // One priority: then the customer's advantage alone decides.
            for index in order.codes.indices { order.codes[index].rule.priority = 0 }
            order.combine = .best
            let chosen = try order.breakdown()
            for selection in 0..<(1 << order.codes.count) {
                var part = order
                part.combine = .all
                part.codes = order.codes.indices.filter { selection & (1 << $0) != 0 }.map { order.codes[$0] }
                guard let breakdown = try? part.breakdown() else { continue }
                #expect(chosen.totals.total.amountMinor <= breakdown.totals.total.amountMinor, "round \(round), selection \(selection)")
                if chosen.totals.total.amountMinor < breakdown.totals.total.amountMinor { dearer += 1 }
            }
            // What is left out for nothing's sake would have brought nothing.
            var used = order
            used.combine = .all
            used.codes = order.codes.filter { chosen.discountCodes.contains($0.rule.code) }
            let alone = try used.breakdown()
            #expect(alone.totals == chosen.totals)
            #expect(chosen.discounts.allSatisfy { $0.amount.amountMinor > 0 } || chosen.discounts.isEmpty)
        }
        #expect(dearer > 300)
    }

    @Test("a code of a higher priority is never given up for one of a lower")
    func priorities() throws {
        let small = DiscountRule(code: "SMALL", effect: .percentage(.basisPoints(500)), priority: 1)
        let large = DiscountRule(code: "LARGE", effect: .percentage(.basisPoints(9000)))
        var order = Order.of([(10_000, 1)], codes: [large, small])
        order.combine = .best
        let breakdown = try order.breakdown()
        #expect(breakdown.discountCodes == ["SMALL"])
        #expect(breakdown.notUsed.map(\.code) == ["LARGE"] && breakdown.notUsed.map(\.reason) == ["not_chosen"])
    }

    @Test("a share alone is the exact line, rounded half even")
    func oracle() throws {
        var random = Seeded(12)
        for _ in 0..<2000 {
            let rate = random.share()
            let (price, quantity) = (random.spread(to: 10_000_000), random.spread(to: 10_000))
            guard rate.value > 0 else { continue }
            let total = try Order.of([(price, quantity)], codes: [DiscountRule(code: "RATE", effect: .percentage(rate))]).breakdown().totals.total
            // |2 × total × d − 2 × exact| <= d, and on the boundary total is even.
            let d = rate.denominator
            let exact = Int128(price) * Int128(quantity) * (d - Int128(rate.value))
            let distance = (2 * Int128(total.amountMinor) * d - 2 * exact).magnitude
            #expect(distance < d.magnitude || distance == d.magnitude && total.amountMinor % 2 == 0)
        }
    }

    @Test("an offer gives as many pieces as it says, the cheapest, and none that it counts as bought")
    func offers() throws {
        var random = Seeded(17)
        var given = 0
        for _ in 0..<2000 {
            let lines = (0..<Int.random(in: 1...6, using: &random)).map { _ in
                (price: Int64.random(in: 1...20, using: &random), quantity: Int64.random(in: 1...9, using: &random))
            }
            let offer = DiscountRule.Offer(
                buyQuantity: Int64.random(in: 1...4, using: &random), getQuantity: Int64.random(in: 1...3, using: &random),
                mostTimes: Bool.random(using: &random) ? Int64.random(in: 1...3, using: &random) : nil)
            let order = Order.of(lines, codes: [DiscountRule(code: "OFFER", effect: .buyXGetY(offer))])
            // The oracle writes out every piece and takes the cheapest.
            let pieces = lines.flatMap { Array(repeating: $0.price, count: Int($0.quantity)) }.sorted()
            let times = min(Int64(pieces.count) / (offer.buyQuantity + offer.getQuantity), offer.mostTimes ?? .max)
            let expected = pieces.prefix(Int(times * offer.getQuantity)).reduce(0, +)
            let breakdown = try order.breakdown()
            #expect(breakdown.totals.discount.amountMinor == expected)
            given += expected > 0 ? 1 : 0
        }
        #expect(given > 1000)
    }

    @Test("a split sums to the amount, exceeds no line, and is within one of the exact share")
    func splits() {
        var random = Seeded(13)
        for _ in 0..<3000 {
            let weights = (0..<Int.random(in: 1...20, using: &random)).map { _ in
                Bool.random(using: &random) ? random.spread(to: 10_000_000_000_000) : 0
            }
            let whole = weights.reduce(0, +)
            guard whole > 0 else { continue }
            let amount = Int64.random(in: 0...whole, using: &random)
            let parts = largestRemainder(amount, over: weights)
            #expect(parts.reduce(0, +) == amount)
            for (part, weight) in zip(parts, weights) {
                #expect((0...weight).contains(part))
                #expect((Int128(part) * Int128(whole) - Int128(amount) * Int128(weight)).magnitude < UInt128(whole))
            }
        }
    }

    @Test("each law notices what breaks it")
    func teeth() throws {
        let fixed = DiscountRule(code: "FIXED", effect: .fixed(Money(amountMinor: 500, currency: .usd)))
        let share = DiscountRule(code: "SHARE", effect: .percentage(.basisPoints(1000)))
        let tax = TaxRule(region: "US-CA", rate: .basisPoints(725), mode: .exclusive)
        let sound = try Order.of([(3333, 3), (999, 7)], tax: tax, codes: [fixed, share]).breakdown()
        #expect(violations(of: sound) == [])
        let faults: [(inout Breakdown) -> Void] = [
            { $0.totals.total.amountMinor += 1 }, { $0.totals.tax.amountMinor -= 1 }, { $0.lines[0].amounts.subtotal.amountMinor += 1 },
            { $0.lines[1].amounts.discount.amountMinor += 1 }, { $0.lines[0].discounts[0].amount.amountMinor -= 1 },
            { $0.lines[0].discounts.reverse() }, { $0.lines[0].discounts[0].reason = "" }, { $0.lines[0].amounts.net.currency = .eur },
            { $0.discounts[0].amount.amountMinor += 1 }, { $0.discounts.removeLast() }, { $0.lines.removeLast() }, { $0.lines[0].quantity += 1 },
            { $0.notUsed = [UnusedCode(code: "FIXED", reason: "x", detail: "x")] },
            // A cent of tax, moved in every place where it is summed: only the law about the rounded share sees it.
            {
                $0.lines[0].amounts.tax.amountMinor += 1
                $0.lines[0].amounts.total.amountMinor += 1
                $0.totals.tax.amountMinor += 1
                $0.totals.total.amountMinor += 1
            },
            // A discount that turns a line negative, likewise.
            {
                let all = $0.lines[1].amounts.net.amountMinor + 1
                $0.lines[1].discounts[0].amount.amountMinor += all
                $0.discounts[0].amount.amountMinor += all
                $0.lines[1].amounts.discount.amountMinor += all
                $0.totals.discount.amountMinor += all
            },
        ]
        for (index, fault) in faults.enumerated() {
            var broken = sound
            fault(&broken)
            #expect(violations(of: broken) != [], "fault \(index)")
        }
    }
}
