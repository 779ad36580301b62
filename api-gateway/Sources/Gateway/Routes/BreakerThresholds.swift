import Basics
import HTTPPath
import Resilience

/// The thresholds of a circuit breaker as the HTTP interface has them: whole numbers, within the bounds of the settings that they begin with.
struct BreakerThresholds: JSONWritable {
    let configuration: BreakerConfiguration

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.field("minimumCalls", Int64(configuration.minimumCalls))
            json.field("failurePercent", Self.percent(configuration.failureShare))
            json.field("slowPercent", Self.percent(configuration.slowShare))
            json.field("slowMilliseconds", configuration.slowAfter.milliseconds)
            json.field("windowMilliseconds", configuration.window.milliseconds)
            json.field("openMilliseconds", configuration.openTime.milliseconds)
            json.field("longestOpenMilliseconds", configuration.longestOpenTime.milliseconds)
            json.field("probes", Int64(configuration.probes))
        }
    }

    private static func percent(_ share: Double) -> Int64 { Int64((share * 100).rounded()) }
}

/// What an operator changes of them: what is not named stays.
struct BreakerChange: Sendable {
    private let minimumCalls, failurePercent, slowPercent, slow, window, open, longestOpen, probes: Int64?
    let reason: String

    init(_ fields: Fields) {
        minimumCalls = fields.optionalInteger("minimumCalls", 1...100_000)
        failurePercent = fields.optionalInteger("failurePercent", 1...100)
        slowPercent = fields.optionalInteger("slowPercent", 1...100)
        slow = fields.optionalInteger("slowMilliseconds", 1...60_000)
        window = fields.optionalInteger("windowMilliseconds", 100...600_000)
        open = fields.optionalInteger("openMilliseconds", 10...600_000)
        longestOpen = fields.optionalInteger("longestOpenMilliseconds", 10...3_600_000)
        probes = fields.optionalInteger("probes", 1...1000)
        reason = fields.string("reason", 1...200)
        let names = [
            "minimumCalls", "failurePercent", "slowPercent", "slowMilliseconds", "windowMilliseconds", "openMilliseconds", "longestOpenMilliseconds",
            "probes",
        ]
        if !names.contains(where: fields.has) { fields.report(nil, "must name a threshold") }
    }

    /// - Throws: where the longest time that a breaker stays open would be below the first.
    func apply(to configuration: inout BreakerConfiguration) throws(InvalidInput) {
        if let minimumCalls { configuration.minimumCalls = Int(minimumCalls) }
        if let failurePercent { configuration.failureShare = Double(failurePercent) / 100 }
        if let slowPercent { configuration.slowShare = Double(slowPercent) / 100 }
        if let slow { configuration.slowAfter = .milliseconds(slow) }
        if let window { configuration.window = .milliseconds(window) }
        if let open { configuration.openTime = .milliseconds(open) }
        if let longestOpen { configuration.longestOpenTime = .milliseconds(longestOpen) }
        if let probes { configuration.probes = Int(probes) }
        guard configuration.longestOpenTime >= configuration.openTime else {
            throw InvalidInput(errors: [
                longestOpen == nil
                    ? FieldError(pointer: "/openMilliseconds", detail: "must not be above longestOpenMilliseconds")
                    : FieldError(pointer: "/longestOpenMilliseconds", detail: "must not be below openMilliseconds")
            ])
        }
    }
}
