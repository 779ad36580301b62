import Testing

@testable import Telemetry

@Suite("Samplers")
struct SamplerTests {
    private let low = TraceID(high: 9, low: 1)
    private let high = TraceID(high: 9, low: .max)

    private func parent(_ isSampled: Bool) -> SpanContext { SpanContext(traceID: low, spanID: SpanID(1), isSampled: isSampled, isRemote: true) }

    @Test("always and never mean it, unless a parent is asked first")
    func constant() {
        #expect(Sampler(parentBased: false, ratio: 1).samples(high, parent: parent(false)))
        #expect(!Sampler(parentBased: false, ratio: 0).samples(low, parent: parent(true)))
        #expect(Sampler(ratio: 0).samples(high, parent: parent(true)))
        #expect(!Sampler().samples(low, parent: parent(false)))
        #expect(Sampler().samples(high, parent: nil))
    }

    @Test("a ratio keeps that share of the traces, and the same ones everywhere", arguments: [0.01, 0.1, 0.5, 0.9])
    func ratio(_ ratio: Double) {
        let sampler = Sampler(ratio: ratio)
        let ids = IdentitySource(seed: 4)
        let traces = (0..<20_000).map { _ in ids.traceID() }
        let kept = traces.filter { sampler.samples($0, parent: nil) }
        #expect(abs(Double(kept.count) / 20_000 - ratio) < 0.02)
        #expect(kept == traces.filter { Sampler(parentBased: false, ratio: ratio).samples($0, parent: nil) })
        #expect(kept.allSatisfy { Sampler(ratio: min(1, ratio * 1.1)).samples($0, parent: nil) }, "a higher ratio keeps all of a lower one's")
    }

    @Test(
        "the names of OTEL_TRACES_SAMPLER are known",
        arguments: [
            ("always_on", nil, Sampler(parentBased: false)), ("always_off", "1", Sampler(parentBased: false, ratio: 0)),
            ("traceidratio", "0.25", Sampler(parentBased: false, ratio: 0.25)), ("parentbased_always_on", nil, Sampler()),
            ("parentbased_always_off", nil, Sampler(ratio: 0)), ("parentbased_traceidratio", "0.5", Sampler(ratio: 0.5)),
            ("parentbased_traceidratio", nil, Sampler()), ("jaeger_remote", nil, nil),
        ] as [(String, String?, Sampler?)])
    func names(_ name: String, _ argument: String?, _ sampler: Sampler?) {
        #expect(Sampler(named: name, argument: argument) == sampler)
    }

    @Test("an identity is never zero, and none comes twice")
    func identities() {
        let source = IdentitySource(seed: 0)
        let ids = Set((0..<10_000).map { _ in source.spanID().value })
        #expect(ids.count == 10_000)
        #expect(!ids.contains(0))
    }
}
