internal import Synchronization
public import Tracing

/// A span that is going on, or the place of one where nothing is recorded: its identity travels and is logged in either case.
///
/// Made by a ``TelemetryTracer`` or by another span, and by swift-distributed-tracing's `withSpan`. The one that is current is
/// ``current``, which is nil outside of all spans: so a library that measures itself does nothing there, and needs no switch.
public final class TraceSpan: Tracing.Span {
    /// What travels: to children, to other services, into logs.
    public let identity: SpanContext
    public let kind: SpanKind
    /// Who made it, and makes its children.
    public let tracer: TelemetryTracer
    /// When it began; see ``Ticks``.
    public let start: Int64
    /// Whether anything that is told to it gets anywhere; false also where its trace is not sampled.
    public let isRecording: Bool

    let parentID: SpanID?
    let isLocalRoot: Bool
    let hasRemoteParent: Bool
    let pending: PendingTrace?
    private let base: InstrumentationContext
    private let state: Mutex<State>

    private struct State {
        var name: String
        var attributes: [Attribute]
        var events: [SpanRecord.Event] = []
        var links: [SpanRecord.Link] = []
        var status = SpanRecord.Status.unset
        var hasEnded = false
        var droppedEvents = 0
        var droppedLinks = 0
    }

    init(
        _ name: String, _ identity: SpanContext, kind: SpanKind, parent: SpanContext?, isLocalRoot: Bool, pending: PendingTrace?,
        tracer: TelemetryTracer, base: InstrumentationContext, attributes: [Attribute], start: Int64
    ) {
        self.identity = identity
        self.kind = kind
        self.tracer = tracer
        self.start = start
        parentID = parent?.spanID
        hasRemoteParent = parent?.isRemote ?? false
        self.isLocalRoot = isLocalRoot
        self.pending = pending
        self.base = base
        isRecording = tracer.isEnabled && (identity.isSampled || pending != nil)
        state = Mutex(State(name: name, attributes: isRecording ? attributes : []))
    }

    /// The place of a span of another process: it is continued, and never recorded here.
    init(remote identity: SpanContext, tracer: TelemetryTracer) {
        self.identity = identity
        self.tracer = tracer
        kind = .internal
        start = 0
        isRecording = false
        parentID = nil
        hasRemoteParent = false
        isLocalRoot = false
        pending = nil
        base = .topLevel
        state = Mutex(State(name: "", attributes: []))
    }

    /// The span that the current task is in.
    public static var current: TraceSpan? { InstrumentationContext.current?.span }

    /// The context in which it was started, with it as the current span.
    public var context: InstrumentationContext {
        var context = base
        context.span = self
        return context
    }

    // MARK: What it is told

    public var operationName: String {
        get { state.withLock { $0.name } }
        set { if isRecording { state.withLock { $0.name = newValue } } }
    }

    /// Sets an attribute; of two with the same name the later one counts.
    public func set(_ key: AttributeKey, _ value: AttributeValue) {
        guard isRecording else { return }
        let attribute = Attribute(key, value)
        state.withLock { $0.attributes.set(attribute) }
    }

    public func set(_ key: AttributeKey, _ value: String) { set(key, .string(value)) }
    public func set(_ key: AttributeKey, _ value: Int) { set(key, .int(Int64(value))) }

    public func addEvent(_ event: @autoclosure () -> SpanRecord.Event) {
        guard isRecording else { return }
        var event = event()
        _ = tracer.limits.bound(&event.attributes)
        state.withLock { state in
            if state.events.count < tracer.limits.events { state.events.append(event) } else { state.droppedEvents += 1 }
        }
    }

    /// Points to a span that has to do with this one and is not its parent.
    public func addLink(_ link: SpanRecord.Link) {
        guard isRecording else { return }
        var link = link
        _ = tracer.limits.bound(&link.attributes)
        state.withLock { state in
            if state.links.count < tracer.limits.links { state.links.append(link) } else { state.droppedLinks += 1 }
        }
    }

    /// Marks the span as failed.
    public func fail(_ error: any Error) {
        guard isRecording else { return }
        fail(type: SpanRecord.Status.type(of: error), message: SpanRecord.Status.message(of: error))
    }

    /// Marks the span as failed, for a reason that is no Swift error.
    public func fail(type: String, message: String) {
        guard isRecording else { return }
        state.withLock { state in
            state.status = .error(message)
            state.attributes.set(Attribute(.errorType, type))
        }
    }

    func setStatus(_ status: SpanRecord.Status) {
        if isRecording { state.withLock { $0.status = status } }
    }

    var snapshot: [Attribute] { state.withLock { $0.attributes } }

    func replaceAttributes(_ attributes: [Attribute]) { state.withLock { $0.attributes = attributes } }

    // MARK: Its end

