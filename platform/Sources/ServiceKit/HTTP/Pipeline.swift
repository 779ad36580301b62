import Basics
import Chaos
import HTTPPath
import HTTPTypes
import Hummingbird
import Logging
import Metrics
import NIOCore
import Resilience
import Telemetry
import Tracing

/// What surrounds every handler, outermost first: trace, correlation, log and metrics → errors become problems → admission → deadline →
/// who may call → a fault set on purpose, if there is one → the handler.
struct Pipeline: RouterMiddleware {
    /// A route with what is the same for each of its requests.
    struct Served: Sendable {
        let entry: Routes.Entry
        /// `GET /api/v1/things/{id}`: the name of its spans.
        let name: String
        /// False for what is asked every few seconds by machines: no trace begins there, but a caller's own goes on.
        let isTraced: Bool

        /// Those of OTLP too: spans of taking spans would have no end.
        private static let quiet: Set = ["/metrics", "/v1/traces", "/v1/metrics", "/v1/logs"]

        init(_ entry: Routes.Entry) {
            self.entry = entry
            name = entry.key.description
            isTraced = !entry.key.path.hasPrefix("/health") && !Self.quiet.contains(entry.key.path)
        }
    }

    let routes: [RouteKey: Served]
    let authorizer: Authorizer
    let logger: Logger
    let readiness: Readiness
    let limits: Limits
    /// nil where nothing may be broken on purpose.
    let faults: FaultBoard?
    let door: Door
    let securityHeaders: SecurityHeaders
    /// nil where no web page of another origin may call.
    let crossOrigin: CrossOrigin?
    /// The paths without a parameter.
    private let writtenOut: Set<String>
    let tracer: TelemetryTracer
    private let active = ActiveRequests()

    struct Limits: Sendable {
        var maxBodyBytes: Int
        var requestTimeout: Duration
    }

    init(
        routes: [Routes.Entry], authorizer: Authorizer, logger: Logger, readiness: Readiness, faults: FaultBoard? = nil, limits: Limits, door: Door,
        securityHeaders: SecurityHeaders, crossOrigin: CrossOrigin?, tracer: TelemetryTracer = .off
    ) {
        self.routes = Dictionary(uniqueKeysWithValues: routes.map { ($0.key, Served($0)) })
        self.tracer = tracer
        writtenOut = Set(routes.map(\.key.path).filter { !$0.contains("{") })
        self.authorizer = authorizer
        self.logger = logger
        self.readiness = readiness
        self.faults = faults
        self.limits = limits
        self.door = door
        self.securityHeaders = securityHeaders
        self.crossOrigin = crossOrigin
    }

    func handle(_ request: Request, context: ServiceContext, next: (Request, ServiceContext) async throws -> Response) async throws -> Response {
        // HEAD is answered as GET is, without the body.
        let isHead = request.method == .head
        let served = context.endpointPath.flatMap { path in
            // A path that is written out in the table is never meant by a template: `/things/import` is no thing.
            path == request.uri.path || !writtenOut.contains(request.uri.path) ? routes[RouteKey(isHead ? .get : request.method, path)] : nil
        }
        let measured = ServerCall(request, served, tracer, active)
        let call = CallContext(continuing: request.headers, traceID: measured.span.identity.traceID)
        return await InstrumentationContext.$current.withValue(measured.span.context) {
            await CallContext.$current.withValue(call) {
                var context = context
                context.call = call
                context.traceID = measured.span.identity.traceID.description
                context.maxBodyBytes = limits.maxBodyBytes
                context.logger = logger
                let client = context.remoteAddress.flatMap { IPAddress($0) }.map {
                    door.policy.trustedProxies.client(peer: $0, forwarded: request.headers[values: .forwardedFor])
                }
                context.clientAddress = client?.description
                let visit = door.visit(served?.entry.key)
                defer { visit.leave() }
                return await answer(request, served, visit, client, context, measured, next)
            }
        }
    }

    private func answer(
        _ request: Request, _ served: Served?, _ visit: Door.Visit, _ client: IPAddress?, _ context: ServiceContext, _ measured: ServerCall,
        _ next: (Request, ServiceContext) async throws -> Response
    ) async -> Response {
        let isHead = request.method == .head
        let route = served?.entry
        var failure: (any Error)?
        var response: Response
        do {
            try await door.knock(visit, client: client, hasToken: request.headers[.authorization] != nil)
            response = try await admit(request, route, visit, context, next)
        } catch {
            failure = error
            let problem = Problem(mapping: error)
            response = .problem(problem, traceID: context.traceID)
            if problem.status == 405 { response.headers[.allow] = allowed(request.uri.path) }
        }
        response.headers[.correlationID] = context.call.correlationID
        visit.describe(in: &response.headers)
        securityHeaders.add(to: &response.headers)
        crossOrigin?.add(to: &response.headers, answering: request)
        // Callers leave by themselves, between two requests, before the listener cuts the connections that are left.
        if readiness.state == .draining { response.headers[.connection] = "close" }
        report(request, route, response, failure, measured, context)
        if isHead {
            let length = response.headers[.contentLength]
            response.body = ResponseBody()
            response.headers[.contentLength] = length
        }
        let status = response.status.code
        if route?.kind == .streaming || (response.body.contentLength == nil && !isHead) {
            // What is streamed ends with its last byte, which is later.
            let thrown = failure
            response.body = response.body.ending { measured.end(status: status, error: $0 ?? thrown) }
        } else {
            measured.end(status: status, error: failure)
        }
        return response
    }

