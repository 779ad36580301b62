import Basics
import Database
import HTTPPath
import HTTPTypes
import Hummingbird
import Resilience
import ServiceKit
import Telemetry
import TestKit

/// A service whose handlers show what the pipeline did to a request.
struct ProbeService {
    let gate = Gate()
    var health: [HealthCheck] = []
    var door = DoorPolicy()
    /// Origins whose pages may call.
    var crossOrigin: String?

    struct Secretive: Error, CustomStringConvertible {
        let description = "password=hunter2"
    }

    static let access: AccessTable = Routes.standardAccess.merging([
        "GET /api/v1/gate": .anyone, "GET /api/v1/gate/stream": .anyone, "GET /api/v1/who": .anyone, "POST /api/v1/things": .anyone,
        "GET /api/v1/things/{id}": .member, "PUT /api/v1/things/{id}": .operator, "GET /api/v1/secretive": .anyone,
        "GET /api/v1/uncaught/{code}": .anyone,
    ]) { $1 }

    var definition: ServiceDefinition {
        let (gate, health, crossOrigin, door) = (gate, health, crossOrigin, door)
        return ServiceDefinition(name: "probe-service", port: 8097) { boot in
            let routes = Routes(access: Self.access)
            routes.on("GET /api/v1/gate") { _, _ in
                try await gate.pass()
                return .noContent()
            }
            routes.on("GET /api/v1/gate/stream", kind: .streaming) { _, _ in
                try await gate.pass()
                return .noContent()
            }
            routes.on("GET /api/v1/who") { _, context in
                .json(
                    bytes: JSONWriter.object { json in
                        json.field("role", context.identity.role.rawValue)
                        json.field("subject", context.identity.subject)
                        json.field("actor", context.identity.actor)
                        json.field("correlationId", CallContext.current?.correlationID)
                        json.field("traceId", TraceSpan.current?.identity.traceID.description)
                        json.field("onBehalfOf", CallContext.current?.subject)
                        json.field("remainingMs", Deadline.current?.remaining.milliseconds)
                    })
            }
            routes.on("POST /api/v1/things") { request, context in
                let name = try await request.json(context) { $0.string("name") }
                return .json(name, status: .created)
            }
            routes.on("GET /api/v1/things/{id}") { _, context in .json(try context.path("id")) }
            routes.on("PUT /api/v1/things/{id}") { _, _ in .noContent() }
            routes.on("GET /api/v1/secretive") { _, _ in throw Secretive() }
            routes.on("GET /api/v1/uncaught/{code}") { _, context in
                switch try context.path("code") {
                case "cancelled": throw CancellationError()
                case "deadline": throw DeadlineExceeded()
                case "http": throw HTTPError(.init(code: 418), message: "hunter2")
                default: throw Secretive()
                }
            }
            let keys = LocalKeys(folder: try boot.settings(ServiceSettings.keysDirectory))
            return try ServiceParts(
                routes: routes, boot: boot, openAPI: Array(parcelDocument.utf8),
                authorizer: try await Authorizer(
                    jwks: keys.jwks(.users), issuer: try boot.settings(ServiceSettings.issuer), audience: boot.service, roles: [.member, .operator],
                    sources: boot.sources),
                health: health, door: door, crossOrigin: crossOrigin.map { origins throws(ConfigurationError) in try CrossOrigin(origins) })
        }
    }
}
