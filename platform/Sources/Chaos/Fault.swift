public import Basics
public import HTTPPath

/// Something that goes wrong on purpose, as data: where, what, how often and for how long.
///
/// It is set in one process and known there only: with several replicas behind one address, the one that answered has it.
public struct Fault: Hashable, Sendable {
    public let id: Identifier
    public let specification: Specification
    public let setAt: Timestamp
    public let endsAt: Timestamp
    /// Who set it.
    public let setBy: String
    /// Requests that it has met so far.
    public let injections: Int

    public enum Kind: String, CaseIterable, Sendable {
        /// The request waits first, and is then served.
        case latency
        /// The request is answered with a 5xx instead of being served.
        case error
    }

    /// What whoever sets a fault says of it.
    public struct Specification: Hashable, Sendable {
        public let kind: Kind
        /// Method and path template as in OpenAPI, such as `GET /api/v1/things/{id}`; nil: every route that is not exempt.
        public let route: String?
        /// How long a request waits before it is served, or refused.
        public let latency: Duration
        /// The 5xx of an error: 500, 502, 503 or 504.
        public let status: Int
        /// Of a hundred requests, so many, 1...100; which ones is decided by ``seed``.
        public let percent: Int
        /// It ends by itself after this, 1 s to an hour: what is forgotten does not stay.
        public let duration: Duration
        /// The same seed meets the same requests of a sequence.
        public let seed: UInt64

        public init(
            _ kind: Kind, route: String? = nil, latency: Duration? = nil, status: Int = 503, percent: Int = 100, duration: Duration = .seconds(60),
            seed: UInt64 = 1
        ) {
            self.kind = kind
            self.route = route
            self.latency = latency ?? (kind == .latency ? .seconds(1) : .zero)
            self.status = status
            self.percent = percent
            self.duration = duration
            self.seed = seed
        }
    }
}

extension Fault.Specification: JSONReadable {
    /// A minute is far beyond every deadline of a request.
    static let longestLatency: Int64 = 60_000
    static let longestDuration: Int64 = 3600
    static let statuses: [Int64] = [500, 502, 503, 504]

    public init(_ fields: Fields) {
        let kind = fields.choice("kind", Fault.Kind.self)
        let route = fields.optionalString("route")
        let latency = fields.optionalInteger("latencyMs", (kind == .latency ? 1 : 0)...Self.longestLatency)
        let status = fields.optionalInteger("status", 500...504)
        if let status, kind == .latency || !Self.statuses.contains(status) {
            fields.report("status", kind == .latency ? "is for the kind error" : "must be 500, 502, 503 or 504")
        }
        let percent = fields.optionalInteger("percent", 1...100)
        let duration = fields.optionalInteger("durationSeconds", 1...Self.longestDuration)
        // What every JSON reader holds exactly.
        let seed = fields.optionalInteger("seed", 0...9_007_199_254_740_991)
        self.init(
            kind, route: route, latency: latency.map { .milliseconds($0) }, status: Int(status ?? 503), percent: Int(percent ?? 100),
            duration: .seconds(duration ?? 60), seed: UInt64(seed ?? 1))
    }
}

extension Fault: JSONWritable {
    public func write(to json: inout JSONWriter) { json.object { writeMembers(to: &$0) } }

    /// The members without the braces, for whoever adds some.
    public func writeMembers(to json: inout JSONWriter) {
        json.field("id", id)
        json.field("kind", specification.kind.rawValue)
        json.field("route", specification.route)
        json.field("latencyMs", Int(specification.latency.milliseconds))
        if specification.kind == .error { json.field("status", specification.status) }
        json.field("percent", specification.percent)
        json.field("durationSeconds", Int(specification.duration.inSeconds))
        json.field("seed", Int64(specification.seed))
        json.field("setAt", setAt)
        json.field("endsAt", endsAt)
        json.field("setBy", setBy)
        json.field("injections", injections)
    }
}
