import HTTPPath
import Hummingbird
import ServiceKit

/// What the page, and `hello-dd trace`, ask for.
struct TraceRoutes: Sendable {
    let store: TraceStore
    let guardian: HostCheck

    enum Status: String, CaseIterable {
        case ok, error
    }

    func add(to routes: Routes) {
        routes.on("GET /api/v1/traces") { request, _ in
            try guardian.check(request)
            let (filter, page) = try request.query { query in
                let filter = TraceStore.Filter(
                    service: query.string("service"), hasErrors: query.choice("status", Status.self).map { $0 == .error },
                    leastDuration: query.integer("minDurationMs", 0...86_400_000).map { UInt64($0) * 1_000_000 },
                    orderID: query.string("orderId", 1...100))
                let limit = query.integer("limit", 1...200) ?? 50
                let before = query.parsed("cursor", expected: "a cursor that a list gave out") { text -> Int? in
                    guard let cursor = Cursor(text), cursor.parts.count == 1, let number = Int(cursor.parts[0]), number >= 0 else { return nil }
                    return number
                }
                return (filter, (limit: limit, before: before))
            }
            let found = store.list(filter, limit: page.limit, before: page.before)
            return .json(Page(items: found.traces.map(TraceSummary.init), nextCursor: found.next.map { Cursor(String($0)).description }))
        }
        routes.on("GET /api/v1/traces/{traceId}") { request, context in
            try guardian.check(request)
            try request.noQuery()
            let text = try context.path("traceId")
            guard let id = TraceID(text) else { throw Problem.invalidParameter("traceId", "must be 32 hexadecimal digits, not all zero") }
            guard let trace = store.trace(id) else { throw Problem.notFound("trace") }
            return .json(TraceDetail(trace))
        }
        routes.on("GET /api/v1/intake") { request, _ in
            try guardian.check(request)
            try request.noQuery()
            return .json(Intake(counts: store.counts, limits: store.limits, services: store.services))
        }
    }
}

/// What has come in, and what room there is.
struct Intake: JSONWritable {
    let counts: TraceStore.Counts
    let limits: TraceStore.Limits
    let services: [String]

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("traces", counts.traces)
            $0.field("spans", counts.spans)
            $0.field("bytes", counts.bytes)
            $0.field("maxSpans", limits.spans)
            $0.field("maxBytes", limits.bytes)
            $0.field("services", services)
            $0.field("receivedSpans", counts.received)
            $0.field("repeatedSpans", counts.repeated)
            $0.field("rejectedSpans", counts.rejected)
            $0.field("droppedSpans", counts.dropped)
            $0.field("evictedTraces", counts.evictedTraces)
            $0.field("metricDataPoints", counts.dataPoints)
            $0.field("logRecords", counts.logRecords)
        }
    }
}
