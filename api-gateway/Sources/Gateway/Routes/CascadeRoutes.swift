import HTTPPath
import Hummingbird
import ServiceKit

extension Routes {
    func addCascade(_ cascade: Cascade) {
        on("GET /health/cascade") { request, _ in
            let mode = try request.query { $0.choice("failure_mode", Cascade.FailureMode.self) }
            return .json(bytes: try await cascade.run(mode ?? .random))
        }
    }
}
