import HTTPPath
import HTTPTypes
import ServiceKit
import TestKit

@testable import ConsoleService

/// Runs the real service, with a receiver on a free port.
func withConsole<T: Sendable>(settings: [String: String] = [:], _ body: (RunningService) async throws -> T) async throws -> T {
    let settings = ["CONSOLE_OTLP_PORT": "0"].merging(settings) { $1 }
    return try await withService(Console.definition, settings: settings) { try await body($0) }
}

extension TestClient {
    func export(_ body: [UInt8], to path: String = "/v1/traces", headers: HTTPFields = [:]) async throws -> Exchange {
        try await send("POST", path, headers: headers, body: body, contentType: "application/x-protobuf")
    }
}

extension Exchange {
    /// The code and message of a `google.rpc.Status`.
    var refusal: (code: UInt64?, message: String?) {
        var reader = ProtobufReader(body[...])
        var found: (UInt64?, String?) = (nil, nil)
        while let field = try? reader.next() {
            if field.number == 1 { found.0 = field.value.varint }
            if field.number == 2 { found.1 = field.value.string }
        }
        return found
    }
}
