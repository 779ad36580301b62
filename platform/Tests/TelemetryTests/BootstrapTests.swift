import Foundation
import Logging
import Metrics
import Telemetry
import Testing

@Suite struct BootstrapTests {
    // In a process of its own: swift-log and swift-metrics can be set up only once in each.
    @Test("after bootstrap, any logger writes to standard output and any metric is in the exposition")
    func bootstrap() async throws {
        let result = try await #require(processExitsWith: .success, observing: [\.standardOutputContent]) {
            let definition = MetricDefinition(name: "things.made", unit: .count("thing"), kind: .counter, description: "Things made.")
            let telemetry = Telemetry.bootstrap(
                TelemetryConfiguration(service: "maker", version: "9", environment: "test", variable: { _ in nil }),
                logFormat: .json, logLevel: .warning, definitions: [definition],
                metadataProvider: Logger.MetadataProvider { ["request_id": "r-1"] }
            )
            Logger(label: "quiet").info("not shown")
            await Telemetry.withLogMetadata(["correlation_id": "c-1"]) {
                Logger(label: "loud").warning("shown", metadata: ["password": "hunter2"])
            }
            Counter(label: "things.made").increment(by: 2)
            let text = telemetry.renderPrometheus()
            precondition(text.contains("# HELP things_made_total Things made.\n# TYPE things_made_total counter\nthings_made_total 2\n"), text)
            precondition(text.contains("telemetry_log_lines_dropped_total 0\n"), text)
        }
        let lines = result.standardOutputContent.split(separator: UInt8(ascii: "\n")).filter { $0.first == UInt8(ascii: "{") }
        #expect(lines.count == 1)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(lines.first ?? [])) as? [String: String])
        #expect(object["message"] == "shown")
        #expect(object["logger"] == "loud")
        #expect(object["service"] == "maker")
        #expect(object["version"] == "9")
        #expect(object["env"] == "test")
        #expect(object["correlation_id"] == "c-1")
        #expect(object["request_id"] == "r-1")
        #expect(object["password"] == "[redacted]")
    }
}
