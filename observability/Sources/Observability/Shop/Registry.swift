import HTTPPath
import ShopTelemetry
import Telemetry

/// The registry as data: for the tests that hold the running services, the dashboards and the rules against it, in another language.
enum Registry {
    static func json() -> JSON {
        .members([
            "services": .array(
                TelemetryContract.services.map { emitter in
                    .members(["name": .string(emitter.name), "metrics": .strings(emitter.metrics.map(\.name))])
                }),
            "metrics": .array(TelemetryContract.metrics.map(metric)),
            "journeys": .array(TelemetryContract.journeys.map(journey)),
            "resourceTags": .strings(DatadogMetrics.resourceTags),
            "alerts": .array(
                Alerts.all.map { .members(["name": .string($0.name), "proof": proof($0.proof), "runbook": .string($0.runbook)]) }
                    + ServiceLevels.all.flatMap { level in
                        ServiceLevel.burns.map {
                            .members(["name": .string(level.alertName($0)), "proof": proof(level.proof), "runbook": .string(level.runbook)])
                        }
                    }),
        ])
    }

    private static func journey(_ journey: TelemetryContract.Journey) -> JSON {
        func span(_ span: TelemetryContract.SpanReference) -> JSON {
            .members(["service": .string(span.service), "kind": .string(span.kind.rawValue), "name": .string(span.name)])
        }
        return .members([
            "name": .string(journey.name), "edges": .array(journey.edges.map { .members(["from": span($0.from), "to": span($0.to)]) }),
            "failing": .array(journey.failing.map(span)),
        ])
    }

    private static func metric(_ definition: MetricDefinition) -> JSON {
        .members([
            "name": .string(definition.name), "kind": .string(definition.kind.rawValue), "unit": .string(definition.unit.symbol),
            "prometheus": .string(definition.prometheusName), "datadog": .string(DatadogName.metric(definition)),
            "datadogType": .string(DatadogName.kind(definition).rawValue),
            "attributes": .array(
                definition.attributes.map { attribute in
                    var values: JSON?
                    if case .oneOf(let names) = attribute.values { values = .strings(names) }
                    return .members([
                        "name": .string(attribute.name), "label": .string(MetricDefinition.prometheusLabel(attribute.name)), "values": values,
                    ])
                }),
        ])
    }

    private static func proof(_ proof: Alert.Proof) -> JSON {
        switch proof {
        case .running(let fault): .members(["kind": .string("running"), "fault": .string(fault)])
        case .series(let reason): .members(["kind": .string("series"), "reason": .string(reason)])
        }
    }
}
