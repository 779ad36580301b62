import Basics
import HTTPPath
import HTTPTypes
import InventoryAPI
import NIOCore
import Resilience
import Synchronization

/// Shows what a failing service does to a caller: time-out, retry, open breaker, fallback, recovery, hop by hop.
///
/// The services themselves are not touched: the fault is put between this process and one of them, on pipelines that nothing else uses, with
/// times short enough to watch. So it can be asked for in production, one at a time.
final class Cascade: Sendable {
    enum FailureMode: String, CaseIterable, Sendable {
        case pricing, inventory, random
    }

    private let inventory: any Upstream
    private let pricing: any Upstream
    private let isRunning = Mutex(false)

    /// - Parameters: the services without a pipeline of their own.
    init(inventory: any Upstream, pricing: any Upstream) {
        self.inventory = inventory
        self.pricing = pricing
    }

    /// - Throws: 503 while another one runs.
    func run(_ mode: FailureMode) async throws -> ByteBuffer {
        guard
            isRunning.withLock({ running in
                defer { running = true }
                return !running
            })
        else { throw Problem.unavailable("A cascade is being shown already.", retryAfterSeconds: 2) }
        defer { isRunning.withLock { $0 = false } }
        let failing = mode == .random ? (Bool.random() ? FailureMode.pricing : .inventory) : mode
        let hops = [Hop("inventory", inventory), Hop("pricing", pricing)]
        defer { for hop in hops { hop.close() } }
        let victim = hops[failing == .inventory ? 0 : 1]
        let views = ProductViews(inventory: hops[0], pricing: hops[1])
        let product = try await product()
        var steps = [await step("healthy", views, product, hops)]
        victim.break(.failing)
        steps.append(await step("\(failing.rawValue) fails", views, product, hops))
        victim.break(.hanging)
        steps.append(await step("\(failing.rawValue) hangs", views, product, hops))
        steps.append(await step("\(failing.rawValue) is not asked any more", views, product, hops))
        victim.break(nil)
        try await Task.sleep(for: Hop.openTime + .milliseconds(50))
        steps.append(await step("\(failing.rawValue) is well again", views, product, hops))
        let shown = steps
        return JSONWriter.object { json in
            json.field("failureMode", failing.rawValue)
            json.field("steps", shown)
        }
    }

    /// Something to look at; where there is nothing, the answer that it is not there will do.
    private func product() async throws -> String {
        let answer = try await inventory.send(UpstreamRequest(.get, InventoryPaths.products + "?limit=1"))
        let page = try? JSON.parse(answer.body.readableBytesView)
        return page?["items"]?.array?.first?["sku"]?.string ?? "NOTHING-YET"
    }

    private func step(_ name: String, _ views: ProductViews, _ product: String, _ hops: [Hop]) async -> Step {
        for hop in hops { hop.forget() }
        let start = ContinuousClock.now
        let answer: String
        do {
            let view = try JSON.parse(try await views.product(product, currency: nil).readableBytesView)
            answer = view["degraded"] == nil ? "complete" : view["price"] == nil ? "degraded, without a price" : "degraded, with the last known price"
        } catch let problem as Problem where problem.status == 404 {
            answer = "complete"
        } catch {
            answer = "unavailable"
        }
        return Step(
            name: name, answer: answer, duration: .now - start, hops: hops.map { (name: $0.name, events: $0.events, breaker: $0.state.rawValue) })
    }

    private struct Step: JSONWritable {
        let name: String
        let answer: String
        let duration: Duration
        let hops: [(name: String, events: [String], breaker: String)]

        func write(to json: inout JSONWriter) {
            json.object { json in
                json.field("step", name)
                json.field("answer", answer)
                json.field("milliseconds", Double(duration.microseconds) / 1000)
                json.field(
                    "hops",
                    array: { json in
                        for hop in hops {
                            json.object {
                                $0.field("service", hop.name)
                                $0.field("events", hop.events)
                                $0.field("breaker", hop.breaker)
                            }
                        }
                    })
            }
        }
    }
}

