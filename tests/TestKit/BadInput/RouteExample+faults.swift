import Basics
import HTTPPath
import ServiceKit

extension RouteExample {
    /// The rows of the routes by which faults are set, for a service that has them.
    /// - Parameters:
    ///   - route: one that a fault may name.
    ///   - fault: the id of one that is in force.
    public static func faults(_ service: String, route: String, fault: String, caller: Caller) -> [RouteExample] {
        let draft: JSON = [
            "service": .string(service), "kind": "error", "route": .string(route), "latencyMs": 10, "status": 503, "percent": 50,
            "durationSeconds": 1, "seed": 7,
        ]
        return [
            RouteExample("GET /api/v1/admin/faults", caller: caller),
            RouteExample("POST /api/v1/admin/faults", body: draft, caller: caller),
            RouteExample("DELETE /api/v1/admin/faults", caller: caller),
            RouteExample("DELETE /api/v1/admin/faults/{id}", path: ["id": fault], caller: caller),
        ]
    }
}

extension RunningService {
    /// Sets a fault that meets nothing, to have one.
    public func setHarmlessFault(route: String, as caller: Caller) async throws -> String {
        let answer = try await client.post(
            "/api/v1/admin/faults", json: ["kind": "latency", "latencyMs": 1, "route": .string(route), "durationSeconds": 3600], as: caller
        ).expect(201)
        return answer.json["id"]?.string ?? ""
    }
}
