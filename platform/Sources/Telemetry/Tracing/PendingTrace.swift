internal import Synchronization

/// The spans of a request that is not sampled, until it is known whether it is kept all the same: see ``KeepRule``.
final class PendingTrace: Sendable {
    /// Spans held for one request; its first ones say most.
    static let mostSpans = 256

    private enum State {
        case undecided([SpanRecord])
        case decided(keep: Bool)
    }

    private let state = Mutex(State.undecided([]))

    /// Holds a span, or deals with it as was decided.
    func take(_ span: consuming SpanRecord, _ sink: any SpanSink) {
        let span = span
        let isKept = state.withLock { state in
            switch state {
            case .decided(let keep): return keep
            case .undecided(var spans):
                // Out of the way first, so that the array is not copied.
                state = .undecided([])
                if spans.count < Self.mostSpans { spans.append(span) }
                state = .undecided(spans)
                return false
            }
        }
        if isKept { sink.take(span) }
    }

    /// Ends the wait: what is held goes to the sink or is forgotten.
    func decide(keep: Bool, _ sink: any SpanSink) {
        let spans = state.withLock { state in
            guard case .undecided(let spans) = state else { return [SpanRecord]() }
            state = .decided(keep: keep)
            return keep ? spans : []
        }
        for span in spans { sink.take(span) }
    }
}
