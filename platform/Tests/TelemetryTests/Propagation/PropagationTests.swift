import Testing

@testable import Telemetry

@Suite("Propagation")
struct PropagationTests {
    private let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    private func extract(_ headers: [PropagationHeader: String], _ propagation: Propagation = Propagation()) -> SpanContext? {
        propagation.extract { headers[$0] }.context
    }

    private func inject(_ context: SpanContext, _ propagation: Propagation = Propagation()) -> [PropagationHeader: String] {
        var headers: [PropagationHeader: String] = [:]
        propagation.inject(context) { headers[$0] = $1 }
        return headers
    }

    @Test("a traceparent is read with its state and the baggage, and written back the same")
    func w3c() throws {
        let context = try #require(extract([.traceparent: parent, .tracestate: "a=1,dd=s:2", .baggage: "k=v"]))
        #expect(context.traceID.description == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(context.spanID.description == "00f067aa0ba902b7")
        #expect(context.isSampled)
        #expect(context.isRemote)
        let written = inject(context, Propagation([.tracecontext, .baggage]))
        #expect(written == [.traceparent: parent, .tracestate: "a=1,dd=s:2", .baggage: "k=v"])
    }

    @Test("a later version may say more at its end")
    func future() {
        #expect(extract([.traceparent: "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-future"]) != nil)
        #expect(extract([.traceparent: "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01future"]) == nil)
        #expect(extract([.traceparent: String(parent.dropLast(2)) + "02"])?.isSampled == false)
    }

    @Test(
        "a traceparent that is not valid counts as not there",
        arguments: [
            "", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-001",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x", "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
        ])
    func invalid(_ text: String) {
        #expect(extract([.traceparent: text, .tracestate: "a=1"]) == nil)
    }

    @Test("Datadog's headers are read with the upper half of the trace's id, and written back the same")
    func datadog() throws {
        let headers: [PropagationHeader: String] = [
            .datadogTraceID: "11803532876627986230", .datadogParentID: "67667974448284343", .datadogPriority: "2", .datadogOrigin: "synthetics",
            .datadogTags: "_dd.p.tid=4bf92f3577b34da6,_dd.p.dm=-4",
        ]
        let context = try #require(extract(headers))
        #expect(context.traceID.description == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(context.spanID.description == "00f067aa0ba902b7")
        #expect(context.isSampled)
        #expect(inject(context, Propagation([.datadog])) == headers)
        #expect(inject(context)[.traceparent] == parent, "and in W3C's words it is the same trace")
    }

    @Test("a Datadog trace of 64 bits has zeros above, and no tag is made for them")
    func datadog64() throws {
        let context = try #require(extract([.datadogTraceID: "7", .datadogParentID: "9"]))
        #expect(context.traceID == TraceID(high: 0, low: 7))
        #expect(inject(context, Propagation([.datadog])) == [.datadogTraceID: "7", .datadogParentID: "9", .datadogPriority: "1"])
    }

    @Test("a priority of 0 or below is a trace that is not wanted", arguments: [("-1", false), ("0", false), ("1", true), ("2", true), ("x", true)])
    func priority(_ text: String, _ isSampled: Bool) {
        #expect(extract([.datadogTraceID: "7", .datadogParentID: "9", .datadogPriority: text])?.isSampled == isSampled)
    }

    @Test(
        "Datadog's headers that are not valid count as not there",
        arguments: [
            [.datadogTraceID: "0", .datadogParentID: "9"], [.datadogTraceID: "7", .datadogParentID: "0"], [.datadogTraceID: "7"],
            [.datadogTraceID: "-7", .datadogParentID: "9"], [.datadogTraceID: "18446744073709551616", .datadogParentID: "9"],
            [.datadogTraceID: "a", .datadogParentID: "9"],
        ] as [[PropagationHeader: String]])
    func invalidDatadog(_ headers: [PropagationHeader: String]) {
        #expect(extract(headers) == nil)
    }

    @Test("where both are there the first style says which trace it is; the other adds to it only if it is about the same")
    func precedence() throws {
        let same: [PropagationHeader: String] = [
            .traceparent: parent, .datadogTraceID: "11803532876627986230", .datadogParentID: "5", .datadogPriority: "2",
        ]
        let first = try #require(extract(same))
        #expect(first.spanID.description == "00f067aa0ba902b7")
        #expect(first.carried?.datadog?.priority == 2)
        let other: [PropagationHeader: String] = [.traceparent: parent, .datadogTraceID: "7", .datadogParentID: "5", .datadogPriority: "2"]
        #expect(extract(other)?.carried?.datadog == nil)
        #expect(extract(other, Propagation([.datadog, .tracecontext]))?.traceID.low == 7)
    }

    @Test("baggage is carried without a trace too; what is no header text or too long is not")
    func baggage() {
        #expect(Propagation().extract { $0 == .baggage ? "k=v" : nil }.carried?.baggage == "k=v")
        #expect(Propagation().extract { $0 == .baggage ? "k=v\r\nx: y" : nil }.carried == nil)
        #expect(Propagation().extract { $0 == .baggage ? String(repeating: "k", count: 8193) : nil }.carried == nil)
        #expect(extract([.traceparent: parent, .tracestate: String(repeating: "a", count: 513)])?.carried == nil)
    }

    @Test("what was never decided by a person is told as it was decided here")
    func decidedHere() {
        var context = SpanContext(traceID: TraceID(high: 0, low: 7), spanID: SpanID(9), isSampled: true)
        #expect(inject(context)[.datadogPriority] == "1")
        context.carried = SpanContext.Carried(datadog: .init(priority: -1))
        #expect(inject(context)[.datadogPriority] == "1", "recorded against the caller's wish, so it says so")
        context.isSampled = false
        #expect(inject(context)[.datadogPriority] == "-1")
    }

    @Test("a stored span is read back")
    func stored() {
        let context = SpanContext(traceID: TraceID(high: .max, low: 1), spanID: SpanID(.max), isSampled: false)
        #expect(context.traceparent == "00-ffffffffffffffff0000000000000001-ffffffffffffffff-00")
        #expect(SpanContext(traceparent: context.traceparent)?.traceID == context.traceID)
        #expect(SpanContext(traceparent: "x") == nil)
    }
}
