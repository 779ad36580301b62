public import Tracing

/// What swift-distributed-tracing asks of a span. Its attributes are a dictionary there: dearer than ``TraceSpan/set(_:_:)-1``, and the same.
extension TraceSpan {
    public func setStatus(_ status: SpanStatus) {
        switch status.code {
        case .ok: setStatus(.ok)
        case .error: setStatus(.error(status.message ?? ""))
        }
    }

    public func addEvent(_ event: SpanEvent) {
        guard isRecording else { return }
        addEvent(
            SpanRecord.Event(
                event.name, time: Ticks.from(unix: event.nanosecondsSinceEpoch), attributes: [Attribute](event.attributes)))
    }

    public func recordError<Instant: TracerInstant>(_ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant) {
        guard isRecording else { return }
        let (type, message) = (SpanRecord.Status.type(of: error), SpanRecord.Status.message(of: error))
        addEvent(
            SpanRecord.Event(
                "exception", time: Ticks.from(unix: instant().nanosecondsSinceEpoch),
                attributes: [Attribute(.exceptionType, type), Attribute(.exceptionMessage, message)] + [Attribute](attributes)))
        set(.errorType, type)
    }

    public var attributes: SpanAttributes {
        get {
            var result = SpanAttributes()
            for attribute in snapshot { result.set(attribute.key, value: Tracing.SpanAttribute(attribute.value)) }
            return result
        }
        set {
            guard isRecording else { return }
            replaceAttributes([Attribute](newValue))
        }
    }

    public func addLink(_ link: SpanLink) {
        guard isRecording, let span = link.context.span else { return }
        addLink(SpanRecord.Link(span.identity, attributes: [Attribute](link.attributes)))
    }

    public func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        guard isRecording else { return }
        end(time: Ticks.from(unix: instant().nanosecondsSinceEpoch))
    }
}

extension [Attribute] {
    init(_ attributes: SpanAttributes) {
        self.init()
        // No sequence, so no loop can walk it.
        // swift-format-ignore: ReplaceForEachWithForLoop
        attributes.forEach { key, value in
            if let value = AttributeValue(value) { append(Attribute(AttributeKey(key), value)) }
        }
        // A dictionary has no order; whoever compares two exports wants one.
        sort { $0.key < $1.key }
    }
}

extension AttributeValue {
    init?(_ value: Tracing.SpanAttribute) {
        switch value {
        case .int32(let number): self = .int(Int64(number))
        case .int64(let number): self = .int(number)
        case .double(let number): self = .double(number)
        case .bool(let flag): self = .bool(flag)
        case .string(let text): self = .string(text)
        case .int32Array(let numbers): self = .array(numbers.map { .int(Int64($0)) })
        case .int64Array(let numbers): self = .array(numbers.map { .int($0) })
        case .doubleArray(let numbers): self = .array(numbers.map { .double($0) })
        case .boolArray(let flags): self = .array(flags.map { .bool($0) })
        case .stringArray(let texts): self = .array(texts.map { .string($0) })
        case .stringConvertible(let value): self = .string(value.description)
        case .stringConvertibleArray(let values): self = .array(values.map { .string($0.description) })
        default: return nil
        }
    }
}

extension Tracing.SpanAttribute {
    init?(_ value: AttributeValue) {
        switch value {
        case .string(let text): self = .string(text)
        case .int(let number): self = .int64(number)
        case .double(let number): self = .double(number)
        case .bool(let flag): self = .bool(flag)
        case .array(let values): self = .stringArray(values.map { String(describing: $0) })
        }
    }
}

extension Ticks {
    static func from(unix nanoseconds: UInt64) -> Int64 { Int64(clamping: nanoseconds) - toUnixTime() }
}
