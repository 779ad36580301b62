import Redis
import Resilience
import ServiceKit

/// How often whom is let in. The bounds stop a flood and no person: a page of the shop takes some ten requests.
enum DoorSettings {
    static let addressRate = Setting<Int>.integer(
        "rate.limit.address.per.second", default: 1000, in: 0...1_000_000, unit: "requests",
        help: "Requests a second from one address, many people behind one proxy included; 0 for no limit.")
    static let addressBurst = Setting<Int>.integer(
        "rate.limit.address.burst", default: 2000, in: 1...1_000_000, unit: "requests", help: "Requests from one address that may come at once.")
    static let identityRate = Setting<Int>.integer(
        "rate.limit.identity.per.second", default: 500, in: 0...1_000_000, unit: "requests",
        help: "Requests a second with the tokens of one subject, an operator's import included; 0 for no limit.")
    static let identityBurst = Setting<Int>.integer(
        "rate.limit.identity.burst", default: 1000, in: 1...1_000_000, unit: "requests", help: "Requests of one subject that may come at once.")
    static let trustedProxies = Setting<TrustedProxies>(
        "trusted.proxies", default: nil, expected: "addresses and networks such as 10.0.0.0/8, separated by commas",
        help: "Proxies whose X-Forwarded-For is believed; none, so that nobody chooses an address.", parse: { TrustedProxies($0) })

    static let all = [
        SettingInfo(addressRate), SettingInfo(addressBurst), SettingInfo(identityRate), SettingInfo(identityBurst), SettingInfo(trustedProxies),
    ]

    /// - Parameter redis: what replicas share, so that each client has its rate once and not at every replica; nil: nothing.
    static func policy(_ settings: Settings, _ redis: RedisClient?) throws -> DoorPolicy {
        func limiter(_ name: String, _ rate: Setting<Int>, _ burst: Setting<Int>) throws -> (any RateLimiting)? {
            let perSecond = try settings(rate)
            guard perSecond > 0 else { return nil }
            let limit = RateLimit(burst: try settings(burst), perSecond: Double(perSecond))
            guard let redis else { return LocalRateLimiter(limit) }
            return RedisRateLimiter(redis, name: "gateway.\(name)", limit: limit)
        }
        return DoorPolicy(
            perAddress: try limiter("address", addressRate, addressBurst), perIdentity: try limiter("identity", identityRate, identityBurst),
            trustedProxies: try settings.optional(trustedProxies) ?? .none)
    }
}
