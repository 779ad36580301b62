import Basics

/// When an address of several is left out for a while.
public struct EjectionConfiguration: Hashable, Sendable {
    /// So many failures in a row take it out.
    public var failuresInRow = 5
    /// For so long the first time; twice as long each further time in a row.
    public var time = Duration.seconds(5)
    /// The bound of the doubling.
    public var longestTime = Duration.seconds(60)
    /// At most this share of the addresses is out at once, rounded down: where all fail, the fault is not one address's, and what is left would
    /// only break under the load of all.
    public var mostShare = 0.5

    public init() {}

    public var isValid: Bool { failuresInRow >= 1 && time > .zero && longestTime >= time && mostShare >= 0 && mostShare <= 1 }
}

/// Which of several addresses of one service the next call goes to; without clock, lock, or network.
///
/// Of two addresses drawn at random the one with fewer calls under way is taken, which sends a slow one less without measuring it. One that
/// fails several times in a row is left out for a while; when it comes back, one call at a time is let through until one goes well.
/// Source of the idea: M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing".
public struct EndpointMachine<Address: Hashable & Sendable>: Sendable {
    public struct Endpoint: Hashable, Sendable {
        public let address: Address
        public fileprivate(set) var inFlight = 0
        public fileprivate(set) var failuresInRow = 0
        public fileprivate(set) var outUntil: ContinuousClock.Instant?
        /// How often in a row it was taken out.
        public fileprivate(set) var ejections = 0
        fileprivate var isOnProbation = false

        fileprivate init(_ address: Address) { self.address = address }

        /// Whether no call goes there now.
        public func isOut(_ now: ContinuousClock.Instant) -> Bool { outUntil.map { now < $0 } ?? false }
        fileprivate func takes(_ now: ContinuousClock.Instant) -> Bool { !isOut(now) && !(isOnProbation && inFlight > 0) }
    }

    public enum Change: Hashable, Sendable {
        case ejected(Address, Duration)
        case returned(Address)
    }

    public let configuration: EjectionConfiguration
    public private(set) var endpoints: [Endpoint]

    /// - Precondition: `configuration.isValid`, at least one address.
    public init(_ addresses: [Address], _ configuration: EjectionConfiguration = EjectionConfiguration()) {
        precondition(configuration.isValid && !addresses.isEmpty, "calls need somewhere to go")
        self.configuration = configuration
        endpoints = []
        update(addresses)
    }

    /// Takes the addresses that there are now; what is known about those that stay is kept. An empty list changes nothing: a name that
    /// cannot be resolved for a moment is no reason to forget where the service was.
    public mutating func update(_ addresses: [Address]) {
        guard !addresses.isEmpty else { return }
        var seen: Set<Address> = []
        let known = Dictionary(endpoints.map { ($0.address, $0) }) { first, _ in first }
        endpoints = addresses.filter { seen.insert($0).inserted }.map { known[$0] ?? Endpoint($0) }
    }

    /// Where the next call goes; it counts as under way from now on.
    /// - Parameter avoided: where earlier attempts of the same call went; taken only where there is nothing else.
    public mutating func pick(
        avoiding avoided: [Address] = [], at now: ContinuousClock.Instant, using random: inout some RandomNumberGenerator
    ) -> Address {
        if endpoints.count == 1 {
            endpoints[0].inFlight += 1
            return endpoints[0].address
        }
        var candidates = endpoints.indices.filter { endpoints[$0].takes(now) && !avoided.contains(endpoints[$0].address) }
        if candidates.isEmpty { candidates = endpoints.indices.filter { endpoints[$0].takes(now) } }
        if candidates.isEmpty { candidates = Array(endpoints.indices) }
        var index = candidates[0]
        if candidates.count > 1 {
            let first = Int.random(in: 0..<candidates.count, using: &random)
            var second = Int.random(in: 0..<candidates.count - 1, using: &random)
            if second >= first { second += 1 }
            let (a, b) = (candidates[first], candidates[second])
            index = endpoints[b].inFlight < endpoints[a].inFlight ? b : a
        }
        endpoints[index].inFlight += 1
        return endpoints[index].address
    }

    /// Takes the outcome of a call to an address.
    @discardableResult
    public mutating func ended(_ address: Address, _ outcome: BreakerMachine.Outcome, at now: ContinuousClock.Instant) -> Change? {
        // It may have gone from the list in the meantime.
        guard let index = endpoints.firstIndex(where: { $0.address == address }) else { return nil }
        endpoints[index].inFlight = max(0, endpoints[index].inFlight - 1)
        switch outcome {
        case .ignored: return nil
        case .success:
            endpoints[index].failuresInRow = 0
            // A success of a call that was sent before it was taken out says nothing.
            guard endpoints[index].isOnProbation, !endpoints[index].isOut(now) else { return nil }
            endpoints[index].isOnProbation = false
            return .returned(address)
        case .failure:
            endpoints[index].failuresInRow += 1
            guard !endpoints[index].isOut(now) else { return nil }
            let isAgain = endpoints[index].isOnProbation
            guard isAgain || endpoints[index].failuresInRow >= configuration.failuresInRow else { return nil }
            let others = endpoints.indices.count { $0 != index && (endpoints[$0].isOut(now) || endpoints[$0].isOnProbation) }
            guard isAgain || Double(others + 1) <= configuration.mostShare * Double(endpoints.count) else { return nil }
            // A long time well wipes out what was before.
            if !isAgain, let last = endpoints[index].outUntil, now - last > configuration.longestTime { endpoints[index].ejections = 0 }
            var time = configuration.time
            for _ in 0..<endpoints[index].ejections where time < configuration.longestTime { time = time * 2 }
            time = min(time, configuration.longestTime)
            endpoints[index].ejections += 1
            endpoints[index].outUntil = now + time
            endpoints[index].isOnProbation = true
            return .ejected(address, time)
        }
    }
}
