extension MetricDefinition {
    /// What is broken on purpose, so that nobody takes it for a real fault.
    public static let faults: [MetricDefinition] = [faultInjections, faultActive]

    public static let faultInjections = MetricDefinition(
        name: "fault.injections", unit: .count("request"), kind: .counter, description: "Requests that a fault set on purpose has met.",
        attributes: [.oneOf("fault.kind", "latency", "error")]
    )
    public static let faultActive = MetricDefinition(
        name: "fault.active", unit: .count("fault"), kind: .gauge, description: "Faults set on purpose that are in force now."
    )
}
