/// The name of an attribute of a span. Whether values under it may be written is decided once, here; so declare those that are used
/// often as constants, as those of OpenTelemetry's conventions are below.
public struct AttributeKey: Hashable, Sendable, ExpressibleByStringLiteral {
    public let name: String
    let isRedacted: Bool

    public init(_ name: String) {
        self.name = LogFields.bounded(name, SpanLimits.longestKey)
        isRedacted = Redaction.standard.covers(name)
    }

    public init(stringLiteral name: String) { self.init(name) }
}

/// A value of an attribute, of one of OpenTelemetry's types.
public enum AttributeValue: Hashable, Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    case string(String)
    case int(Int64)
    case double(Double)
    case bool(Bool)
    case array([AttributeValue])

    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .int(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }

    public static func int(_ value: Int) -> AttributeValue { .int(Int64(value)) }
}

/// One fact about a span. A value whose name ``Redaction`` covers never gets into it.
public struct Attribute: Hashable, Sendable {
    public let key: String
    public internal(set) var value: AttributeValue

    public init(_ key: AttributeKey, _ value: AttributeValue) {
        self.key = key.name
        self.value = key.isRedacted ? .string(Redaction.mark) : value
    }

    public init(_ key: AttributeKey, _ value: String) { self.init(key, .string(value)) }
    public init(_ key: AttributeKey, _ value: Int) { self.init(key, .int(Int64(value))) }
}

/// Names of OpenTelemetry's semantic conventions that this library and those above it write.
extension AttributeKey {
    public static let errorType = AttributeKey("error.type")
    public static let exceptionType = AttributeKey("exception.type")
    public static let exceptionMessage = AttributeKey("exception.message")

    public static let httpRequestMethod = AttributeKey("http.request.method")
    public static let httpRoute = AttributeKey("http.route")
    public static let httpStatus = AttributeKey("http.response.status_code")
    public static let urlScheme = AttributeKey("url.scheme")
    public static let urlPath = AttributeKey("url.path")
    public static let urlQuery = AttributeKey("url.query")
    public static let urlFull = AttributeKey("url.full")
    public static let userAgent = AttributeKey("user_agent.original")
    public static let serverAddress = AttributeKey("server.address")
    public static let serverPort = AttributeKey("server.port")
    public static let protocolVersion = AttributeKey("network.protocol.version")
    public static let peerService = AttributeKey("peer.service")

    public static let dbSystem = AttributeKey("db.system.name")
    public static let dbNamespace = AttributeKey("db.namespace")
    public static let dbOperation = AttributeKey("db.operation.name")
    public static let dbQueryText = AttributeKey("db.query.text")
    public static let dbQuerySummary = AttributeKey("db.query.summary")
    public static let dbBatchSize = AttributeKey("db.operation.batch.size")
    public static let dbStatus = AttributeKey("db.response.status_code")
    public static let dbRows = AttributeKey("db.response.returned_rows")

    /// Why a span is exported although its trace is not sampled: `error` or `slow`.
    public static let keptBecause = AttributeKey("telemetry.kept")
}

/// Bounds of one span, so that no span can fill the queue alone.
public struct SpanLimits: Sendable, Hashable {
    /// OpenTelemetry's own default.
    public var attributes = 128
    public var events = 128
    public var links = 128
    /// Bytes of one text. OpenTelemetry has no bound here: a long statement fits, a body that was dumped by mistake does not.
    public var valueBytes = 4096

    static let longestKey = 256

    public init() {}

    /// `attributes` within the bounds; how many were left out.
    func bound(_ attributes: inout [Attribute]) -> Int {
        for index in attributes.indices {
            switch attributes[index].value {
            case .string(let text):
                if text.utf8.count > valueBytes { attributes[index].value = .string(LogFields.bounded(text, valueBytes)) }
            case .array: attributes[index].value = bounded(attributes[index].value, depth: 0)
            default: break
            }
        }
        guard attributes.count > self.attributes else { return 0 }
        defer { attributes.removeLast(attributes.count - self.attributes) }
        return attributes.count - self.attributes
    }

    private func bounded(_ value: AttributeValue, depth: Int) -> AttributeValue {
        switch value {
        case .string(let text): .string(LogFields.bounded(text, valueBytes))
        case .array(let values): depth > 0 ? .string("[too deep]") : .array(values.prefix(attributes).map { bounded($0, depth: depth + 1) })
        default: value
        }
    }
}
