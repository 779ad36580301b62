/// When a second attempt is sent beside one that takes as long as few do. Only for reads that may be sent twice.
///
/// Source of the idea: J. Dean and L. A. Barroso, "The Tail at Scale".
public struct HedgePolicy: Hashable, Sendable {
    /// The share of calls that are to have answered before the second is sent.
    public var quantile = 0.95
    /// It is never sent earlier: below this the second attempt costs more than it saves.
    public var earliest = Duration.milliseconds(5)
    /// Without so many latencies seen nothing is hedged: the quantile of a few calls means nothing.
    public var minimumSamples = 100

    public init() {}
}
