/// Decides, where a trace begins, whether it is recorded. Everything else of the trace follows that decision.
public struct Sampler: Hashable, Sendable, CustomStringConvertible {
    /// Whether the decision of a caller in another process is followed.
    public let isParentBased: Bool
    /// The share of the traces that begin here, from 0 to 1.
    public let ratio: Double
    private let threshold: UInt64

    /// - Parameter ratio: from 0 to 1; a value outside is taken as the nearer end.
    public init(parentBased: Bool = true, ratio: Double = 1) {
        isParentBased = parentBased
        self.ratio = ratio.isNaN ? 1 : min(1, max(0, ratio))
        threshold = self.ratio >= 1 ? 1 << 63 : UInt64(self.ratio * 0x1p63)
    }

    /// `OTEL_TRACES_SAMPLER` and its argument; nil for a sampler that is not known.
    init?(named name: String, argument: String?) {
        let ratio = argument.flatMap(Double.init) ?? 1
        switch name {
        case "always_on": self.init(parentBased: false)
        case "always_off": self.init(parentBased: false, ratio: 0)
        case "traceidratio": self.init(parentBased: false, ratio: ratio)
        case "parentbased_always_on": self.init()
        case "parentbased_always_off": self.init(ratio: 0)
        case "parentbased_traceidratio": self.init(ratio: ratio)
        default: return nil
        }
    }

    /// The same answer for the same trace in every service that has the same ratio: it depends on the trace's identity alone.
    func samples(_ traceID: TraceID, parent: SpanContext?) -> Bool {
        if isParentBased, let parent { return parent.isSampled }
        return traceID.low >> 1 < threshold
    }

    public var description: String {
        let base = ratio == 1 ? "always_on" : ratio == 0 ? "always_off" : "traceidratio \(ratio)"
        return isParentBased ? "parentbased_\(base)" : base
    }
}

/// Which requests are exported although their trace is not sampled. The spans of this process only: a caller decides for itself.
public struct KeepRule: Hashable, Sendable {
    public var errors: Bool
    /// Requests that took this long, in seconds; nil: none for being slow.
    public var slowSeconds: Double?

    public init(errors: Bool = true, slowSeconds: Double? = 1) {
        self.errors = errors
        self.slowSeconds = slowSeconds
    }

    var isEmpty: Bool { !errors && slowSeconds == nil }

    /// Why a request is kept; nil if it is not.
    func reason(_ root: SpanRecord) -> String? {
        if errors, case .error = root.status { return "error" }
        if let slowSeconds, Double(root.end - root.start) >= slowSeconds * 1e9 { return "slow" }
        return nil
    }
}
