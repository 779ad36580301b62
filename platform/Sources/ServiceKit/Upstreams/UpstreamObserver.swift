import Basics
public import HTTPPath
public import Logging
import Metrics
public import Resilience
import Telemetry

/// Makes metrics and log records of what happens in pipelines. Names and labels are those of ``MetricDefinition/resilience``.
public struct UpstreamObserver: CallObserver {
    private let logger: Logger

    public init(_ logger: Logger) { self.logger = logger }

    public func observe(_ event: CallEvent, in pipeline: String) {
        let upstream = ("upstream", pipeline)
        // On the task that makes the call, so the current span is the one that it belongs to.
        TraceSpan.current?.addEvent(
            SpanRecord.Event(event.name, attributes: [Attribute("upstream", pipeline), Attribute("resilience.reason", event.reason)]))
        switch event {
        case .rejected(.circuitOpen(let open)):
            Counter(label: "resilience.circuit_breaker.rejections", dimensions: [upstream, ("state", open.state.rawValue)]).increment()
        case .rejected(let rejection):
            Counter(label: "resilience.limiter.rejected", dimensions: [upstream, ("reason", rejection.reason)]).increment()
        case .retried: Counter(label: "resilience.retry.attempts", dimensions: [upstream]).increment()
        case .retryBudgetExhausted: Counter(label: "resilience.retry.budget.exhausted", dimensions: [upstream]).increment()
        case .hedged: Counter(label: "resilience.hedge.issued", dimensions: [upstream]).increment()
        case .hedgeWon: Counter(label: "resilience.hedge.won", dimensions: [upstream]).increment()
        case .breaker(let transition):
            Counter(
                label: "resilience.circuit_breaker.transitions",
                dimensions: [upstream, ("from", transition.from.rawValue), ("to", transition.to.rawValue)]
            ).increment()
            Gauge(label: "resilience.circuit_breaker.state", dimensions: [upstream]).record(transition.to.number)
            logger.log(
                level: transition.to == .open || transition.to == .forcedOpen ? .warning : .notice, "circuit breaker",
                metadata: ["upstream": "\(pipeline)", "from": "\(transition.from.rawValue)", "to": "\(transition.to.rawValue)"])
        }
    }

    /// Tells of an address that was taken out, or came back.
    public func observe(_ change: EndpointMachine<ServiceAddress>.Change, in pipeline: String) {
        switch change {
        case .ejected(let address, let time):
            Counter(label: "resilience.endpoint.ejections", dimensions: [("upstream", pipeline)]).increment()
            logger.warning(
                "an address is left out", metadata: ["upstream": "\(pipeline)", "address": "\(address)", "seconds": "\(time.inSeconds)"])
        case .returned(let address):
            logger.notice("an address is back", metadata: ["upstream": "\(pipeline)", "address": "\(address)"])
        }
    }

    /// What is so now, and not only when something happens.
    func sample(_ pipeline: CallPipeline) {
        let upstream = [("upstream", pipeline.name)]
        let limit = pipeline.limit.snapshot
        Gauge(label: "resilience.circuit_breaker.state", dimensions: upstream).record(pipeline.breaker.state.number)
        Gauge(label: "resilience.limiter.limit", dimensions: upstream).record(limit.limit)
        Gauge(label: "resilience.limiter.inflight", dimensions: upstream).record(limit.inFlight)
        Gauge(label: "resilience.retry.budget.remaining", dimensions: upstream).record(pipeline.budget.snapshot.remaining)
    }
}

extension BreakerState {
    /// For a gauge; the order is that of ``BreakerState``.
    fileprivate var number: Int { BreakerState.allCases.firstIndex(of: self) ?? -1 }
}

extension CallEvent {
    /// As a span's event is called.
    fileprivate var name: String {
        switch self {
        case .rejected: "resilience.rejected"
        case .retried: "resilience.retried"
        case .retryBudgetExhausted: "resilience.budget_exhausted"
        case .hedged: "resilience.hedged"
        case .hedgeWon: "resilience.hedge_won"
        case .breaker: "resilience.circuit_breaker"
        }
    }

    fileprivate var reason: String {
        switch self {
        case .rejected(let rejection): rejection.reason
        case .retried(let number, let delay): "attempt \(number) after \(delay.milliseconds) ms"
        case .retryBudgetExhausted: "the retry budget is spent"
        case .hedged: "later than most"
        case .hedgeWon: "answered first"
        case .breaker(let transition): "\(transition.from.rawValue) to \(transition.to.rawValue)"
        }
    }
}