    private func admit(
        _ request: Request, _ route: Routes.Entry?, _ visit: Door.Visit, _ context: ServiceContext,
        _ next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        guard let route else {
            let methods = allowed(request.uri.path)
            if let answer = crossOrigin?.preflight(request, methods: methods) { return answer }
            guard methods.isEmpty else {
                throw Problem(405, "method_not_allowed", "That path does not take \(request.method.rawValue.prefix(20)).")
            }
            throw Problem(404, "route_not_found", "There is no such path here; /docs lists them all.")
        }
        let timeAsked = try timeAsked(request)
        let deadline = Deadline.after(min(timeAsked ?? limits.requestTimeout, limits.requestTimeout))
        return try await Deadline.with(deadline) {
            var context = context
            context.identity = try await authorizer.identify(request.headers)
            try await door.recognise(context.identity, visit, hasToken: request.headers[.authorization] != nil)
            guard route.access.contains(context.identity.role) else {
                throw context.identity.role == .anonymous
                    ? Problem(401, "unauthenticated", "Send a bearer token.", errors: [FieldError(pointer: "Authorization", detail: "is required")])
                    : Problem(403, "forbidden", "The role \(context.identity.role.rawValue) may not do that.")
            }
            if var call = CallContext.current {
                call.subject = context.identity.role == .service ? context.identity.onBehalfOf : context.identity.subject
                if call.subject?.isEmpty == true { call.subject = nil }
                context.call = call
            }
            let admitted = context
            if let faults { try await suffer(faults, route, deadline) }
            return try await CallContext.$current.withValue(admitted.call) {
                switch route.kind {
                case .plain: try await withTimeout(deadline.remaining) { try await route.handler(request, admitted) }
                case .streaming:
                    try await Deadline.none {
                        guard let timeAsked else { return try await route.handler(request, admitted) }
                        return try await withTimeout(timeAsked) { try await route.handler(request, admitted) }
                    }
                }
            }
        }
    }

    /// What was set on purpose happens here, where a slow or broken handler would have it happen: under the deadline, seen by metrics and log.
    private func suffer(_ faults: FaultBoard, _ route: Routes.Entry, _ deadline: Deadline) async throws {
        guard route.isFaultable, let effect = faults.effect(on: route.key.description) else { return }
        TraceSpan.current?.addEvent(SpanRecord.Event("fault", attributes: [Attribute("fault.kind", effect.kind.rawValue)]))
        Counter(label: "fault.injections", dimensions: [("fault.kind", effect.kind.rawValue)]).increment()
        if effect.latency > .zero {
            try await Task.sleep(for: min(effect.latency, deadline.remaining))
            try Deadline.check()
        }
        if let problem = effect.problem { throw problem }
    }

    /// How long the caller still waits, as it says; nil where it says nothing. An hour at most, so that no sum overflows.
    private func timeAsked(_ request: Request) throws(Problem) -> Duration? {
        guard let text = request.headers[.requestTimeout] else { return nil }
        guard let milliseconds = Int64(text), milliseconds >= 1 else {
            throw .invalidParameter("X-Request-Timeout-Ms", "must be a whole number of milliseconds, at least 1")
        }
        return .milliseconds(min(milliseconds, 3_600_000))
    }

    /// The methods that a path takes, for `Allow`.
    private func allowed(_ path: String) -> String {
        let keys = writtenOut.contains(path) ? routes.keys.filter { $0.path == path } : routes.keys.filter { $0.matches(path) }
        return Set(keys.map(\.method.rawValue)).sorted().joined(separator: ", ")
    }

    private func report(
        _ request: Request, _ route: Routes.Entry?, _ response: Response, _ failure: (any Error)?, _ measured: ServerCall,
        _ context: ServiceContext
    ) {
        let path = route?.key.path ?? "unknown"
        let status = response.status.code
        let level: Logger.Level = status >= 500 ? .error : path.hasPrefix("/health") || path == "/metrics" ? .debug : .info
        guard level >= context.logger.logLevel else { return }
        var metadata: Logger.Metadata = [
            "http.method": "\(request.method.rawValue)", "http.route": "\(path)", "http.status": .stringConvertible(status),
            "duration_ms": .stringConvertible(Double((Ticks.now() - measured.begun) / 1000) / 1000),
        ]
        if status >= 500, let failure { metadata["error"] = "\(Problem.describe(failure))" }
        context.logger.log(level: level, "request", metadata: metadata)
    }
}
