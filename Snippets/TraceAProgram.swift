// Traces, metrics and logs of a program, from one line at its start.

import Logging
import Metrics
import Telemetry
import Tracing

// snippet.hide
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif
// snippet.show

// A metric is declared before it is used: its unit, and the values that its labels may have, so that no series comes by accident.
extension MetricDefinition {
    static let parcels = MetricDefinition(
        name: "depot.parcels", unit: .count("parcel"), kind: .counter, description: "Parcels that left the depot.",
        attributes: [.oneOf("outcome", "delivered", "returned")])
}

// OTEL_* and DD_* are read from the environment; without any of them nothing leaves the process.
let telemetry = Telemetry.bootstrap(
    TelemetryConfiguration(service: "depot", version: "1.0.0", variable: { name in getenv(name).map { String(cString: $0) } }),
    definitions: [.parcels])

withSpan("deliver") { span in
    span.attributes["depot.route"] = "north"
    Counter(label: MetricDefinition.parcels.name, dimensions: [("outcome", "delivered")]).increment()
    // The line carries the ids of the span.
    Logger(label: "depot").info("delivered")
}

print(telemetry.renderOpenMetrics())
// What waits is sent first.
await telemetry.shutdown(within: .seconds(2))
