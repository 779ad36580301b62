import ArgumentParser
internal import Basics

/// What a visitor does.
enum Journey: String, CaseIterable, Sendable {
    case browse, buy
}

/// Which journeys visitors make, by weight.
struct JourneyMix: ExpressibleByArgument, Hashable, Sendable {
    static let usual = JourneyMix(weights: [.browse: 9, .buy: 1])

    let weights: [Journey: Int]

    init(weights: [Journey: Int]) { self.weights = weights }

    init?(argument: String) {
        var weights: [Journey: Int] = [:]
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            let sides = part.split(separator: "=", omittingEmptySubsequences: false)
            guard sides.count == 2, let journey = Journey(rawValue: String(sides[0])), let weight = Int(sides[1]), (0...1_000_000).contains(weight),
                weights.updateValue(weight, forKey: journey) == nil
            else { return nil }
        }
        guard weights.values.reduce(0, +) > 0 else { return nil }
        self.weights = weights
    }

    var defaultValueDescription: String {
        Journey.allCases.compactMap { journey in weights[journey].map { "\(journey.rawValue)=\($0)" } }.joined(separator: ",")
    }

    /// - Parameter number: evenly distributed.
    func journey(_ number: UInt64) -> Journey {
        var rest = Int(number % UInt64(weights.values.reduce(0, +)))
        for journey in Journey.allCases {
            rest -= weights[journey] ?? 0
            if rest < 0 { return journey }
        }
        return .browse
    }
}

/// What is to be offered.
struct LoadPlan: Sendable {
    /// Visitors a second.
    var rate: Double
    var duration: Duration
    var warmUp = Duration.zero
    var mix = JourneyMix.usual
    var maxInFlight = 1000
    var retries = 0
    var seed: UInt64 = 1

    /// Visitors in all, those of the warm-up included.
    var count: Int { max(1, Int((rate * (warmUp + duration).inSeconds).rounded())) }

    /// Those whose times do not count.
    var warmUpCount: Int { min(count - 1, Int((rate * warmUp.inSeconds).rounded())) }

    /// When a visitor is due, counted from the first one.
    func due(_ index: Int) -> Duration { .microseconds(Int64((Double(index) / rate * 1e6).rounded())) }

    var summary: String {
        let mixed = Journey.allCases.compactMap { journey in
            mix.weights[journey].flatMap { $0 > 0 ? "\(journey.rawValue) \($0)" : nil }
        }.joined(separator: ", ")
        return "\(ImportView.grouped(count)) visitors, \(rateForPeople(rate)) a second for \(duration.forPeople) (\(mixed))"
    }

    /// One visitor's choices: the same for the same seed and index.
    func choices(_ index: Int) -> (journey: Journey, product: UInt64) {
        (mix.journey(Self.mixed(seed, UInt64(index), 1)), Self.mixed(seed, UInt64(index), 2))
    }

    /// A number that looks random and is a function of its parts (the finaliser of SplitMix64).
    private static func mixed(_ seed: UInt64, _ index: UInt64, _ purpose: UInt64) -> UInt64 {
        var z = seed &+ (index &* 3 &+ purpose) &* 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// `20`, `0.5`, `1,250.3`.
func rateForPeople(_ rate: Double) -> String {
    let tenths = Int64((rate * 10).rounded())
    return ImportView.grouped(Int(tenths / 10)) + (tenths % 10 == 0 ? "" : ".\(tenths % 10)")
}
