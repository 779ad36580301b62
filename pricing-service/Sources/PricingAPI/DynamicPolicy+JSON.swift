import Basics
public import HTTPPath

extension DynamicPolicy.Step: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(minDemand: fields.integer("minDemand", 0...1_000_000_000), factor: fields.factor("factor"))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("minDemand", minDemand)
            $0.field("factor", factor)
        }
    }
}

extension DynamicPolicy.Hours: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        let names = "one of " + Self.dayNames.joined(separator: ", ")
        let days = fields.optionalParsedList("days", 0...7, expected: names) { Self.dayNames.firstIndex(of: $0).map { Int64($0) + 1 } } ?? []
        if Set(days).count < days.count { fields.report("days", "must list each day only once") }
        let from = fields.parsed("from", expected: "a time such as 08:30") { Self.minutes($0, most: 1439) } ?? 0
        let to = fields.parsed("to", expected: "a time such as 18:00, at most 24:00") { Self.minutes($0, most: 1440) } ?? from + 1
        if to <= from { fields.report("to", "must be after from; two entries make a night") }
        self.init(days: days.sorted(), from: from, to: to, factor: fields.factor("factor"))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            if !days.isEmpty { $0.field("days", days.map { Self.dayNames[Int($0) - 1] }) }
            $0.field("from", Self.text(from))
            $0.field("to", Self.text(to))
            $0.field("factor", factor)
        }
    }

    public static let dayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

    /// `HH:MM`.
    public static func text(_ minutes: Int64) -> String {
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(two(minutes / 60)):\(two(minutes % 60))"
    }

    private static func minutes(_ text: String, most: Int64) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count == 5, bytes[2] == UInt8(ascii: ":"), let hours = Int64(text.prefix(2)), let minutes = Int64(text.suffix(2)),
            (0...24).contains(hours), (0...59).contains(minutes), hours * 60 + minutes <= most
        else { return nil }
        return hours * 60 + minutes
    }
}

extension DynamicPolicy: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        let floor = fields.money("floor", 0...Money.largestUnitPriceMinor)
        let ceiling = fields.money("ceiling", 0...Money.largestUnitPriceMinor)
        if floor.currency != ceiling.currency {
            fields.report("ceiling", "must be in the currency of floor")
        } else if ceiling.amountMinor < floor.amountMinor {
            fields.report("ceiling", "must not be below floor")
        }
        let steps = fields.optionalList("steps", 0...Self.mostSteps, Step.init) ?? []
        if zip(steps, steps.dropFirst()).contains(where: { $0.minDemand >= $1.minDemand }) {
            fields.report("steps", "must be in order of growing minDemand")
        }
        self.init(
            isEnabled: fields.optionalBool("enabled") ?? false, floor: floor, ceiling: ceiling,
            windowMinutes: fields.optionalInteger("windowMinutes", Self.windows) ?? 60,
            orderWeight: fields.optionalInteger("orderWeight", Self.weights) ?? 10, steps: steps,
            hours: fields.optionalList("hours", 0...Self.mostHours, Hours.init) ?? [])
    }

    public func write(to json: inout JSONWriter) { json.object { writeFields(to: &$0) } }

    func writeFields(to json: inout JSONWriter) {
        json.field("enabled", isEnabled)
        json.field("floor", floor)
        json.field("ceiling", ceiling)
        json.field("windowMinutes", windowMinutes)
        json.field("orderWeight", orderWeight)
        json.field("steps", steps)
        json.field("hours", hours)
    }
}

extension StoredPolicy: JSONWritable {
    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("productId", productID)
            $0.field("sku", sku)
            policy.writeFields(to: &$0)
            $0.field("version", version)
            $0.field("updatedAt", updatedAt)
            $0.field("updatedBy", updatedBy)
            $0.field("inForce", isInForce)
        }
    }

    public var etag: String { "\"\(version)-\(isInForce)\"" }
}

extension PriceAdjustment: JSONReadable, JSONWritable {
    public init(_ fields: Fields) {
        self.init(
            amount: fields.money("amount", -Money.largestAmountMinor...Money.largestAmountMinor),
            factor: fields.object("factor", Rate.init) ?? .one, reason: fields.string("reason", 1...500), since: fields.timestamp("since"),
            heldAt: fields.optionalChoice("heldAt"))
    }

    public func write(to json: inout JSONWriter) {
        json.object {
            $0.field("amount", amount)
            $0.field("factor", factor)
            $0.field("reason", reason)
            $0.field("since", since)
            $0.field("heldAt", heldAt?.rawValue)
        }
    }
}

extension Fields {
    /// A factor of dynamic pricing: above 0, at most 10, at most 6 digits behind the point.
    func factor(_ name: String) -> Rate {
        object(name) { fields in
            let value = fields.integer("value", 1...10 * Rate.largestShareValue)
            let scale = fields.integer("scale", 0...Int64(Rate.largestShareScale))
            guard let rate = Rate(value: value, scale: Int(scale)), Int128(rate.value) <= 10 * rate.denominator else {
                fields.report(nil, "must be at most 10")
                return .one
            }
            return rate
        } ?? .one
    }
}
