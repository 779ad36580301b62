public import Tracing

/// A span that has ended, as it is exported.
public struct SpanRecord: Sendable {
    public enum Status: Hashable, Sendable {
        case unset, ok
        case error(String)
    }

    public struct Event: Hashable, Sendable {
        public let name: String
        public let time: Int64
        public internal(set) var attributes: [Attribute]

        /// - Parameter time: see ``Ticks``.
        public init(_ name: String, time: Int64 = Ticks.now(), attributes: [Attribute] = []) {
            self.name = name
            self.time = time
            self.attributes = attributes
        }
    }

    public struct Link: Hashable, Sendable {
        public let context: SpanContext
        public internal(set) var attributes: [Attribute]

        public init(_ context: SpanContext, attributes: [Attribute] = []) {
            self.context = context
            self.attributes = attributes
        }
    }

    public let context: SpanContext
    /// nil for the first span of its trace.
    public let parentID: SpanID?
    /// Whether the parent is a span of another process.
    public let hasRemoteParent: Bool
    public let kind: SpanKind
    public internal(set) var name: String
    /// See ``Ticks``.
    public let start: Int64
    public let end: Int64
    public internal(set) var attributes: [Attribute]
    public internal(set) var events: [Event] = []
    public internal(set) var links: [Link] = []
    public internal(set) var status: Status = .unset
    var droppedAttributes = 0
    var droppedEvents = 0
    var droppedLinks = 0

    /// The value of an attribute, the last one set.
    public subscript(_ key: AttributeKey) -> AttributeValue? { attributes.last { $0.key == key.name }?.value }
}

/// Where spans go when they have ended. Called on whatever thread ended the span: it must be quick and must not fail.
public protocol SpanSink: Sendable {
    func take(_ span: consuming SpanRecord)
}

/// An error that says what it is in a few words, without any value in them: for `error.type` and the status of a span.
public protocol SpanErrorDescribing: Error {
    /// One of few, such as `timeout`.
    var spanErrorType: String { get }
    /// One line that can be shown to anybody who may see traces.
    var spanErrorMessage: String { get }
}

extension SpanRecord.Status {
    static func type(of error: any Error) -> String {
        (error as? any SpanErrorDescribing)?.spanErrorType ?? String(reflecting: Swift.type(of: error))
    }

    /// An unknown error's description may hold anything: its type has to do.
    static func message(of error: any Error) -> String { (error as? any SpanErrorDescribing)?.spanErrorMessage ?? type(of: error) }
}
