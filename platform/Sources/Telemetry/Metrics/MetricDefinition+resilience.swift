extension MetricDefinition {
    private static let upstream = MetricAttribute.from("upstream", "the services that this one calls", most: 10)
    private static func breakerState(_ name: String) -> MetricAttribute {
        .oneOf(name, "closed", "open", "half-open", "forced-open", "disabled", "metrics-only")
    }

    /// Of a service that calls others. The label `upstream` is the callee's name.
    public static let resilience: [MetricDefinition] = [
        MetricDefinition(
            name: "resilience.circuit_breaker.state", unit: .one, kind: .gauge,
            description: "0 closed, 1 open, 2 half-open, 3 forced open, 4 disabled, 5 metrics only.", attributes: [upstream]),
        MetricDefinition(
            name: "resilience.circuit_breaker.transitions", unit: .count("transition"), kind: .counter,
            description: "Changes of a circuit breaker's state.", attributes: [upstream, breakerState("from"), breakerState("to")]),
        MetricDefinition(
            name: "resilience.circuit_breaker.rejections", unit: .count("call"), kind: .counter,
            description: "Calls that a circuit breaker refused.", attributes: [upstream, breakerState("state")]),
        MetricDefinition(
            name: "resilience.retry.attempts", unit: .count("attempt"), kind: .counter,
            description: "Attempts made because the one before failed.", attributes: [upstream]),
        MetricDefinition(
            name: "resilience.retry.budget.remaining", unit: .count("attempt"), kind: .gauge,
            description: "Retries and hedges that the budget has left.", attributes: [upstream]),
        MetricDefinition(
            name: "resilience.retry.budget.exhausted", unit: .count("call"), kind: .counter,
            description: "Calls that were not tried again because the budget was spent.", attributes: [upstream]),
        MetricDefinition(
            name: "resilience.hedge.issued", unit: .count("attempt"), kind: .counter,
            description: "Second attempts sent beside one that was late.", attributes: [upstream]),
        MetricDefinition(
            name: "resilience.hedge.won", unit: .count("attempt"), kind: .counter,
            description: "Second attempts that answered first.", attributes: [upstream]),
        MetricDefinition(
            name: "resilience.limiter.limit", unit: .count("call"), kind: .gauge,
            description: "Calls that may be under way at once, as it is found out.", attributes: [upstream]),
        MetricDefinition(
            name: "resilience.limiter.inflight", unit: .count("call"), kind: .gauge, description: "Calls under way.", attributes: [upstream]),
        MetricDefinition(
            name: "resilience.limiter.rejected", unit: .count("call"), kind: .counter,
            description: "Calls refused because too many were under way, or the time left was too short.",
            attributes: [upstream, .oneOf("reason", "admission", "concurrency", "wait", "deadline")]),
        MetricDefinition(
            name: "resilience.endpoint.ejections", unit: .count("ejection"), kind: .counter,
            description: "Times that one of several addresses was left out because it failed.", attributes: [upstream]),
    ]
}
