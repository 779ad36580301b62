extension TelemetryContract {
    /// What a kind of span is called and carries, whoever makes it. By OpenTelemetry's semantic conventions.
    public struct SpanShape: Sendable, Hashable {
        /// OpenTelemetry's span kind, in its own spelling.
        public enum Kind: String, Sendable {
            case server, client, `internal`, producer, consumer
        }

        public let signal: String
        public let kind: Kind
        /// How its name is made.
        public let name: String
        /// On every such span.
        public let always: [String]
        /// Where it applies.
        public let sometimes: [String]
    }

    public static let spans: [SpanShape] = [
        SpanShape(
            signal: "HTTP server", kind: .server, name: "METHOD route: `GET /api/v1/products/{id}`",
            always: ["http.request.method", "http.response.status_code", "url.path"], sometimes: ["http.route", "error.type"]),
        SpanShape(
            signal: "HTTP client", kind: .client, name: "METHOD template, or METHOD upstream: one for each attempt, to the end of the body",
            always: ["http.request.method", "server.address"],
            sometimes: ["http.response.status_code", "error.type", "server.port", "http.request.resend_count"]),
        SpanShape(
            signal: "SQL", kind: .client, name: "the statement's first word and table: `SELECT products`",
            always: ["db.system.name", "db.operation.name", "db.query.text"],
            sometimes: ["db.collection.name", "db.namespace", "db.transaction.attempts", "error.type"]),
        SpanShape(
            signal: "Transaction", kind: .client, name: "`TRANSACTION`; its statements are below it",
            always: ["db.system.name", "db.operation.name", "db.transaction.outcome"],
            sometimes: ["db.namespace", "db.transaction.attempts", "error.type"]),
        SpanShape(
            signal: "Redis", kind: .client, name: "the command, and the script that it runs: `GET`, `EVALSHA cache.lease`, `PIPELINE`",
            always: ["db.system.name", "db.operation.name", "db.namespace", "server.address", "server.port"],
            sometimes: ["db.stored_procedure.name", "db.operation.batch.size", "db.response.status_code", "error.type"]),
        SpanShape(
            signal: "Saga", kind: .internal, name: "`saga order`, and each step of it: `order reserve`, `order reserve undo`", always: [],
            sometimes: ["shop.order.id", "saga.state", "saga.failure", "error.type"]),
    ]

    /// A span of a service, by its name.
    public struct SpanReference: Sendable, Hashable, CustomStringConvertible {
        public let service: String
        public let kind: SpanShape.Kind
        /// The span's name, or how it begins where it ends in `*`.
        public let name: String

        public init(_ service: String, _ kind: SpanShape.Kind, _ name: String) {
            self.service = service
            self.kind = kind
            self.name = name
        }

        public var description: String { "\(service) \(kind.rawValue) \(name)" }
    }

    /// `from` has `to` below it in the trace, directly or through other spans.
    public struct Edge: Sendable, Hashable {
        public let from: SpanReference
        public let to: SpanReference
    }

    /// What a user does, and the edges that its one trace must have.
    public struct Journey: Sendable {
        public let name: String
        public let title: String
        public let edges: [Edge]
        /// Spans that end in error. No other may.
        public let failing: [SpanReference]
    }
}