    /// Ends it, once; what is told to it later is lost.
    /// - Parameters:
    ///   - time: see ``Ticks``.
    ///   - attributes: what is known only now.
    ///   - error: what marks it as failed.
    public func end(time: Int64, attributes: [Attribute] = [], error: (type: String, message: String)? = nil) {
        guard isRecording else { return }
        let record = state.withLock { state -> SpanRecord? in
            if state.hasEnded { return nil }
            state.hasEnded = true
            if state.attributes.isEmpty {
                state.attributes = attributes
            } else {
                for attribute in attributes { state.attributes.set(attribute) }
            }
            if let error {
                state.status = .error(error.message)
                state.attributes.set(Attribute(.errorType, error.type))
            }
            var record = SpanRecord(
                context: identity, parentID: parentID, hasRemoteParent: hasRemoteParent, kind: kind, name: state.name, start: start,
                end: max(time, start), attributes: state.attributes, events: state.events, links: state.links, status: state.status)
            record.droppedEvents = state.droppedEvents
            record.droppedLinks = state.droppedLinks
            return record
        }
        if let record { tracer.finish(record, pending, isLocalRoot: isLocalRoot) }
    }

    // MARK: Children

    /// Begins a child, which must be ended. Where this span is not recorded, the child is this span's place under another name.
    public func child(_ name: String, kind: SpanKind = .internal, attributes: @autoclosure () -> [Attribute] = []) -> TraceSpan {
        let identity = SpanContext(
            traceID: self.identity.traceID, spanID: tracer.identities.spanID(), isSampled: self.identity.isSampled, carried: self.identity.carried)
        return TraceSpan(
            name, identity, kind: kind, parent: self.identity, isLocalRoot: false, pending: pending, tracer: tracer, base: base,
            attributes: isRecording ? attributes() : [], start: isRecording ? Ticks.now() : 0)
    }

    /// Records a child that has ended already and had no children of its own: the cheapest span there is, for one that nobody else sees.
    /// - Parameters:
    ///   - id: where it had to be known before, for a header; see ``childIdentity()``.
    ///   - start, end: see ``Ticks``.
    public func record(
        child name: @autoclosure () -> String, kind: SpanKind, id: SpanID? = nil, start: Int64, end: Int64,
        attributes: @autoclosure () -> [Attribute], events: @autoclosure () -> [SpanRecord.Event] = [],
        links: @autoclosure () -> [SpanRecord.Link] = [], error: (type: String, message: String)? = nil
    ) {
        guard isRecording else { return }
        var context = identity
        context.spanID = id ?? tracer.identities.spanID()
        context.isRemote = false
        var attributes = attributes()
        if let error { attributes.append(Attribute(.errorType, error.type)) }
        let record = SpanRecord(
            context: context, parentID: identity.spanID, hasRemoteParent: false, kind: kind, name: name(), start: start, end: max(start, end),
            attributes: attributes, events: events(), links: links(), status: error.map { .error($0.message) } ?? .unset)
        tracer.finish(record, pending, isLocalRoot: false)
    }

    /// What a child that is recorded later will be, for the header of a call.
    public func childIdentity() -> SpanContext {
        var context = identity
        if isRecording { context.spanID = tracer.identities.spanID() }
        context.isRemote = false
        return context
    }
}

extension [Attribute] {
    fileprivate mutating func set(_ attribute: Attribute) {
        if let index = firstIndex(where: { $0.key == attribute.key }) { self[index] = attribute } else { append(attribute) }
    }
}

private enum CurrentSpan: InstrumentationContextKey {
    typealias Value = TraceSpan
    static var nameOverride: String? { "span" }
}

extension InstrumentationContext {
    /// The span that is current in this context.
    public internal(set) var span: TraceSpan? {
        get { self[CurrentSpan.self] }
        set { self[CurrentSpan.self] = newValue }
    }

    /// Makes `span` the current one, for code that cannot use ``TraceSpan/run(isolation:_:)``.
    public mutating func current(_ span: TraceSpan) { self.span = span }
}

/// Runs `body` as a child of the current span, and as itself where there is none. A thrown error marks the span as failed; a
/// cancellation does not.
public func withChildSpan<T>(
    _ name: @autoclosure () -> String, kind: SpanKind = .internal, attributes: @autoclosure () -> [Attribute] = [],
    isolation: isolated (any Actor)? = #isolation, _ body: (TraceSpan?) async throws -> T
) async rethrows -> T {
    guard let parent = TraceSpan.current, parent.isRecording else { return try await body(nil) }
    return try await parent.child(name(), kind: kind, attributes: attributes()).run(body)
}

extension TraceSpan {
    /// Makes it the current span while `body` runs, and ends it.
    public func run<T>(isolation: isolated (any Actor)? = #isolation, _ body: (TraceSpan) async throws -> T) async rethrows -> T {
        var context = InstrumentationContext.current ?? .topLevel
        context.span = self
        do {
            let result = try await InstrumentationContext.$current.withValue(context) { try await body(self) }
            end(time: Ticks.now())
            return result
        } catch {
            if error is CancellationError { set(.errorType, "cancelled") } else { fail(error) }
            end(time: Ticks.now())
            throw error
        }
    }
}
