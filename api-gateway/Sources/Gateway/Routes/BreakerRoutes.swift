import Basics
import HTTPPath
import Hummingbird
import Logging
import Resilience
import ServiceKit

extension Routes {
    /// What an operator sees of the calls to other services, and the switch of each circuit breaker.
    func addBreakers(_ upstreams: [ResilientUpstream], _ logger: Logger) {
        on("GET /api/v1/admin/breakers") { request, _ in
            try request.noQuery()
            return .json(bytes: JSONWriter.object { $0.field("items", upstreams.map(BreakerView.init)) })
        }
        on("GET /api/v1/admin/breakers/{name}") { request, context in
            try request.noQuery()
            return .json(BreakerView(try upstreams.named(try context.path("name"))))
        }
        on("PUT /api/v1/admin/breakers/{name}") { request, context in
            try request.noQuery()
            let upstream = try upstreams.named(try context.path("name"))
            let (mode, reason) = try await request.json(context) { ($0.choice("mode", BreakerMode.self), $0.string("reason", 1...200)) }
            upstream.pipeline.breaker.set(mode)
            audit(logger, context, upstream, ["mode": "\(mode.rawValue)", "reason": "\(reason)"])
            return .json(BreakerView(upstream))
        }
        on("PATCH /api/v1/admin/breakers/{name}") { request, context in
            try request.noQuery()
            let upstream = try upstreams.named(try context.path("name"))
            try request.requireMediaType("application/json", "application/merge-patch+json")
            let change = try Problem.reading(try await request.bytes(context), BreakerChange.init)
            let thresholds = try change.apply(to: upstream.pipeline)
            audit(logger, context, upstream, ["thresholds": "\(String(buffer: JSONWriter.bytes(thresholds)))", "reason": "\(change.reason)"])
            return .json(BreakerView(upstream))
        }
        on("POST /api/v1/admin/breakers/{name}/reset") { request, context in
            try request.noQuery()
            let upstream = try upstreams.named(try context.path("name"))
            upstream.pipeline.breaker.reset()
            audit(logger, context, upstream, ["mode": "reset"])
            return .json(BreakerView(upstream))
        }
    }
}

extension BreakerChange {
    /// - Returns: the thresholds as they are then.
    fileprivate func apply(to pipeline: CallPipeline) throws(InvalidInput) -> BreakerThresholds {
        var changed = BreakerConfiguration()
        try pipeline.update { policy throws(InvalidInput) in
            changed = policy.breaker ?? changed
            try apply(to: &changed)
            policy.breaker = changed
        }
        return BreakerThresholds(configuration: changed)
    }
}

/// Who did what to a breaker stays in the log.
private func audit(_ logger: Logger, _ context: ServiceContext, _ upstream: ResilientUpstream, _ what: Logger.Metadata) {
    logger.notice(
        "an operator set a circuit breaker",
        metadata: what.merging(["upstream": "\(upstream.name)", "subject": "\(context.identity.subject)"]) { $1 })
}

extension [ResilientUpstream] {
    fileprivate func named(_ name: String) throws(Problem) -> ResilientUpstream {
        guard let upstream = first(where: { $0.name == name }) else { throw .notFound("breaker") }
        return upstream
    }
}

/// A breaker and what stands beside it, as they are now.
private struct BreakerView: JSONWritable {
    let upstream: ResilientUpstream

    init(_ upstream: ResilientUpstream) { self.upstream = upstream }

    func write(to json: inout JSONWriter) {
        let pipeline = upstream.pipeline
        let now = ContinuousClock.now
        let breaker = pipeline.breaker.snapshot
        let limit = pipeline.limit.snapshot
        let budget = pipeline.budget.snapshot
        json.object { json in
            json.field("name", upstream.name)
            json.field("state", breaker.state.rawValue)
            json.field("calls", breaker.calls)
            json.field("failures", breaker.failures)
            json.field("slowCalls", breaker.slowCalls)
            json.field("thresholds", BreakerThresholds(configuration: breaker.configuration))
            json.field("probeInSeconds", breaker.reopening(at: now)?.inSeconds)
            json.field("concurrencyLimit", limit.limit)
            json.field("inFlight", limit.inFlight)
            json.field("retryBudgetRemaining", budget.remaining)
            json.field("lateAfterMilliseconds", pipeline.lateAfter.map { Double($0.microseconds) / 1000 })
            json.field("addresses", upstream.endpoints.snapshot.endpoints.map { AddressView(endpoint: $0, now: now) })
        }
    }
}

private struct AddressView: JSONWritable {
    let endpoint: EndpointMachine<ServiceAddress>.Endpoint
    let now: ContinuousClock.Instant

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.field("address", endpoint.address.baseURL)
            json.field("inFlight", endpoint.inFlight)
            json.field("failuresInRow", endpoint.failuresInRow)
            json.field("leftOut", endpoint.isOut(now))
        }
    }
}
