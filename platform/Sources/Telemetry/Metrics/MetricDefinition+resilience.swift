extension MetricDefinition {
    /// Of a service that calls others. The label `upstream` is the callee's name.
    public static let resilience: [MetricDefinition] = [
        MetricDefinition(
            name: "resilience.circuit_breaker.state", unit: .one, kind: .gauge,
            description: "0 closed, 1 open, 2 half-open, 3 forced open, 4 disabled, 5 metrics only.", labels: ["upstream"]),
        MetricDefinition(
            name: "resilience.circuit_breaker.transitions", unit: .count("transition"), kind: .counter,
            description: "Changes of a circuit breaker's state.", labels: ["upstream", "from", "to"]),
        MetricDefinition(
            name: "resilience.circuit_breaker.rejections", unit: .count("call"), kind: .counter,
            description: "Calls that a circuit breaker refused.", labels: ["upstream", "state"]),
        MetricDefinition(
            name: "resilience.retry.attempts", unit: .count("attempt"), kind: .counter,
            description: "Attempts made because the one before failed.", labels: ["upstream"]),
        MetricDefinition(
            name: "resilience.retry.budget.remaining", unit: .count("attempt"), kind: .gauge,
            description: "Retries and hedges that the budget has left.", labels: ["upstream"]),
        MetricDefinition(
            name: "resilience.retry.budget.exhausted", unit: .count("call"), kind: .counter,
            description: "Calls that were not tried again because the budget was spent.", labels: ["upstream"]),
        MetricDefinition(
            name: "resilience.hedge.issued", unit: .count("attempt"), kind: .counter,
            description: "Second attempts sent beside one that was late.", labels: ["upstream"]),
        MetricDefinition(
            name: "resilience.hedge.won", unit: .count("attempt"), kind: .counter,
            description: "Second attempts that answered first.", labels: ["upstream"]),
        MetricDefinition(
            name: "resilience.limiter.limit", unit: .count("call"), kind: .gauge,
            description: "Calls that may be under way at once, as it is found out.", labels: ["upstream"]),
        MetricDefinition(
            name: "resilience.limiter.inflight", unit: .count("call"), kind: .gauge, description: "Calls under way.", labels: ["upstream"]),
        MetricDefinition(
            name: "resilience.limiter.rejected", unit: .count("call"), kind: .counter,
            description: "Calls refused because too many were under way, or no time was left.", labels: ["upstream", "reason"]),
        MetricDefinition(
            name: "resilience.endpoint.ejections", unit: .count("ejection"), kind: .counter,
            description: "Times that one of several addresses was left out because it failed.", labels: ["upstream"]),
    ]
}
