import HTTPTypes
import Synchronization
public import Telemetry
import Tracing

/// Measures one attempt at an upstream, from its first byte to the end of the answer's body: a client span, and a duration.
///
/// Ends once: with the answer, with the error that came instead, or, where somebody stops reading a stream, when that is let go.
final class UpstreamCall: Sendable {
    /// What tells the series of the metric apart.
    struct Key: Hashable, Sendable {
        let upstream: String
        let method: String
        let status: Int?
        let error: String?
    }

    static let durations = DurationSeries<Key>(.httpClientRequestDuration) { key in
        [
            ("upstream", key.upstream), ("http.request.method", key.method), ("http.response.status_code", key.status.map(String.init) ?? ""),
            ("error.type", key.error ?? ""),
        ]
    }

    /// The callee: constant for each upstream.
    struct Peer: Sendable {
        let name: String
        let baseURL: String
        let address: String
        let port: Int

        init(name: String, baseURL: String) {
            self.name = name
            self.baseURL = baseURL
            let isTLS = baseURL.hasPrefix("https://")
            let rest = baseURL.dropFirst(isTLS ? 8 : 7).prefix { $0 != "/" }
            let colon = rest.lastIndex(of: ":").flatMap { rest[$0...].contains("]") ? nil : $0 }
            address = String(rest[..<(colon ?? rest.endIndex)])
            port = colon.flatMap { Int(rest[rest.index(after: $0)...]) } ?? (isTLS ? 443 : 80)
        }
    }

    /// What the callee takes for its parent; nil outside of all traces.
    let identity: SpanContext?
    private let peer: Peer
    private let request: (method: HTTPRequest.Method, path: String, template: String?, resendCount: Int)
    private let parent: TraceSpan?
    private let begun = Ticks.now()
    private let hasEnded = Atomic<Bool>(false)

    init(_ peer: Peer, _ request: UpstreamRequest) {
        self.peer = peer
        self.request = (request.method, request.path, request.template, request.resendCount)
        parent = TraceSpan.current
        identity = parent?.childIdentity()
    }

    deinit { end(status: nil, error: UpstreamError(.cancelled, upstream: peer.name, detail: "the answer was not read to its end")) }

    func inject(into headers: inout HTTPFields) {
        if let identity, let parent { parent.tracer.propagation.inject(identity, into: &headers) }
    }

    /// - Parameter status: of the answer, also where its body broke off.
    func end(status: Int?, error: UpstreamError? = nil) {
        guard hasEnded.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else { return }
        let now = Ticks.now()
        let method = request.method.rawValue
        let failure = error?.code.rawValue ?? status.flatMap { $0 >= 400 ? String($0) : nil }
        Self.durations.record(nanoseconds: now - begun, Key(upstream: peer.name, method: method, status: status, error: failure))
        guard let parent, let identity else { return }
        // That somebody gave up says nothing of the callee.
        let isFault = failure != nil && error?.code != .cancelled
        parent.record(
            child: request.template.map { "\(method) \($0)" } ?? "\(method) \(peer.name)", kind: .client, id: identity.spanID, start: begun, end: now,
            attributes: attributes(method, status, isFault ? nil : failure),
            error: isFault ? failure.map { (type: $0, message: error?.description ?? "\(peer.name) answered \($0)") } : nil)
    }

    private func attributes(_ method: String, _ status: Int?, _ reason: String?) -> [Attribute] {
        var attributes: [Attribute] = []
        attributes.reserveCapacity(10)
        attributes.append(Attribute(.httpRequestMethod, method))
        if request.resendCount > 0 { attributes.append(Attribute(.httpResendCount, request.resendCount)) }
        attributes.append(Attribute(.peerService, peer.name))
        attributes.append(Attribute(.serverAddress, peer.address))
        attributes.append(Attribute(.serverPort, peer.port))
        attributes.append(Attribute(.urlFull, url))
        if let template = request.template { attributes.append(Attribute(.urlTemplate, template)) }
        if let status { attributes.append(Attribute(.httpStatus, status)) }
        if let reason { attributes.append(Attribute(.errorType, reason)) }
        return attributes
    }

    private var url: String {
        guard let mark = request.path.firstIndex(of: "?") else { return peer.baseURL + request.path }
        return "\(peer.baseURL)\(request.path[..<mark])?\(Redaction.standard.query(request.path[request.path.index(after: mark)...]))"
    }
}

extension AttributeKey {
    static let urlTemplate = AttributeKey("url.template")
    static let httpResendCount = AttributeKey("http.request.resend_count")
}

extension UpstreamError: SpanErrorDescribing {
    public var spanErrorType: String { code.rawValue }
    public var spanErrorMessage: String { description }
}

extension Problem: SpanErrorDescribing {
    public var spanErrorType: String { code }
    // Its sentence may name what the caller sent.
    public var spanErrorMessage: String { "\(status) \(code)" }
}
