/// A span as `opentelemetry.proto.trace.v1.Span` says it.
struct RecordedSpan: Sendable {
    enum Kind: String, Sendable {
        case unspecified, `internal`, server, client, producer, consumer

        init(_ number: UInt64) {
            let known: [Kind] = [.unspecified, .internal, .server, .client, .producer, .consumer]
            self = number < UInt64(known.count) ? known[Int(number)] : .unspecified
        }
    }

    enum Status: String, Sendable {
        case unset, ok, error

        init(_ number: UInt64) { self = number == 1 ? .ok : number == 2 ? .error : .unset }
    }

    /// Something that happened at one time within the span.
    struct Event: Sendable {
        /// Nanoseconds since 1970.
        var time: UInt64 = 0
        var name = ""
        var attributes: [Attribute] = []
    }

    /// Another span that this one has to do with, and is no child of.
    struct Link: Sendable {
        var traceID: TraceID?
        var spanID: SpanID?
    }

    var traceID: TraceID?
    var id: SpanID?
    /// nil for a root.
    var parentID: SpanID?
    var name = ""
    var kind = Kind.unspecified
    /// Nanoseconds since 1970.
    var start: UInt64 = 0
    var end: UInt64 = 0
    var attributes: [Attribute] = []
    var events: [Event] = []
    var links: [Link] = []
    var status = Status.unset
    var statusMessage = ""
    /// Attributes, events and links that the sender left out, because of bounds of its own.
    var leftOut: UInt64 = 0

    /// A span that ends before it starts, as one with a clock that was set back does, lasts no time.
    var duration: UInt64 { end > start ? end - start : 0 }
}

/// A name and its value.
struct Attribute: Sendable, Hashable {
    var key = ""
    var value = AttributeValue.empty
}

/// `opentelemetry.proto.common.v1.AnyValue`.
indirect enum AttributeValue: Sendable, Hashable {
    case empty
    case string(String)
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case bytes([UInt8])
    case array([AttributeValue])
    case map([Attribute])
}
