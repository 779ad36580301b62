extension Telemetry {
    /// Who emits: the same on every log record, span and point.
    public struct Resource: Sendable, Hashable {
        /// OpenTelemetry's `service.name`, Datadog's `service`.
        public var service: String
        /// OpenTelemetry's `service.version`, Datadog's `version`.
        public var version: String
        /// OpenTelemetry's `deployment.environment.name`, Datadog's `env`.
        public var environment: String
        /// What else is known: host, process, container, Kubernetes, and what the configuration adds.
        public var extra: [String: String]

        public init(service: String, version: String, environment: String, extra: [String: String] = [:]) {
            self.service = service
            self.version = version
            self.environment = environment
            self.extra = extra
        }

        /// By name; as they are exported.
        var attributes: [(String, AttributeValue)] {
            let own = ["service.name": service, "service.version": version, "deployment.environment.name": environment]
            return extra.merging(own) { $1 }.sorted { $0.key < $1.key }.map { key, value in
                // The conventions want a number here.
                (key, key == "process.pid" ? Int64(value).map { .int($0) } ?? .string(value) : .string(value))
            }
        }
    }

    /// The version of this library in what it exports.
    static let libraryVersion = "0.1.0"
}
