/// A length of time that a query looks back, in seconds.
public struct Window: Sendable, Hashable, CustomStringConvertible {
    public let seconds: Int

    public init(seconds: Int) {
        precondition(seconds > 0, "a window has a length")
        self.seconds = seconds
    }

    public static func minutes(_ count: Int) -> Window { Window(seconds: count * 60) }
    public static func hours(_ count: Int) -> Window { Window(seconds: count * 3600) }

    /// As both systems write it: `5m`, `24h`, `30s`. No days: Datadog's burn rates are asked in hours.
    public var description: String {
        if seconds % 3600 == 0 { return "\(seconds / 3600)h" }
        return seconds % 60 == 0 ? "\(seconds / 60)m" : "\(seconds)s"
    }
}

/// How long the windows of Prometheus' rules are: as declared, or shortened so that a test sees an alert come and go within seconds. Nothing
/// but the lengths differs.
public struct Pace: Sendable, Hashable {
    /// One second stands for so many.
    public let divisor: Int
    /// No window is shorter, and none longer: a rate needs a few scrapes, and a test ends.
    public let bounds: ClosedRange<Int>

    public static let real = Pace(divisor: 1, bounds: 1...Int.max)
    /// For a scrape each half second.
    public static let shortened = Pace(divisor: 60, bounds: 5...20)

    public init(divisor: Int, bounds: ClosedRange<Int>) {
        self.divisor = divisor
        self.bounds = bounds
    }

    public func callAsFunction(_ window: Window) -> Window {
        divisor == 1 ? window : Window(seconds: min(max(window.seconds / divisor, bounds.lowerBound), bounds.upperBound))
    }

    /// How long a condition must hold; shortened as a window is, but down to a second.
    public func hold(_ window: Window) -> Window { divisor == 1 ? window : Window(seconds: max(1, window.seconds / divisor)) }
}
