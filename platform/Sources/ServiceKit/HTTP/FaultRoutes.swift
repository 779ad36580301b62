import Basics
import Chaos
public import HTTPPath
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Telemetry

/// Another service whose faults this one sets and clears for its operators.
public struct FaultPeer: Sendable {
    /// The service's name.
    public let service: String
    /// The way to it: a bare one. A circuit breaker between here and there would be opened by the very fault that is to be cleared.
    public let upstream: any Upstream

    public init(service: String, upstream: any Upstream) {
        self.service = service
        self.upstream = upstream
    }
}

extension Routes {
    /// Below this, operators act on the service itself. No fault meets it, so that what was switched on can be switched off.
    static let adminPrefix = "/api/v1/admin/"

    /// The rows of the routes that ``addFaults(_:peers:)`` adds.
    public static func faultAccess(_ access: Access) -> AccessTable {
        [
            "GET /api/v1/admin/faults": access, "POST /api/v1/admin/faults": access, "DELETE /api/v1/admin/faults": access,
            "DELETE /api/v1/admin/faults/{id}": access,
        ]
    }

    /// Sets, lists and clears the faults of this process, and of `peers`. Without `FAULTS_ENABLED` they answer 404 `faults_disabled`.
    public func addFaults(_ boot: Boot, peers: [FaultPeer] = []) {
        let control = FaultControl(boot: boot, routes: faultable.map(\.description), peers: peers)
        if let board = boot.faults { boot.telemetry?.metrics.observe(.faultActive) { Double(board.active) } }
        on("GET /api/v1/admin/faults") { request, _ in
            try request.noQuery()
            return try await control.list()
        }
        on("POST /api/v1/admin/faults") { request, context in
            try request.noQuery()
            return try await control.set(try await request.json(context, control.read), by: context.identity.actor)
        }
        on("DELETE /api/v1/admin/faults") { request, context in
            try request.noQuery()
            return try await control.clear(by: context.identity.actor)
        }
        on("DELETE /api/v1/admin/faults/{id}") { request, context in
            try request.noQuery()
            return try await control.clear(try context.identifier("id"), by: context.identity.actor)
        }
    }
}

/// What the routes do.
private struct FaultControl: Sendable {
    let boot: Boot
    /// Those that a fault may name.
    let routes: [String]
    let peers: [FaultPeer]

    private static let path = "/api/v1/admin/faults"

    private func board() throws(Problem) -> FaultBoard {
        guard let board = boot.faults else {
            throw Problem(404, "faults_disabled", "Faults are not enabled in this process: FAULTS_ENABLED=true.")
        }
        return board
    }

    // MARK: set

    enum Request: Sendable {
        case own(Fault.Specification)
        case peer(FaultPeer, ByteBuffer)
    }

    @Sendable func read(_ fields: Fields) -> Request {
        let names = [boot.service] + peers.map(\.service)
        let service = fields.optionalParsed("service", expected: "one of \(names.joined(separator: ", "))") { names.contains($0) ? $0 : nil }
        let specification = Fault.Specification(fields)
        if let peer = peers.first(where: { $0.service == service }) {
            return .peer(peer, JSONWriter.object { $0.specification(specification) })
        }
        if let route = specification.route, !routes.contains(route) {
            fields.report("route", "must be a route of \(boot.service), and not its health, documents or administration: \(routes.first ?? "none")")
        }
        return .own(specification)
    }

    func set(_ request: Request, by actor: String) async throws -> Response {
        switch request {
        case .own(let specification):
            let fault = try board().set(specification, by: actor)
            boot.logger.warning(
                "a fault was set",
                metadata: [
                    "fault": "\(fault.id)", "kind": "\(specification.kind)", "fault.route": "\(specification.route ?? "all")",
                    "percent": "\(specification.percent)", "ends_at": "\(fault.endsAt)", "by": "\(actor)",
                ])
            return .json(bytes: JSONWriter.bytes(Located(fault: fault, service: boot.service)), status: .created)
        case .peer(let peer, let body):
            _ = try board()
            let answer = try await peer.upstream.send(UpstreamRequest(.post, Self.path, headers: [.contentType: "application/json"], body: body))
            guard answer.status == 201 else { throw peer.problem(answer) }
            return .json(bytes: answer.body, status: .created)
        }
    }

