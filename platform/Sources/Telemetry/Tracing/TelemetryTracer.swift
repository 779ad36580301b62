public import Tracing

/// Makes spans. One for each process; or one for each test, since nothing about it is global: a span makes its own children, so only
/// whoever begins a trace needs the tracer itself.
public final class TelemetryTracer: Sendable {
    /// False where spans go nowhere. Identities are made, continued and handed on all the same.
    public let isEnabled: Bool
    public let propagation: Propagation
    public let sampler: Sampler
    let keep: KeepRule?
    let limits: SpanLimits
    let identities: IdentitySource
    private let sink: any SpanSink

    /// - Parameters:
    ///   - sink: where spans go; nil: nothing is recorded.
    ///   - keep: which of the traces that are not sampled are exported all the same; nil, or where all are sampled: none.
    ///   - seed: of the identities; for tests that want them to be the same each time.
    public init(
        sink: (any SpanSink)?, sampler: Sampler = Sampler(), keep: KeepRule? = nil, propagation: Propagation = Propagation(),
        limits: SpanLimits = SpanLimits(), seed: UInt64? = nil
    ) {
        isEnabled = sink != nil
        self.sink = sink ?? Nowhere()
        self.sampler = sampler
        self.keep = keep.flatMap { $0.isEmpty ? nil : $0 }
        self.propagation = propagation
        self.limits = limits
        identities = seed.map(IdentitySource.init) ?? IdentitySource()
    }

    /// Records nothing.
    public static let off = TelemetryTracer(sink: nil)

    private struct Nowhere: SpanSink {
        func take(_ span: consuming SpanRecord) {}
    }

    /// Begins this process' part of a trace.
    /// - Parameters:
    ///   - remote: the span of another process, or of an earlier time, that it continues.
    ///   - wanted: false for what is not worth a trace of its own, such as a health check: then it is recorded only if `remote` is.
    ///   - sampled: for work that several traces share, each of which has been decided on; nil: the sampler decides.
    ///   - start: see ``Ticks``.
    public func begin(
        _ name: String, kind: SpanKind = .internal, continuing remote: SpanContext? = nil, carried: SpanContext.Carried? = nil,
        wanted: Bool = true, sampled: Bool? = nil, in base: InstrumentationContext = .topLevel, attributes: @autoclosure () -> [Attribute] = [],
        start: Int64 = Ticks.now()
    ) -> TraceSpan {
        let traceID = remote?.traceID ?? identities.traceID()
        // A trace that a caller in another process does not record may still be recorded here, if the sampler looks at no parent.
        let isSampled = sampled ?? (wanted || remote?.isSampled == true ? sampler.samples(traceID, parent: remote) : false)
        let identity = SpanContext(traceID: traceID, spanID: identities.spanID(), isSampled: isSampled, carried: remote?.carried ?? carried)
        let pending = isEnabled && !isSampled && wanted && keep != nil ? PendingTrace() : nil
        return TraceSpan(
            name, identity, kind: kind, parent: remote, isLocalRoot: true, pending: pending, tracer: self, base: base,
            attributes: isEnabled && (isSampled || pending != nil) ? attributes() : [], start: start)
    }

    func finish(_ record: consuming SpanRecord, _ pending: PendingTrace?, isLocalRoot: Bool) {
        var record = record
        record.droppedAttributes = limits.bound(&record.attributes)
        guard let pending else { return sink.take(record) }
        guard isLocalRoot else { return pending.take(record, sink) }
        let reason = keep?.reason(record)
        if let reason { record.attributes.append(Attribute(.keptBecause, reason)) }
        pending.take(record, sink)
        pending.decide(keep: reason != nil, sink)
    }
}

// MARK: swift-distributed-tracing

extension TelemetryTracer: Tracer {
    public func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> InstrumentationContext, ofKind kind: SpanKind, at instant: @autoclosure () -> Instant,
        function: String, file fileID: String, line: UInt
    ) -> TraceSpan {
        let context = context()
        let start = isEnabled ? Ticks.from(unix: instant().nanosecondsSinceEpoch) : 0
        guard let parent = context.span else { return begin(operationName, kind: kind, in: context, start: start) }
        if parent.identity.isRemote { return begin(operationName, kind: kind, continuing: parent.identity, in: context, start: start) }
        let identity = SpanContext(
            traceID: parent.identity.traceID, spanID: identities.spanID(), isSampled: parent.identity.isSampled, carried: parent.identity.carried)
        return TraceSpan(
            operationName, identity, kind: kind, parent: parent.identity, isLocalRoot: false, pending: parent.pending, tracer: self, base: context,
            attributes: [], start: start)
    }

    public func startAnySpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> InstrumentationContext, ofKind kind: SpanKind, at instant: @autoclosure () -> Instant,
        function: String, file fileID: String, line: UInt
    ) -> any Tracing.Span {
        startSpan(operationName, context: context(), ofKind: kind, at: instant(), function: function, file: fileID, line: line)
    }

    public func activeSpan(identifiedBy context: InstrumentationContext) -> TraceSpan? {
        context.span.flatMap { $0.identity.isRemote ? nil : $0 }
    }

    public func forceFlush() {}

    public func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout InstrumentationContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {
        let found = propagation.extract { extractor.extract(key: $0.rawValue, from: carrier) }
        if let remote = found.context { context.span = TraceSpan(remote: remote, tracer: self) }
    }

    public func inject<Carrier, Inject: Injector>(
        _ context: InstrumentationContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let span = context.span else { return }
        propagation.inject(span.identity) { injector.inject($1, forKey: $0.rawValue, into: &carrier) }
    }
}
