public import Basics
public import Chaos
import HTTPPath
public import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
import Resilience
public import ServiceLifecycle
public import Telemetry

/// What a service is built from: its composition root gets these and makes everything else of them.
public struct Boot: Sendable {
    /// The service's name.
    public let service: String
    public let settings: Settings
    public let logger: Logger
    public let sources: Sources
    public let readiness: Readiness
    /// nil in a test that looks at no metrics.
    public let telemetry: Telemetry?
    /// What is broken on purpose in this process; nil where that is not allowed.
    public let faults: FaultBoard?

    public init(
        service: String, settings: Settings, logger: Logger, sources: Sources = .system, readiness: Readiness = Readiness(),
        telemetry: Telemetry? = nil
    ) {
        self.service = service
        self.settings = settings
        self.logger = logger
        self.sources = sources
        self.readiness = readiness
        self.telemetry = telemetry
        // A value that cannot be read is told by whoever checks the settings before this.
        faults = (try? settings(ServiceSettings.faultsEnabled)) == true ? FaultBoard(sources: sources) : nil
    }
}

/// What a composition root makes.
public struct ServiceParts: Sendable {
    public var routes: [Routes.Entry]
    public var authorizer: Authorizer
    public var health: [HealthCheck]
    /// Who is let in how often.
    public var door: DoorPolicy
    /// Work besides the requests; stopped before the listener's resources are closed.
    public var background: [any Service]
    /// Which web pages of other origins may call; nil: none.
    public var crossOrigin: CrossOrigin?
    /// Ports besides `HTTP_PORT` that answer the same routes, such as one that a protocol has as its own; 0 takes a free one.
    public var furtherPorts: [Int] = []
    /// Runs last, when nothing uses the parts any more.
    public var close: @Sendable () async -> Void

    public init(
        routes: Routes, boot: Boot, openAPI: [UInt8], authorizer: Authorizer, health: [HealthCheck] = [],
        door: DoorPolicy = DoorPolicy(), background: [any Service] = [], crossOrigin: CrossOrigin? = nil,
        close: @escaping @Sendable () async -> Void = {}
    ) throws {
        routes.addStandard(boot, health: health, openAPI: openAPI)
        try routes.check()
        self.routes = routes.entries
        self.authorizer = authorizer
        self.health = health
        self.door = door
        self.background = background
        self.crossOrigin = crossOrigin
        self.close = close
    }
}

/// A service, described: what `main` runs, and what tests build with other settings.
public struct ServiceDefinition: Sendable {
    public let name: String
    public let port: Int
    /// Its settings besides those that every service has.
    public let settings: [SettingInfo]
    /// Its metrics besides those that every service has.
    public let metrics: [MetricDefinition]
    public let build: @Sendable (Boot) async throws -> ServiceParts

    public init(
        name: String, port: Int, settings: [SettingInfo] = [], metrics: [MetricDefinition] = [],
        build: @escaping @Sendable (Boot) async throws -> ServiceParts
    ) {
        self.metrics = metrics
        self.name = name
        self.port = port
        self.settings = settings
        self.build = build
    }

    public var allSettings: [SettingInfo] { ServiceSettings.all(port: port) + TelemetrySettings.all + settings }

    /// The server that answers for these parts.
    /// - Parameter furtherPort: the port to listen on, if it is not the service's own.
    public func application(
        _ boot: Boot, _ parts: ServiceParts, furtherPort: Int? = nil, onServerRunning: @escaping @Sendable (any Channel) async -> Void = { _ in }
    ) throws -> Application<RouterResponder<ServiceContext>> {
        let settings = boot.settings
        let securityHeaders = SecurityHeaders(strictTransportSeconds: try settings(ServiceSettings.strictTransport))
        let pipeline = Pipeline(
            routes: parts.routes, authorizer: parts.authorizer, logger: boot.logger, readiness: boot.readiness, faults: boot.faults,
            limits: Pipeline.Limits(
                maxBodyBytes: try settings(ServiceSettings.maxBody), requestTimeout: try settings(ServiceSettings.requestTimeout)),
            door: Door(policy: parts.door, shedder: LoadShedder(try ServiceSettings.shedding(settings))),
            securityHeaders: securityHeaders, crossOrigin: parts.crossOrigin, tracer: boot.telemetry?.tracer ?? .off)
        let router = Router(context: ServiceContext.self)
        router.add(middleware: pipeline)
        for entry in parts.routes {
            // The pipeline calls the route's handler itself; the router only finds it.
            for method in entry.key.method == .get ? [HTTPRequest.Method.get, .head] : [entry.key.method] {
                router.on(RouterPath(entry.key.path), method: method) { _, _ in Response(status: .internalServerError) }
            }
        }
        let headerBytes = try settings(ServiceSettings.maxHeaders)
        let idle = try settings(ServiceSettings.idleTimeout)
        let channel = HTTP1Channel.Configuration(
            idleTimeout: .microseconds(idle.microseconds),
            httpDecoderConfiguration: .init(maxHeaderFieldSize: headerBytes, maxHeaderListSize: headerBytes, maxHeaderFieldCount: 100))
        let refusals = Refusals(headers: securityHeaders, logger: boot.logger)
        var application = Application(
            router: router,
            server: HTTPServerBuilder { responder in
                GuardedChannel(inner: HTTP1Channel(responder: responder, configuration: channel), refusals: refusals)
            },
            configuration: ApplicationConfiguration(
                address: .hostname(try settings(ServiceSettings.host), port: try furtherPort ?? settings(ServiceSettings.port(port))),
                availableConnectionsDelegate: .maximum(try settings(ServiceSettings.maxConnections), logger: boot.logger)),
            onServerRunning: onServerRunning,
            logger: boot.logger)
        // The library's own news; requests are logged by the pipeline.
        application.logger.logLevel = max(boot.logger.logLevel, .notice)
        return application
    }
}
