import HTTPPath
import ServiceKit

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The composition root: everything of this service is made here, for `main` and for the tests alike.
enum Console {
    static let name = "console"

    static let definition = ServiceDefinition(
        name: name, port: 8090,
        settings: [SettingInfo(ConsoleSettings.receiverPort), SettingInfo(ConsoleSettings.maxSpans), SettingInfo(ConsoleSettings.maxBytes)],
        build: build)

    static func build(_ boot: Boot) async throws -> ServiceParts {
        let settings = boot.settings
        let store = TraceStore(
            TraceStore.Limits(spans: try settings(ConsoleSettings.maxSpans), bytes: try settings(ConsoleSettings.maxBytes)))
        let guardian = HostCheck(listeningOn: try settings(ServiceSettings.host))
        let routes = Routes(access: Routes.standardAccess.merging(access, uniquingKeysWith: { $1 }))
        PageRoutes(guardian: guardian).add(to: routes)
        TraceRoutes(store: store, guardian: guardian).add(to: routes)
        // A batch of 512 spans, as senders make them, is half a megabyte.
        ReceiverRoutes(store: store, guardian: guardian, limits: .init(bodyBytes: 4 << 20)).add(to: routes)
        var parts = try ServiceParts(routes: routes, boot: boot, openAPI: PackageResources.openapi_json, authorizer: try await .anonymousOnly())
        parts.furtherPorts = [try settings(ConsoleSettings.receiverPort)]
        return parts
    }

    /// A receiver that sent its own telemetry to itself would have more to say with each time it said something.
    /// Its metrics stay to be read on `/metrics`.
    static func keepOwnTelemetryOut() {
        for variable in ["OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"] { setenv(variable, "none", 1) }
    }
}

/// What can be configured besides what every service has.
enum ConsoleSettings {
    static let receiverPort = Setting<Int>.integer(
        "console.otlp.port", default: 4318, in: 0...65535,
        help: "Port on which OTLP over HTTP is received; 4318 is where senders look for it. 0 takes a free one.")
    static let maxSpans = Setting<Int>.integer(
        "console.max.spans", default: 20_000, in: 100...10_000_000, unit: "spans",
        help: "Spans kept in memory; beyond it the oldest traces go. Some two thousand orders.")
    static let maxBytes = Setting<Int>.integer(
        "console.max.bytes", default: 16 << 20, in: (1 << 20)...(16 << 30), unit: "bytes",
        help: "Memory that the spans may take; beyond it the oldest traces go. With 16 MiB the whole shop stays below 150 MB.")
}
