import HTTPPath
import HTTPTypes
import Hummingbird
import Metrics
import Synchronization
import Telemetry
import Tracing

/// Measures one request, from its head to the last byte of its answer: a server span, a duration, and that it is being served.
final class ServerCall: Sendable {
    /// What tells the series of the metric apart.
    private struct Key: Hashable, Sendable {
        let method: HTTPRequest.Method
        let route: String
        let status: Int
    }

    private static let durations = DurationSeries<Key>(.httpServerRequestDuration) { key in
        [
            ("http.request.method", key.method.rawValue), ("http.route", key.route), ("http.response.status_code", String(key.status)),
            ("error.type", key.status >= 500 ? String(key.status) : ""),
        ]
    }

    /// The methods that a metric may name; a caller can invent others.
    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]
    private static let other = HTTPRequest.Method("_OTHER")!

    let span: TraceSpan
    let begun = Ticks.now()
    private let request: Request
    private let route: String
    private let method: HTTPRequest.Method
    private let hasEnded = Atomic<Bool>(false)
    private let active: ActiveRequests

    /// - Parameter route: nil where there is no such route.
    init(_ request: Request, _ route: Pipeline.Served?, _ tracer: TelemetryTracer, _ active: ActiveRequests) {
        self.request = request
        self.active = active
        self.route = route?.entry.key.path ?? "unknown"
        method = Self.methods.contains(request.method) ? request.method : Self.other
        let (remote, carried) = tracer.propagation.extract(request.headers)
        span = tracer.begin(
            route?.name ?? method.rawValue, kind: .server, continuing: remote, carried: carried, wanted: route?.isTraced ?? true, start: begun)
        active.add(1, method)
    }

    deinit { end(status: 499, error: nil) }

    /// Ends once. A 5xx marks the span as failed, thrown or returned.
    func end(status: Int, error: (any Error)?) {
        guard hasEnded.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else { return }
        let now = Ticks.now()
        active.add(-1, method)
        Self.durations.record(nanoseconds: now - begun, Key(method: method, route: route, status: status))
        guard span.isRecording else { return }
        let failure = status < 500 ? nil : (error.map(Self.describe) ?? (type: String(status), message: "answered \(status)"))
        span.end(time: now, attributes: attributes(status), error: failure)
    }

    private static func describe(_ error: any Error) -> (type: String, message: String) {
        guard let error = error as? any SpanErrorDescribing else { return (String(reflecting: type(of: error)), "an error nobody expected") }
        return (error.spanErrorType, error.spanErrorMessage)
    }

    private func attributes(_ status: Int) -> [Attribute] {
        var attributes: [Attribute] = []
        attributes.reserveCapacity(9)
        attributes.append(Attribute(.httpRequestMethod, method.rawValue))
        attributes.append(Attribute(.urlScheme, "http"))
        attributes.append(Attribute(.urlPath, request.uri.path))
        if let query = request.uri.query { attributes.append(Attribute(.urlQuery, Redaction.standard.query(query))) }
        if route != "unknown" { attributes.append(Attribute(.httpRoute, route)) }
        attributes.append(Attribute(.httpStatus, status))
        if let agent = request.headers[.userAgent] { attributes.append(Attribute(.userAgent, agent)) }
        return attributes
    }
}

/// Requests being served, by method.
final class ActiveRequests: Sendable {
    private let meters = Mutex<[HTTPRequest.Method: Meter]>([:])

    func add(_ amount: Int, _ method: HTTPRequest.Method) {
        let meter = meters.withLock { meters in
            if let meter = meters[method] { return meter }
            let meter = Meter(label: MetricDefinition.httpServerActiveRequests.name, dimensions: [("http.request.method", method.rawValue)])
            meters[method] = meter
            return meter
        }
        if amount > 0 { meter.increment(by: Double(amount)) } else { meter.decrement(by: Double(-amount)) }
    }
}

extension ResponseBody {
    /// The same body; `end` is called when it has been written, or could not be.
    func ending(_ end: @escaping @Sendable ((any Error)?) -> Void) -> ResponseBody {
        let body = self
        return ResponseBody(contentLength: contentLength) { writer in
            do {
                try await body.write(writer)
                end(nil)
            } catch {
                end(error)
                throw error
            }
        }
    }
}
