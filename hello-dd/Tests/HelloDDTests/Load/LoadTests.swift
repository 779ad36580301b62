import HTTPPath
import HTTPTypes
import NIOCore
import Synchronization
import TestKit
import Testing

@testable import HelloDD

@Suite("load: arguments")
struct LoadArgumentTests {
    @Test(
        "a time is a number with its unit",
        arguments: [
            ("250ms", Duration.milliseconds(250)), ("30s", .seconds(30)), ("1.5s", .milliseconds(1500)), ("2m", .seconds(120)),
            ("2min", .seconds(120)),
            ("1h", .seconds(3600)), ("0s", .zero), ("70us", .microseconds(70)),
        ])
    func spans(text: String, duration: Duration) { #expect(TimeSpan(argument: text)?.value == duration) }

    @Test("what is no time is refused", arguments: ["", "30", "s", "-1s", "1d", "1 s", "1e3s", "infs", "١s"])
    func noSpans(text: String) { #expect(TimeSpan(argument: text) == nil) }

    @Test("what is no mix is refused", arguments: ["", "browse", "browse=", "browse=0", "browse=-1", "steal=1", "browse=1,", "browse=1,browse=2"])
    func noMixes(text: String) { #expect(JourneyMix(argument: text) == nil) }

    @Test(
        "what is no objective is refused",
        arguments: ["p99", "p98=1ms", "p99=", "p99=50", "errors=-1", "errors=101%", "steal.p99=1s", "=", "errors=x"])
    func noObjectives(text: String) { #expect(Objective(argument: text) == nil) }

    @Test("a journey comes as often as its weight says")
    func weights() {
        let mix = JourneyMix(argument: "buy=1,browse=3")!
        let journeys = (0..<400).map { mix.journey(UInt64($0)) }
        #expect(journeys.count { $0 == .browse } == 300)
        #expect(JourneyMix(argument: "buy=1,browse=0")!.journey(7) == .buy)
    }
}

@Suite("load: objectives")
struct ObjectiveTests {
    private func result(leftOut: Int = 0) -> LoadResult {
        var result = LoadResult(plan: LoadPlan(rate: 1, duration: .seconds(1)))
        var browsing = StepResult()
        for index in 1...100 { browsing.record(index <= 98 ? 200 : index == 99 ? 503 : 0, .milliseconds(index)) }
        var buying = StepResult()
        buying.record(201, .milliseconds(500))
        buying.record(409, .milliseconds(1))
        result.steps = [.init(journey: .browse, name: "product"): browsing, .init(journey: .buy, name: "order"): buying]
        result.leftOut = leftOut
        return result
    }

    @Test(
        "an objective is met up to its bound and not beyond",
        arguments: [
            ("max=500ms", true), ("max=499ms", false), ("browse.max=100ms", true), ("browse.max=99ms", false), ("browse.p50=51ms", true),
            ("browse.p50=49ms", false), ("buy.p50=1ms", true), ("errors=2", true), ("errors=1", false), ("errors=2%", true), ("errors=1.9%", false),
            ("buy.errors=0", true), ("browse.errors=1", false), ("refused=1", true), ("refused=0", false), ("browse.refused=0", true),
        ])
    func bounds(text: String, isMet: Bool) { #expect(Objective(argument: text)?.verdict(on: result()).isMet == isMet) }

    @Test("a visitor that was left out counts as an error")
    func leftOut() {
        #expect(Objective(argument: "errors=2")?.verdict(on: result(leftOut: 1)).isMet == false)
        #expect(Objective(argument: "errors=3")?.verdict(on: result(leftOut: 1)).isMet == true)
    }

    @Test("a run that sent nothing meets nothing", arguments: ["max=1h", "errors=100%", "refused=0"])
    func nothing(text: String) {
        let empty = LoadResult(plan: LoadPlan(rate: 1, duration: .seconds(1)))
        #expect(Objective(argument: text)?.verdict(on: empty).isMet == false)
    }
}

@Suite("load: runs")
struct LoadRunTests {
    private let products = ["A-1", "B-2"]

    @Test("as many visitors come as the rate and the time say, each to its end")
    func count() async throws {
        let upstream = ObservedShop()
        let run = LoadRun(
            plan: LoadPlan(rate: 400, duration: .milliseconds(250), mix: JourneyMix(weights: [.browse: 1])), shop: upstream.shop, products: products)
        let result = await run.run(endingOnSignal: false)
        #expect(result.started == 100 && result.finished == 100 && result.leftOut == 0)
        #expect(result.total().sent == 200 && result.total().succeeded == 200)
        #expect(upstream.count == 200)
    }

    @Test("visitors come on schedule though nobody is answered, and their wait counts from when they were due")
    func openLoop() async throws {
        let gate = Gate()
        let upstream = ObservedShop { count in
            // Nobody gets an answer before the last one has come: a loop that waits for answers would never get there.
            if count == 50 { gate.open() }
            try? await gate.pass()
        }
        let run = LoadRun(
            plan: LoadPlan(rate: 500, duration: .milliseconds(100), mix: JourneyMix(weights: [.browse: 1])), shop: upstream.shop, products: products)
        let result = await run.run(endingOnSignal: false)
        let first = try #require(result.steps[.init(journey: .browse, name: "catalogue")])
        #expect(first.sent == 50)
        // The first was due 98 ms before the last.
        #expect(first.longest >= .milliseconds(97))
    }

    @Test("beyond the bound visitors are left out and counted")
    func bounded() async throws {
        let gate = Gate()
        let upstream = ObservedShop { _ in try? await gate.pass() }
        var plan = LoadPlan(rate: 500, duration: .milliseconds(100), mix: JourneyMix(weights: [.browse: 1]))
        plan.maxInFlight = 5
        let run = LoadRun(plan: plan, shop: upstream.shop, products: products)
        async let result = run.run(endingOnSignal: false) { result in if result.leftOut == 45 { gate.open() } }
        let finished = await result
        #expect(finished.started == 5 && finished.finished == 5 && finished.leftOut == 45)
    }

    @Test("nothing is sent again unless told to", arguments: [(0, 1), (2, 3)])
    func retries(retries: Int, sent: Int) async throws {
        let upstream = ObservedShop(status: 503)
        var plan = LoadPlan(rate: 10, duration: .milliseconds(100), mix: JourneyMix(weights: [.browse: 1]))
        plan.retries = retries
        let result = await LoadRun(plan: plan, shop: upstream.shop, products: products).run(endingOnSignal: false)
        #expect(upstream.count == sent)
        #expect(result.total().errors == 1 && result.retried == retries)
    }

    @Test("the warm-up is not counted, and what no answer came to is an error")
    func warmUp() async throws {
        let upstream = ObservedShop(status: nil)
        var plan = LoadPlan(rate: 100, duration: .milliseconds(50), mix: JourneyMix(weights: [.browse: 1]))
        plan.warmUp = .milliseconds(50)
        let result = await LoadRun(plan: plan, shop: upstream.shop, products: products).run(endingOnSignal: false)
        #expect(result.started == 10)
        #expect(result.total().sent == 5 && result.total().errors == 5 && result.total().statuses == [0: 5])
    }
}

/// A shop that counts its visitors and gives them all the same answer, when it lets them.
private final class ObservedShop: Upstream {
    let name = "observed"
    private let status: Int?
    private let arrive: @Sendable (Int) async -> Void
    private let arrivals = Mutex(0)

    init(status: Int? = 200, _ arrive: @escaping @Sendable (Int) async -> Void = { _ in }) {
        self.status = status
        self.arrive = arrive
    }

    var count: Int { arrivals.withLock { $0 } }
    var shop: Shop { Shop(upstream: self, address: "http://here", keys: KeyRing(folder: RunFolder(path: "/nowhere")), startAdvice: "start it") }

    func send(_ request: UpstreamRequest) async throws(UpstreamError) -> UpstreamResponse {
        let count = arrivals.withLock { count in
            count += 1
            return count
        }
        await arrive(count)
        guard let status else { throw UpstreamError(.interrupted, upstream: name, detail: "gone") }
        return UpstreamResponse(status: status, headers: [:], body: ByteBuffer(string: "{}"))
    }

    func stream(_ request: UpstreamRequest, body: UpstreamBody?) async throws(UpstreamError) -> UpstreamStream {
        throw UpstreamError(.unreachable, upstream: name, detail: "no streams")
    }
}
