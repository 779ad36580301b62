import Basics
public import HTTPPath

extension DiscountRule.Tier: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(minQuantity: fields.integer("minQuantity", 1...QuoteRequest.largestQuantity), rate: fields.share("rate", aboveZero: true))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("minQuantity", minQuantity)
            $0.field("rate", rate)
        }
    }
}

extension DiscountRule.Offer: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            buyQuantity: fields.integer("buyQuantity", 1...QuoteRequest.largestQuantity),
            getQuantity: fields.integer("getQuantity", 1...QuoteRequest.largestQuantity),
            rate: fields.has("rate") ? fields.share("rate", aboveZero: true) : .one,
            getProducts: (fields.optionalProducts("getProducts", 0...DiscountRule.mostProducts) ?? []).map(\.description),
            mostTimes: fields.optionalInteger("mostTimes", 1...QuoteRequest.largestQuantity))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("buyQuantity", buyQuantity)
            $0.field("getQuantity", getQuantity)
            $0.field("rate", rate)
            if !getProducts.isEmpty { $0.field("getProducts", getProducts) }
            $0.field("mostTimes", mostTimes)
        }
    }
}

extension DiscountRule: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        let code = fields.parsed("code", expected: Self.codeExpected, Self.normalised) ?? ""
        let description = fields.optionalString("description", 0...500) ?? ""
        let effect = Self.effect(fields)
        let startsAt = fields.optionalTimestamp("startsAt")
        let endsAt = fields.optionalTimestamp("endsAt")
        if let startsAt, let endsAt, endsAt <= startsAt { fields.report("endsAt", "must be after startsAt") }
        self.init(
            code: code, description: description, effect: effect, minimumSpend: fields.optionalMoney("minimumSpend", 1...Money.largestAmountMinor),
            products: (fields.optionalProducts("products", 0...Self.mostProducts) ?? []).map(\.description),
            categories: fields.optionalParsedList("categories", 0...Self.mostCategories, expected: Category.expected, Category.parse) ?? [],
            startsAt: startsAt, endsAt: endsAt, usageLimit: fields.optionalInteger("usageLimit", 1...1_000_000_000),
            usageLimitPerShopper: fields.optionalInteger("usageLimitPerShopper", 1...1_000_000_000),
            stackable: fields.optionalBool("stackable") ?? true, priority: fields.optionalInteger("priority", 0...Self.highestPriority) ?? 0
        )
    }

    /// Each kind has its own field, and the others' are refused beside it.
    private static func effect(_ fields: Fields) -> Effect {
        let own = [DiscountKind.percentage: "rate", .fixed: "amount", .volume: "tiers", .buyXGetY: "offer"]
        let kind: DiscountKind? = fields.parsed(
            "kind", expected: "one of " + DiscountKind.allCases.map(\.rawValue).joined(separator: ", "), DiscountKind.init(rawValue:)
        )
        for (other, name) in own.sorted(by: { $0.value < $1.value }) {
            // Asked for in any case, so that a field of an unknown kind is not called unknown as well.
            if fields.has(name), let kind, other != kind { fields.report(name, "does not belong to a \(kind.rawValue) discount") }
        }
        switch kind {
        case .percentage: return .percentage(fields.share("rate", aboveZero: true))
        case .fixed: return .fixed(fields.money("amount", 1...Money.largestAmountMinor))
        case .volume: return .volume(tiers(fields))
        case .buyXGetY:
            return .buyXGetY(fields.object("offer", Offer.init) ?? Offer(buyQuantity: 1, getQuantity: 1))
        case nil: return .percentage(.zero)
        }
    }

    private static func tiers(_ fields: Fields) -> [Tier] {
        let tiers = fields.list("tiers", 1...mostTiers, Tier.init)
        if zip(tiers, tiers.dropFirst()).contains(where: { $0.minQuantity >= $1.minQuantity }) {
            fields.report("tiers", "must be in order of growing minQuantity")
        }
        return tiers
    }

    static let codeExpected = "2 to 40 letters, digits, - or _"

    public func write(to json: inout JSONWriter) { json.object { writeFields(to: &$0) } }

    func writeFields(to json: inout JSONWriter) {
        json.field("code", code)
        json.field("description", description)
        json.field("kind", kind.rawValue)
        switch effect {
        case .percentage(let rate): json.field("rate", rate)
        case .fixed(let amount): json.field("amount", amount)
        case .volume(let tiers): json.field("tiers", tiers)
        case .buyXGetY(let offer): json.field("offer", offer)
        }
        json.field("minimumSpend", minimumSpend)
        json.field("products", products)
        if !categories.isEmpty { json.field("categories", categories) }
        json.field("startsAt", startsAt)
        json.field("endsAt", endsAt)
        json.field("usageLimit", usageLimit)
        json.field("usageLimitPerShopper", usageLimitPerShopper)
        json.field("stackable", stackable)
        if priority != 0 { json.field("priority", priority) }
    }
}

extension Discount: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            id: fields.identifier("id"), rule: DiscountRule(fields), timesUsed: fields.integer("timesUsed", 0 ... .max),
            version: fields.integer("version", 1 ... .max), createdAt: fields.timestamp("createdAt"), updatedAt: fields.timestamp("updatedAt")
        )
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("id", id)
            rule.writeFields(to: &$0)
            $0.field("timesUsed", timesUsed)
            $0.field("version", version)
            $0.field("createdAt", createdAt)
            $0.field("updatedAt", updatedAt)
        }
    }

    public var etag: String { "\"\(version)\"" }
}