/// A service behind a pipeline and a fault of its own, that remembers what happened.
private final class Hop: Upstream, CallObserver {
    enum Fault: Sendable {
        case hanging, failing
    }

    static let openTime = Duration.milliseconds(250)

    let name: String
    private let transport: any Upstream
    private let told = Mutex<(fault: Fault?, events: [String])>((nil, []))
    private let inner = Mutex<ResilientUpstream?>(nil)

    init(_ name: String, _ transport: any Upstream) {
        self.name = name
        self.transport = transport
        var policy = CallPolicy()
        (policy.deadline, policy.attemptTimeout, policy.hedge) = (.milliseconds(600), .milliseconds(150), nil)
        policy.retry.backoff = Backoff(base: .milliseconds(10), cap: .milliseconds(50))
        // One that went well and three that failed do not open it yet: what hangs is to be seen before it does.
        policy.breaker?.minimumCalls = 5
        policy.breaker?.probes = 1
        policy.breaker?.openTime = Self.openTime
        policy.breaker?.slowAfter = .milliseconds(100)
        let pipeline = CallPipeline(name, policy, observer: self)
        let upstream = ResilientUpstream(pipeline, Endpoints([ServiceAddress("http://\(name)")])) { [unowned self] _ in FaultyTransport(hop: self) }
        inner.withLock { $0 = upstream }
    }

    var events: [String] { told.withLock { $0.events } }
    var state: BreakerState { upstream.pipeline.breaker.state }
    private var upstream: ResilientUpstream { inner.withLock { $0! } }

    /// A pipeline and its observer hold each other.
    func close() { inner.withLock { $0 = nil } }
    func forget() { told.withLock { $0.events = [] } }
    func `break`(_ fault: Fault?) { told.withLock { $0.fault = fault } }
    private func note(_ event: String) { told.withLock { $0.events.append(event) } }

    func send(_ request: UpstreamRequest) async throws(UpstreamError) -> UpstreamResponse { try await upstream.send(request) }

    func stream(_ request: UpstreamRequest, body: UpstreamBody?) async throws(UpstreamError) -> UpstreamStream {
        try await upstream.stream(request, body: body)
    }

    func observe(_ event: CallEvent, in pipeline: String) {
        switch event {
        case .rejected(let rejection): note("refused here: \(rejection)")
        case .retried(let number, let delay): note("attempt \(number), after \(delay.milliseconds) ms")
        case .retryBudgetExhausted: note("no retry left in the budget")
        case .hedged: note("second attempt beside the first")
        case .hedgeWon: note("the second attempt answered first")
        case .breaker(let transition): note("breaker: \(transition.from.rawValue) to \(transition.to.rawValue)")
        }
    }

    /// The real service, or what the fault makes of it.
    private struct FaultyTransport: Upstream {
        let hop: Hop
        var name: String { hop.name }

        func send(_ request: UpstreamRequest) async throws(UpstreamError) -> UpstreamResponse {
            switch hop.told.withLock({ $0.fault }) {
            case .failing:
                hop.note("answered 500")
                return UpstreamResponse(status: 500, headers: [:], body: ByteBuffer())
            case .hanging:
                do { try await Task.sleep(for: Deadline.current?.remaining ?? .milliseconds(150)) } catch {
                    throw UpstreamError(.cancelled, upstream: name, detail: "the caller gave up")
                }
                hop.note("no answer in time")
                throw UpstreamError(.timeout, upstream: name, detail: "no answer in time")
            case nil:
                let answer = try await hop.transport.send(request)
                hop.note("answered \(answer.status)")
                return answer
            }
        }

        func stream(_ request: UpstreamRequest, body: UpstreamBody?) async throws(UpstreamError) -> UpstreamStream {
            try await hop.transport.stream(request, body: body)
        }
    }
}
