import Testing
import Tracing

@testable import Telemetry

@Suite("Spans")
struct TraceSpanTests {
    private struct Late: SpanErrorDescribing {
        var spanErrorType: String { "late" }
        var spanErrorMessage: String { "it came too late" }
    }

    private struct Secret: Error {
        let password = "hunter2"
    }

    private let spans = KeptSpans()
    private var tracer: TelemetryTracer { TelemetryTracer(sink: spans, seed: 1) }

    @Test("children belong to the span that is current, and end before it")
    func tree() async {
        await tracer.begin("root", kind: .server).run { root in
            await withChildSpan("inner", attributes: [Attribute("a", 1)]) { inner in
                #expect(TraceSpan.current === inner)
                inner?.record(child: "leaf", kind: .client, start: 1, end: 2, attributes: [])
            }
            #expect(TraceSpan.current === root)
        }
        let (leaf, inner, root) = (spans.all[0], spans.all[1], spans.all[2])
        #expect([leaf.name, inner.name, root.name] == ["leaf", "inner", "root"])
        #expect(leaf.parentID == inner.context.spanID)
        #expect(inner.parentID == root.context.spanID)
        #expect(root.parentID == nil)
        #expect(Set(spans.all.map(\.context.traceID)).count == 1)
        #expect(inner.attributes == [Attribute("a", 1)])
        #expect(inner.end >= inner.start)
    }

    @Test("a thrown error marks the span by what it says of itself, or by its type and nothing else")
    func errors() async {
        for error in [Late() as any Error, Secret(), CancellationError()] {
            try? await tracer.begin("work").run { _ in throw error }
        }
        let type = String(reflecting: Secret.self)
        let statuses: [SpanRecord.Status] = [.error("it came too late"), .error(type), .unset]
        #expect(spans.all.map(\.status) == statuses)
        #expect(spans.all.map { $0[.errorType] } == ["late", .string(type), "cancelled"])
    }

    @Test("what is told to a span after its end is lost, and it ends once")
    func afterEnd() {
        let span = tracer.begin("once")
        span.end(time: Ticks.now())
        span.set("late", "x")
        span.end(time: Ticks.now())
        #expect(spans.all.count == 1)
        #expect(spans.all[0].attributes.isEmpty)
    }

    @Test("secrets do not get into attributes, whichever way they come")
    func redaction() {
        let span = tracer.begin("work", attributes: [Attribute("user.password", "hunter2")])
        span.set("http.request.header.authorization", "Bearer x")
        span.updateAttributes { $0["api_key"] = "k" }
        span.addEvent(SpanRecord.Event("e", attributes: [Attribute("card.number", "4111")]))
        span.end()
        #expect(spans.all[0].attributes.allSatisfy { $0.value == "[redacted]" })
        #expect(spans.all[0].attributes.count == 3)
        #expect(spans.all[0].events[0].attributes == [Attribute("card.number", "x")])
    }

    @Test("attributes, events, links and texts are bounded, and what was left out is counted")
    func limits() throws {
        var limits = SpanLimits()
        (limits.attributes, limits.events, limits.links, limits.valueBytes) = (2, 1, 1, 16)
        let span = TelemetryTracer(sink: spans, limits: limits).begin("work")
        for index in 0..<4 { span.set(AttributeKey("k\(index)"), String(repeating: "é", count: 40)) }
        for _ in 0..<3 { span.addEvent(SpanRecord.Event("e")) }
        for _ in 0..<4 { span.addLink(SpanRecord.Link(span.identity)) }
        span.end()
        let record = try #require(spans.all.first)
        #expect(record.attributes.map(\.value) == ["éééééééé…(+64 bytes)", "éééééééé…(+64 bytes)"])
        #expect((record.droppedAttributes, record.droppedEvents, record.droppedLinks) == (2, 2, 3))
    }

    @Test("off: nothing is recorded, and identities are made and handed on all the same")
    func off() async {
        let span = TelemetryTracer.off.begin("work")
        #expect(!span.isRecording)
        await span.run { _ in
            await withChildSpan("inner") { #expect($0 == nil) }
            #expect(TraceSpan.current?.childIdentity().traceID == span.identity.traceID)
        }
        #expect(span.child("c").identity.traceID == span.identity.traceID)
    }

    @Test("a request that is not sampled is kept if it fails, with all its spans; another one is not")
    func keepErrors() {
        let tracer = TelemetryTracer(sink: spans, sampler: Sampler(ratio: 0), keep: KeepRule(errors: true, slowSeconds: nil))
        for fails in [false, true] {
            let root = tracer.begin("root")
            root.child("inner").end()
            if fails { root.fail(Late()) }
            root.end()
            root.record(child: "after the end", kind: .internal, start: 1, end: 2, attributes: [])
        }
        #expect(spans.all.map(\.name) == ["inner", "root", "after the end"])
        #expect(spans.all[1][.keptBecause] == "error")
    }

    @Test("a request that is not sampled is kept if it is slow, and holds so many spans and no more")
    func keepSlow() {
        let tracer = TelemetryTracer(sink: spans, sampler: Sampler(ratio: 0), keep: KeepRule(errors: false, slowSeconds: 2))
        let quick = tracer.begin("quick", start: 0)
        quick.end(time: 1_999_999_999)
        let slow = tracer.begin("slow", start: 0)
        for index in 0..<300 { slow.record(child: "\(index)", kind: .internal, start: 0, end: 1, attributes: []) }
        slow.end(time: 2_000_000_000)
        #expect(spans.all.count == PendingTrace.mostSpans)
        #expect(spans.all.allSatisfy { $0.name != "quick" })
    }

    @Test("a caller that does not record its trace is followed, and what is not wanted begins none")
    func unsampled() {
        let remote = SpanContext(traceID: TraceID(high: 1, low: 2), spanID: SpanID(3), isSampled: false, isRemote: true)
        #expect(!tracer.begin("a", continuing: remote).isRecording)
        #expect(!tracer.begin("health", wanted: false).isRecording)
        var sampled = remote
        sampled.isSampled = true
        #expect(tracer.begin("health", continuing: sampled, wanted: false).isRecording)
    }

    @Test("swift-distributed-tracing's own calls make the same spans")
    func tracingAPI() {
        var context = InstrumentationContext.topLevel
        tracer.extract(["traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"], into: &context, using: Headers())
        tracer.withSpan("outer", context: context, ofKind: .server) { outer in
            outer.attributes["n"] = 7
            var headers: [String: String] = [:]
            tracer.inject(outer.context, into: &headers, using: Headers())
            #expect(headers["traceparent"] == "00-4bf92f3577b34da6a3ce929d0e0e4736-\(outer.identity.spanID)-01")
            tracer.withSpan("inner") { inner in
                inner.addEvent("seen")
                inner.addLink(outer)
                inner.setStatus(.init(code: .ok))
            }
            _ = try? tracer.withSpan("failing") { _ in throw Late() }
        }
        #expect(spans.all.map(\.name) == ["inner", "failing", "outer"])
        let (inner, failing, outer) = (spans.all[0], spans.all[1], spans.all[2])
        #expect(outer.parentID?.description == "00f067aa0ba902b7")
        #expect(outer.hasRemoteParent)
        #expect(outer["n"] == 7)
        #expect(inner.parentID == outer.context.spanID)
        #expect(inner.status == .ok)
        #expect(inner.events.map(\.name) == ["seen"])
        #expect(inner.links.map(\.context) == [outer.context])
        #expect(failing[.errorType] == "late")
        #expect(failing.events.map(\.name) == ["exception"])
    }

    private struct Headers: Extractor, Injector {
        func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
        func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
    }
}
