public import Basics
import HTTPTypes
public import ServiceKit
import Testing

/// Sends every route of a service every kind of bad input, and records an issue for each answer that is not the documented 4xx with
/// its pointer, for each row that came or went, for each route without a row in the table and for each cell left out without a reason.
///
/// Each example is then sent unspoilt to a fresh service and must succeed: a matrix made from a request that never worked proves nothing.
///
/// - Parameter examples: the table: one example for each registered route besides the standard ones (which have theirs here already);
///   may create what the examples name. Called once for each route, each time with a fresh service.
@discardableResult
public func checkBadInput(
    _ definition: ServiceDefinition, settings: [String: String] = [:], sources: Sources = .system,
    examples: (RunningService) async throws -> [RouteExample]
) async throws -> BadInputReport {
    try await checkBadInput { use in
        try await withService(definition, settings: badInputSettings.merging(settings) { $1 }, sources: sources, store: .files) { service in
            try await use(BadInputTarget(service, examples: try await examples(service)))
        }
    }
}

/// What a service needs to be a target of the matrix: a bound on bodies that is quick to exceed, and routes that are all switched on.
public let badInputSettings = ["HTTP_MAX_BODY_BYTES": "262144", "FAULTS_ENABLED": "true"]

/// As above, for a service that needs others.
/// - Parameter start: starts everything (with `store: .files` and ``badInputSettings``), calls `use` and stops everything again.
@discardableResult
public func checkBadInput(_ start: (_ use: (BadInputTarget) async throws -> Void) async throws -> Void) async throws -> BadInputReport {
    let report = try await badInputReport(start)
    for finding in report.findings { Issue.record("bad input: \(finding)") }
    return report
}

/// The matrix itself, without recording issues: so that a test can show that it finds something.
public func badInputReport(_ start: (_ use: (BadInputTarget) async throws -> Void) async throws -> Void) async throws -> BadInputReport {
    var report = BadInputReport()
    var examples = 0
    try await start { target in
        examples = target.examples.count
        report = try await BadInputReport(spoiling: target)
    }
    for index in 0..<examples {
        try await start { target in
            let example = target.examples[index]
            let exchange = try await target.service.client.send(
                example.key.method.rawValue, example.target(), as: example.caller, headers: example.headers, body: example.bytes,
                contentType: example.contentType)
            if !(200..<400).contains(exchange.status) {
                report.findings.append("\(example.key): the unspoilt example is answered \(exchange.status): \(exchange.text.prefix(500))")
            }
        }
    }
    return report
}