    // MARK: list and clear

    func list() async throws -> Response {
        let own = try board().list()
        let answers = await ask(.get, Self.path)
        return .json(
            bytes: JSONWriter.object { json in
                json.field(
                    "items",
                    array: { json in
                        for fault in own { json.value(Located(fault: fault, service: boot.service)) }
                        for answer in answers { for item in answer.json?["items"]?.array ?? [] { json.value(item) } }
                    })
                json.field("unavailable", answers.filter { $0.json == nil }.map(\.service))
            })
    }

    func clear(by actor: String) async throws -> Response {
        let own = try board().clear()
        if own > 0 { boot.logger.warning("all faults were cleared", metadata: ["faults": "\(own)", "by": "\(actor)"]) }
        let answers = await ask(.delete, Self.path)
        return .json(
            bytes: JSONWriter.object { json in
                json.field("cleared", answers.reduce(own) { $0 + Int($1.json?["cleared"]?.integer ?? 0) })
                json.field("unavailable", answers.filter { $0.json == nil }.map(\.service))
            })
    }

    func clear(_ id: Identifier, by actor: String) async throws -> Response {
        if try board().clear(id) {
            boot.logger.warning("a fault was cleared", metadata: ["fault": "\(id)", "by": "\(actor)"])
            return .noContent()
        }
        let answers = await ask(.delete, "\(Self.path)/\(id)")
        if answers.contains(where: { $0.status == 204 }) { return .noContent() }
        // One that did not answer may have it.
        guard answers.allSatisfy({ $0.status == 404 }) else {
            throw Problem.unavailable("Not every service answered: \(answers.filter { $0.status != 404 }.map(\.service).joined(separator: ", ")).")
        }
        throw Problem.notFound("fault")
    }

    private struct Answer: Sendable {
        let service: String
        /// nil: none.
        var status: Int?
        /// Of a 200 only.
        var json: JSON?
    }

    /// In the peers' order.
    private func ask(_ method: HTTPRequest.Method, _ path: String) async -> [Answer] {
        await withTaskGroup(of: (Int, Answer).self) { group in
            for (index, peer) in peers.enumerated() {
                group.addTask {
                    var answer = Answer(service: peer.service)
                    if let response = try? await peer.upstream.send(UpstreamRequest(method, path)) {
                        answer.status = response.status
                        if response.status == 200 { answer.json = try? JSON.parse(response.body.readableBytesView) }
                    }
                    return (index, answer)
                }
            }
            var answers: [(Int, Answer)] = []
            for await answer in group { answers.append(answer) }
            return answers.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}

extension FaultPeer {
    /// A refusal of this service's own token is no affair of the caller's.
    fileprivate func problem(_ answer: UpstreamResponse) -> any Error {
        answer.status == 401 || answer.status == 403
            ? UpstreamError(.badAnswer, upstream: upstream.name, detail: "it refused this service's token") : Problem(answer)
    }
}

/// A fault and where it is.
private struct Located: JSONWritable {
    let fault: Fault
    let service: String

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.field("service", service)
            fault.writeMembers(to: &json)
        }
    }
}

extension JSONWriter {
    fileprivate mutating func specification(_ fault: Fault.Specification) {
        field("kind", fault.kind.rawValue)
        field("route", fault.route)
        field("latencyMs", fault.latency.milliseconds)
        if fault.kind == .error { field("status", fault.status) }
        field("percent", fault.percent)
        field("durationSeconds", Int(fault.duration.inSeconds))
        field("seed", Int64(fault.seed))
    }
}
