import HTTPPath
import HTTPTypes
import TestKit
import Testing

@Suite("CallContext")
struct CallContextTests {
    private func context(_ headers: HTTPFields) -> CallContext {
        var random = SplitMix64(seed: 7)
        return CallContext(continuing: headers, using: &random)
    }

    private let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test("a trace is continued with a span of its own")
    func continues() {
        let context = context([.traceparent: parent, .tracestate: "a=1", .baggage: "k=v", .correlationID: "order:7_x.y-z"])
        #expect(context.traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(context.spanID != "00f067aa0ba902b7")
        #expect(context.sampled)
        #expect(context.traceState == "a=1")
        #expect(context.baggage == "k=v")
        #expect(context.correlationID == "order:7_x.y-z")
    }

    @Test("what the caller does not want recorded is not")
    func unsampled() {
        #expect(!context([.traceparent: String(parent.dropLast(2)) + "00"]).sampled)
        #expect(
            context([.traceparent: "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-future"]).traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
    }

    @Test(
        "a traceparent that is not valid begins a new trace, without the state of the old one",
        arguments: [
            "", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
        ])
    func invalid(_ text: String) {
        let context = context([.traceparent: text, .tracestate: "a=1"])
        #expect(context.traceID.count == 32 && context.traceID != "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(context.traceState == nil)
    }

    @Test("a request id counts as a correlation id; X-Correlation-ID wins")
    func requestID() {
        #expect(context([.requestID: "r-1"]).correlationID == "r-1")
        #expect(context([.requestID: "r-1", .correlationID: "c-1"]).correlationID == "c-1")
    }

    @Test("a correlation id that could do harm in a log is replaced", arguments: ["", "a b", "a\"b", "é", "{x}", String(repeating: "x", count: 129)])
    func harmful(_ id: String) {
        let made = context([.correlationID: id]).correlationID
        #expect(made != id)
        #expect(made.count == 32)
    }

    @Test("what is put into a call's headers is read back as the same trace")
    func inject() {
        var first = context([.baggage: "k=v"])
        first.subject = "ann"
        var headers = HTTPFields()
        first.inject(into: &headers)
        let second = context(headers)
        #expect(second.traceID == first.traceID)
        #expect(second.correlationID == first.correlationID)
        #expect(second.baggage == "k=v")
        #expect(headers[.onBehalfOf] == "ann")
        #expect(headers[.tracestate] == nil)
    }
}

@Suite("Percent-encoding")
struct PercentEncodingTests {
    @Test(
        "all but the unreserved characters are encoded, byte by byte",
        arguments: [
            ("aZ09-._~", "aZ09-._~"), ("a b/c?d#e%&+=", "a%20b%2Fc%3Fd%23e%25%26%2B%3D"), ("é\u{0}\n", "%C3%A9%00%0A"), ("", ""), ("..", ".."),
        ])
    func encoding(_ text: String, _ encoded: String) {
        #expect(text.percentEncoded == encoded)
    }
}
